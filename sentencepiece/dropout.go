package sentencepiece

import "container/heap"

// dropout is the plain form of BPE, over the whole text, that leaves out each merge for which drop says so (BPE-dropout).
// With a drop that never does it gives what segment gives.
func (b *bpe) dropout(text []byte, drop func() bool) (out []span) {
	d := dropper{b: b, text: text, parts: map[string]int{}}
	for from := 0; from < len(text); {
		n := 0
		if b.symbols != nil {
			n = longest(b.symbols, text[from:])
		}
		frozen := n > 0
		if !frozen {
			n = min(charLength(text[from]), len(text)-from)
		}
		i := len(d.units)
		d.units = append(d.units, unit{from: from, to: from + n, prev: i - 1, next: i + 1, frozen: frozen})
		from += n
	}
	if len(d.units) == 0 {
		return nil
	}
	d.units[len(d.units)-1].next = -1
	for i := range d.units {
		d.propose(i, d.units[i].next)
	}
	for d.Len() > 0 {
		p := heap.Pop(&d).(pair)
		left, right := &d.units[p.left], &d.units[p.right]
		if left.from == left.to || right.from == right.to || right.to-left.from != p.length || drop() {
			continue
		}
		left.to, left.next = right.to, right.next
		right.from = right.to
		if left.next >= 0 {
			d.units[left.next].prev = p.left
		}
		d.propose(left.prev, p.left)
		d.propose(p.left, left.next)
	}
	for i := 0; i >= 0; i = d.units[i].next {
		out = d.put(out, text[d.units[i].from:d.units[i].to], 0)
	}
	return out
}

// unit is a link of the chain of what a text is cut into; an empty one was merged into its left neighbour.
type unit struct {
	from, to, prev, next int
	frozen               bool
}

// pair is two neighbours that may be merged.
type pair struct {
	score       float32
	left, right int
	length      int
}

type dropper struct {
	b     *bpe
	text  []byte
	units []unit
	pairs []pair
	parts map[string]int // of an unused piece: the length of its left part
}

func (d *dropper) propose(left, right int) {
	if left < 0 || right < 0 || d.units[left].frozen || d.units[right].frozen {
		return
	}
	from, to := d.units[left].from, d.units[right].to
	id := find(d.b.pieces, d.text[from:to])
	if id < 0 {
		return
	}
	heap.Push(d, pair{d.b.scores[id], left, right, to - from})
	if d.b.kinds[id] == kindUnused {
		d.parts[string(d.text[from:to])] = d.units[left].to - from
	}
}

// put appends a unit; an unused piece is taken apart again.
func (d *dropper) put(out []span, text []byte, depth int) []span {
	id := d.b.idOf(text)
	if id == d.b.unknown || d.b.kinds[id] != kindUnused || depth > maxResegments {
		return append(out, span{id, len(text)})
	}
	n, ok := d.parts[string(text)]
	if !ok {
		return append(out, span{d.b.unknown, len(text)})
	}
	return d.put(d.put(out, text[:n], depth+1), text[n:], depth+1)
}

// Len, Less, Swap, Push and Pop are those of container/heap.
func (d *dropper) Len() int { return len(d.pairs) }
func (d *dropper) Less(i, j int) bool {
	a, b := d.pairs[i], d.pairs[j]
	return a.score > b.score || a.score == b.score && a.left < b.left
}
func (d *dropper) Swap(i, j int) { d.pairs[i], d.pairs[j] = d.pairs[j], d.pairs[i] }
func (d *dropper) Push(p any)    { d.pairs = append(d.pairs, p.(pair)) }
func (d *dropper) Pop() any {
	p := d.pairs[len(d.pairs)-1]
	d.pairs = d.pairs[:len(d.pairs)-1]
	return p
}
