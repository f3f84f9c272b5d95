package train

import (
	"cmp"
	"context"
	"unicode/utf8"
)

// bpePerChar is the memory that training takes for each character of the words: its symbol, its places in the lists of
// pairs, and its share of the pairs.
const bpePerChar = 32

// bpeTrainer merges the most frequent pair of neighbouring symbols, again and again. Counts of pairs are exact at all
// times; a pair's list of words may name some that no longer have it.
type bpeTrainer struct {
	words  *words
	shaper *shaper

	syms   []int32  // the symbols of all words
	starts []uint32 // of each word in syms
	length []uint16 // of each word, symbols

	symbols []bpeSymbol
	text    []byte
	byText  map[string]int32

	pairs  []bpePair
	byPair map[uint64]uint32
	links  []link
	free   uint32 // links that can be used again
	agenda agenda

	merged []bool // scratch: symbols of a word that were just made
}

type bpeSymbol struct {
	at    uint32 // in text
	bytes uint16
	chars uint16
}

type bpePair struct {
	left, right int32
	count       int64
	words       uint32 // first link; 0: none
	valid       bool   // it may become a piece
	raised      bool   // its count has grown since it was put on the agenda
}

// link is one word of a pair's list.
type link struct{ word, next uint32 }

// bpe trains pieces beside the symbols: want of them, or as many as there are.
func bpe(ctx context.Context, cfg *Config, w *words, chars []charCount, want int, progress Progress) ([]scored, error) {
	b := &bpeTrainer{words: w, shaper: newShaper(cfg), byText: map[string]int32{}, byPair: map[uint64]uint32{},
		links: make([]link, 1)}
	b.agenda.before = b.before
	for _, c := range chars {
		b.symbol([]byte(string(c.char)))
	}
	b.start()
	var pieces []scored
	for len(pieces)+len(chars) < want {
		if len(pieces)%256 == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			progress("pieces", int64(len(pieces)), int64(want-len(chars)), "merging pairs")
		}
		p, ok := b.next()
		if !ok {
			break
		}
		left, right := b.textOf(b.pairs[p].left), b.textOf(b.pairs[p].right)
		text := append(append(make([]byte, 0, len(left)+len(right)), left...), right...)
		to, known := b.byText[string(text)]
		if !known { // else a piece that can be made in two ways is made in both
			to = b.symbol(text)
			pieces = append(pieces, scored{string(text), -float64(len(pieces))})
		}
		b.merge(p, to)
	}
	for _, c := range chars {
		pieces = append(pieces, scored{string(c.char), -float64(len(pieces))})
	}
	return pieces, nil
}

func (b *bpeTrainer) symbol(text []byte) int32 {
	id := int32(len(b.symbols))
	b.symbols = append(b.symbols, bpeSymbol{uint32(len(b.text)), uint16(len(text)), uint16(utf8.RuneCount(text))})
	b.text = append(b.text, text...)
	b.byText[string(text)] = id
	return id
}

func (b *bpeTrainer) textOf(symbol int32) []byte {
	s := &b.symbols[symbol]
	return b.text[s.at : int(s.at)+int(s.bytes)]
}

// start cuts the words into characters and counts all pairs.
func (b *bpeTrainer) start() {
	n := 0
	for i := range b.words.len() {
		n += utf8.RuneCount(b.words.word(i))
	}
	b.syms = make([]int32, 0, n)
	b.starts, b.length = make([]uint32, b.words.len()), make([]uint16, b.words.len())
	var char [utf8.UTFMax]byte
	for i := range b.words.len() {
		b.starts[i] = uint32(len(b.syms))
		for word := b.words.word(i); len(word) > 0; {
			k := copy(char[:], word[:charBytes(word[0])])
			b.syms = append(b.syms, b.byText[string(char[:k])])
			word = word[k:]
		}
		b.length[i] = uint16(len(b.syms) - int(b.starts[i]))
		s := b.symsOf(i)
		for k := 1; k < len(s); k++ {
			b.count(s[k-1], s[k], b.words.counts[i], i)
		}
	}
	for p := range b.pairs {
		b.propose(uint32(p))
	}
}

func (b *bpeTrainer) symsOf(word int) []int32 {
	return b.syms[b.starts[word] : int(b.starts[word])+int(b.length[word])]
}

// count adds n occurrences of a pair in a word, or takes them away.
func (b *bpeTrainer) count(left, right int32, n int64, word int) (pair uint32) {
	key := uint64(left)<<32 | uint64(right)
	p, ok := b.byPair[key]
	if !ok {
		p = uint32(len(b.pairs))
		b.byPair[key] = p
		b.pairs = append(b.pairs, bpePair{left: left, right: right, valid: b.valid(left, right)})
	}
	pair = p
	q := &b.pairs[p]
	if !q.valid {
		return pair
	}
	q.count += n
	if n > 0 && (q.words == 0 || b.links[q.words].word != uint32(word)) {
		at := b.free
		if at != 0 {
			b.free = b.links[at].next
		} else {
			at = uint32(len(b.links))
			b.links = append(b.links, link{})
		}
		b.links[at] = link{uint32(word), q.words}
		q.words = at
	}
	return pair
}

