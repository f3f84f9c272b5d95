package sentencepiece

import "math"

// merger is the memory of BPE on the fast way.
type merger struct {
	links  []link
	agenda []uint64 // a heap: the order of a union, then the number of its left part
}

// link is a symbol of a stretch.
type link struct {
	from       int32  // where it starts; its end is the next one's start
	prev, next int32  // used in long stretches only; -1: none
	order      uint32 // of its union with the next one; noUnion: that is no piece
	node       uint64 // its place in the trie; 0: none, or it must not be merged
	union      uint64 // the union's place, if that is a piece
	id         int32
	frozen     bool // a user-defined symbol
}

const (
	noUnion = math.MaxUint32
	// fewSymbols are looked through for the best union each time, which beats a heap.
	fewSymbols = 24
)

// mergeOrder maps scores to numbers: the higher score has the lower number. As in the original, -0 is below 0.
func mergeOrder(score float32) uint32 {
	if b := math.Float32bits(score); b>>31 == 1 {
		return b
	} else {
		return 1<<31 - 1 - b
	}
}

// merge segments a stretch as bpe.segmentWhole does. If the answer is short enough and depends on nothing else, it
// becomes c's, and merge returns true.
func (r *reader) merge(text []byte, c *cut) bool {
	g := &r.merger
	g.links = g.links[:0]
	f := r.f
	for from := 0; from < len(text); {
		y := link{from: int32(from), order: noUnion}
		n := 0
		if f.symbols != nil {
			n = longest(f.symbols, text[from:])
			y.frozen = n > 0
		}
		if n == 0 {
			n = min(charLength(text[from]), len(text)-from)
		}
		node, _ := walk(f.pieces, f.pieces.root, text[from:from+n])
		y.id = cellValue(node)
		if !y.frozen {
			y.node = node
		}
		g.links = append(g.links, y)
		from += n
	}
	g.links = append(g.links, link{from: int32(len(text)), order: noUnion, frozen: true})
	for i := range g.links[:len(g.links)-1] {
		r.unite(text, &g.links[i], &g.links[i+1], int(g.links[i+1].from), r.endOf(text, i+1))
	}
	if len(g.links) <= fewSymbols {
		r.mergeFew(text)
	} else {
		r.mergeMany(text)
	}
	if r.n > readerIDs {
		r.empty()
	}
	first, unknown := r.n, false
	for i := 0; i < len(g.links)-1; {
		y, next := &g.links[i], i+1
		if len(g.links) > fewSymbols {
			next = int(y.next)
		}
		id := y.id
		if id < 0 {
			id = f.unknown
			unknown = unknown || f.bytePieces == nil
		} else if f.bpe.kinds[id] == kindUnused {
			r.failed = true
		}
		r.add(id, text[y.from:g.links[next].from])
		i = next
	}
	n := r.n - first
	if unknown || n > cachedIDs || n < 1 || r.failed {
		return false
	}
	c.n = copy(c.ids[:], r.ids[first:r.n])
	c.limit = float32(math.Inf(1))
	return true
}

func (r *reader) endOf(text []byte, i int) int {
	if i+1 < len(r.merger.links) {
		return int(r.merger.links[i+1].from)
	}
	return len(text)
}

// unite looks up the union of two neighbours; the right one lies in text[from:to].
func (r *reader) unite(text []byte, left, right *link, from, to int) {
	left.order = noUnion
	if right.frozen || left.node == 0 {
		return
	}
	node, ok := walk(r.f.pieces, left.node, text[from:to])
	if !ok {
		return
	}
	if id := cellValue(node); id >= 0 {
		left.order, left.union = r.f.order[id], node
		if r.f.bpe.kinds[id] == kindUnused {
			r.failed = true
		}
	}
}

// join makes a symbol the union of itself and the next one.
func (y *link) join() {
	y.node = y.union
	y.id = cellValue(y.node)
}

func (r *reader) mergeFew(text []byte) {
	g := &r.merger
	for {
		best, at := uint32(noUnion), -1
		for i := range g.links {
			if o := g.links[i].order; o < best {
				best, at = o, i
			}
		}
		if at < 0 {
			return
		}
		left := &g.links[at]
		left.join()
		g.links = append(g.links[:at+1], g.links[at+2:]...)
		if at > 0 {
			r.unite(text, &g.links[at-1], left, int(left.from), int(g.links[at+1].from))
		}
		r.unite(text, left, &g.links[at+1], int(g.links[at+1].from), r.endOf(text, at+1))
	}
}

// mergeMany keeps the unions in a heap. One that is no longer there is told by its order: either its left part has
// another one now, or one of the same order, which is as good.
func (r *reader) mergeMany(text []byte) {
	g := &r.merger
	g.agenda = g.agenda[:0]
	end := int32(len(g.links) - 1)
	for i := range g.links {
		y := &g.links[i]
		y.prev, y.next = int32(i)-1, int32(i)+1
		if y.order != noUnion {
			g.agenda = append(g.agenda, uint64(y.order)<<32|uint64(i))
		}
	}
	g.links[end].next = end
	for i := (len(g.agenda)+2)/4 - 1; i >= 0; i-- { // from the last one with a child
		g.sink(i)
	}
	for len(g.agenda) > 0 {
		top := g.agenda[0]
		at := int32(top)
		left := &g.links[at]
		if left.order != uint32(top>>32) {
			g.pop()
			continue
		}
		right := &g.links[left.next]
		after := right.next
		left.join()
		right.order = noUnion
		left.next = after
		g.links[after].prev = at
		r.unite(text, left, &g.links[after], int(g.links[after].from), int(g.links[g.links[after].next].from))
		if left.order != noUnion {
			g.agenda[0] = uint64(left.order)<<32 | uint64(at)
			g.sink(0)
		} else {
			g.pop()
		}
		if left.prev >= 0 {
			before := &g.links[left.prev]
			r.unite(text, before, left, int(left.from), int(g.links[after].from))
			if before.order != noUnion {
				g.push(uint64(before.order)<<32 | uint64(left.prev))
			}
		}
	}
}

// The heap has four children a node: half as deep as a binary one, and the children are a cache line's half.

func (g *merger) push(x uint64) {
	h := append(g.agenda, x)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if h[up] <= x {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = x
	g.agenda = h
}

func (g *merger) pop() {
	last := len(g.agenda) - 1
	g.agenda[0] = g.agenda[last]
	g.agenda = g.agenda[:last]
	if last > 0 {
		g.sink(0)
	}
}

func (g *merger) sink(i int) {
	h := g.agenda
	x := h[i]
	for {
		down := 4*i + 1
		if down >= len(h) {
			break
		}
		for j := down + 1; j < min(4*i+5, len(h)); j++ {
			if h[j] < h[down] {
				down = j
			}
		}
		if h[down] >= x {
			break
		}
		h[i] = h[down]
		i = down
	}
	h[i] = x
}
