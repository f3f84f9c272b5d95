package train

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// A candidate is a text that occurs at least twice and that is not always followed by the same character: the inner
// nodes of the suffix tree. It scores its count times its characters.
//
// The tree is walked from its root down, and only its current path exists: suffixes are grouped in place by their next
// character, and a group that occurs less than twice is left at once.

// suffix is a place in the words.
type suffix struct {
	at   uint32 // in the text
	word uint32
}

const suffixBytes = 8

// candidate is a text in the words.
type candidate struct {
	score int64
	at    uint32
	bytes uint16
	chars uint16
}

// best keeps the candidates of the highest scores; of equal ones those with more characters, then by their text.
type best struct {
	text  []byte
	limit int
	floor atomic.Int64 // candidates that score less are not among the best

	mu   sync.Mutex
	list []candidate
}

func (b *best) of(c candidate) []byte { return b.text[c.at : int(c.at)+int(c.bytes)] }

func (b *best) add(list []candidate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, list...)
	if len(b.list) >= 2*b.limit {
		b.cut()
	}
}

func (b *best) cut() {
	if len(b.list) <= b.limit {
		return
	}
	slices.SortFunc(b.list, func(x, y candidate) int {
		if x.score != y.score {
			return cmp.Compare(y.score, x.score)
		}
		return cmp.Or(cmp.Compare(y.chars, x.chars), bytes.Compare(b.of(x), b.of(y)))
	})
	b.list = b.list[:b.limit]
	b.floor.Store(b.list[len(b.list)-1].score)
}

// miner walks the tree.
type miner struct {
	words  *words
	shaper *shaper
	best   *best
	tasks  *tasks
}

// mine finds the best candidates.
func mine(ctx context.Context, w *words, z *shaper, limit, threads int) ([]candidate, error) {
	m := &miner{words: w, shaper: z, best: &best{text: w.text, limit: limit}, tasks: newTasks()}
	n := 0
	for i := range w.len() {
		n += utf8.RuneCount(w.word(i))
	}
	all := make([]suffix, 0, n)
	for i := range w.len() {
		for at := w.starts[i]; at < w.starts[i+1]-1; at++ {
			if utf8.RuneStart(w.text[at]) {
				all = append(all, suffix{at, uint32(i)})
			}
		}
	}
	m.tasks.add(func(t *task) { m.node(t, all, 0, shape{}, 0) })
	if err := m.tasks.run(ctx, threads, func(t *task) { m.best.add(t.found) }); err != nil {
		return nil, err
	}
	m.best.cut()
	return m.best.list, nil
}

// node visits the text that all of the suffixes start with: depth bytes, occurring weight times.
func (m *miner) node(t *task, group []suffix, depth int, s shape, weight int64) {
	branches := true
	m.byByte(group, depth, func(lead byte, group []suffix) {
		if lead == 0 { // the end of words
			return
		}
		m.rest(t, group, depth, depth+1, charBytes(lead), &branches, s, weight)
	})
	if !branches || s.chars < 2 {
		return
	}
	if at := int(group[0].at); !m.shaper.valid(m.words.text[at : at+depth]) {
		return
	}
	c := candidate{weight * int64(s.chars), group[0].at, uint16(depth), uint16(s.chars)}
	if c.score < m.best.floor.Load() {
		return
	}
	if t.found = append(t.found, c); len(t.found) >= 1<<14 {
		m.best.add(t.found)
		t.found = t.found[:0]
	}
}

// rest groups by the bytes of a character behind its first one, and visits the children.
func (m *miner) rest(t *task, group []suffix, from, to, left int, branches *bool, s shape, weight int64) {
	if left > 1 {
		m.byByte(group, to, func(_ byte, group []suffix) {
			m.rest(t, group, from, to+1, left-1, branches, s, weight)
		})
		return
	}
	var sum int64
	for _, x := range group {
		sum += m.words.counts[x.word]
	}
	if sum == weight {
		*branches = false
	}
	if sum < 2 || sum*int64(m.shaper.maxChars) < m.best.floor.Load() {
		return
	}
	at := int(group[0].at)
	c, _ := utf8.DecodeRune(m.words.text[at+from : at+to])
	next, ok, more := m.shaper.add(s, c)
	if !ok && !more {
		return
	}
	if next.chars <= 2 && len(group) >= 1<<14 {
		m.tasks.add(func(t *task) { m.node(t, group, to, next, sum) })
		return
	}
	m.node(t, group, to, next, sum)
}

func charBytes(lead byte) int {
	switch {
	case lead < 0xc0:
		return 1
	case lead < 0xe0:
		return 2
	case lead < 0xf0:
		return 3
	}
	return 4
}

// byByte sorts suffixes in place by the byte at a depth and calls f with each group.
func (m *miner) byByte(group []suffix, depth int, f func(b byte, group []suffix)) {
	text := m.words.text
	if len(group) == 1 {
		f(text[int(group[0].at)+depth], group)
		return
	}
	if len(group) < 64 {
		for i := 1; i < len(group); i++ {
			x := group[i]
			b := text[int(x.at)+depth]
			j := i
			for ; j > 0 && text[int(group[j-1].at)+depth] > b; j-- {
				group[j] = group[j-1]
			}
			group[j] = x
		}
		for from := 0; from < len(group); {
			b, to := text[int(group[from].at)+depth], from+1
			for to < len(group) && text[int(group[to].at)+depth] == b {
				to++
			}
			f(b, group[from:to])
			from = to
		}
		return
	}
	var end, next [256]int
	for _, x := range group {
		end[text[int(x.at)+depth]]++
	}
	sum := 0
	for b := range end {
		next[b] = sum
		sum += end[b]
		end[b] = sum
	}
	starts := next
	for b := range end { // each suffix that stands in the wrong group goes to the next free place of its own
		for next[b] < end[b] {
			x := group[next[b]]
			for c := text[int(x.at)+depth]; int(c) != b; c = text[int(x.at)+depth] {
				x, group[next[c]] = group[next[c]], x
				next[c]++
			}
			group[next[b]] = x
			next[b]++
		}
	}
	for b := range end {
		if starts[b] < end[b] {
			f(byte(b), group[starts[b]:end[b]])
		}
	}
}