func (b *bpeTrainer) valid(left, right int32) bool {
	if int(b.symbols[left].chars)+int(b.symbols[right].chars) > b.shaper.maxChars {
		return false
	}
	var buffer [256]byte
	return b.shaper.valid(append(append(buffer[:0], b.textOf(left)...), b.textOf(right)...))
}

// propose puts a pair on the agenda.
func (b *bpeTrainer) propose(p uint32) {
	if q := &b.pairs[p]; q.valid && q.count > 0 {
		b.agenda.push(turn{q.count, p})
	}
}

// next takes the best pair off the agenda. Turns whose pair has become rarer wait once more.
func (b *bpeTrainer) next() (pair uint32, ok bool) {
	for len(b.agenda.turns) > 0 {
		t := b.agenda.pop()
		switch now := b.pairs[t.pair].count; {
		case now == t.count:
			return t.pair, true
		case now < t.count:
			b.propose(t.pair)
		}
	}
	return 0, false
}

// merge makes a symbol of each occurrence of a pair, from left to right.
func (b *bpeTrainer) merge(p uint32, to int32) {
	left, right := b.pairs[p].left, b.pairs[p].right
	list := b.pairs[p].words
	b.pairs[p].words = 0
	var raised []uint32
	for list != 0 {
		at := list
		word := int(b.links[at].word)
		list = b.links[at].next
		b.links[at].next, b.free = b.free, at
		raised = b.mergeIn(word, left, right, to, raised)
	}
	b.pairs[p].count = 0
	for _, r := range raised {
		b.pairs[r].raised = false
		b.propose(r)
	}
}

// mergeIn does so in one word. The counts of the pairs at the new symbols change, all others stay.
func (b *bpeTrainer) mergeIn(word int, left, right, to int32, raised []uint32) []uint32 {
	s := b.symsOf(word)
	n := b.words.counts[word]
	b.merged = b.merged[:0]
	was := false // the symbol before was merged
	k := 0
	before := int32(-1) // the symbol before, as it was
	for i := 0; i < len(s); {
		x := s[i]
		is := i+1 < len(s) && x == left && s[i+1] == right
		if before >= 0 && (was || is) {
			b.count(before, x, -n, word)
		}
		before = x
		s[k] = x
		if is {
			s[k], before = to, right
			i++
		}
		b.merged = append(b.merged, is)
		was = is
		i++
		k++
	}
	b.length[word] = uint16(k)
	for i := 1; i < k; i++ {
		if !b.merged[i-1] && !b.merged[i] {
			continue
		}
		p := b.count(s[i-1], s[i], n, word)
		if q := &b.pairs[p]; q.valid && !q.raised {
			q.raised = true
			raised = append(raised, p)
		}
	}
	return raised
}

// before orders the agenda: the more frequent pair, of equal ones the one with fewer characters, then by their text.
func (b *bpeTrainer) before(x, y turn) bool {
	if x.count != y.count {
		return x.count > y.count
	}
	p, q := &b.pairs[x.pair], &b.pairs[y.pair]
	if n, m := b.chars(p), b.chars(q); n != m {
		return n < m
	}
	return cmp.Or(b.compare(p, q), cmp.Compare(p.left, q.left)) < 0
}

func (b *bpeTrainer) chars(p *bpePair) int {
	return int(b.symbols[p.left].chars) + int(b.symbols[p.right].chars)
}

// compare compares the texts of two pairs.
func (b *bpeTrainer) compare(p, q *bpePair) int {
	var x, y [512]byte
	s := append(append(x[:0], b.textOf(p.left)...), b.textOf(p.right)...)
	t := append(append(y[:0], b.textOf(q.left)...), b.textOf(q.right)...)
	return cmp.Compare(string(s), string(t))
}

// agenda is a binary heap of turns.
type agenda struct {
	turns  []turn
	before func(x, y turn) bool
}

// turn is a pair with the count that it had when it was put on the agenda.
type turn struct {
	count int64
	pair  uint32
}

func (a *agenda) push(t turn) {
	h := append(a.turns, t)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !a.before(t, h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = t
	a.turns = h
}

func (a *agenda) pop() turn {
	h := a.turns
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	for i := 0; len(h) > 0; {
		down := 2*i + 1
		if down+1 < len(h) && a.before(h[down+1], h[down]) {
			down++
		}
		if down >= len(h) || !a.before(h[down], last) {
			h[i] = last
			break
		}
		h[i] = h[down]
		i = down
	}
	a.turns = h
	return top
}
