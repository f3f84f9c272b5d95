package sentencepiece

import "math"

// bpe merges neighbours, the pair whose union scores highest first, of equal ones the leftmost, until no union is a
// piece. User-defined symbols are never merged.
type bpe struct {
	pieces  *trie
	symbols *trie // user-defined; nil: none
	scores  []float32
	kinds   []kind
	unknown int32
	// wordwise: no piece reaches over the end of a word, so that each word can be merged by itself, which gives the
	// same and keeps the agenda short.
	wordwise bool
}

func newBPE(f *file, pieces, symbols *trie, unknown int32, wordwise bool) *bpe {
	b := &bpe{pieces: pieces, symbols: symbols, unknown: unknown, wordwise: wordwise}
	for _, p := range f.pieces {
		score := p.score
		if score == 0 && math.Signbit(float64(score)) {
			score = -math.SmallestNonzeroFloat32 // the original puts -0 behind 0
		}
		b.scores = append(b.scores, score)
		b.kinds = append(b.kinds, p.kind)
	}
	return b
}

// symbol is a link of the chain of a text's symbols.
type symbol struct {
	from, length int // bytes of the text; length 0: merged into its left neighbour
	prev, next   int // -1: none
	node         uint64
	known        bool // node is this symbol's place in the trie
	frozen       bool
}

// merge is a pair that may be merged, with the length that both have together: if that has changed, the pair is gone.
type merge struct {
	score       float32
	left, right int
	length      int
}

// before orders the agenda.
func (m merge) before(o merge) bool {
	return m.score > o.score || m.score == o.score && m.left < o.left
}

// bpeScratch is memory that is used again.
type bpeScratch struct {
	symbols []symbol
	agenda  []merge
	unused  map[string]int // unused piece that was made: length of its left part
}

// segment appends the segmentation of text to out.
func (b *bpe) segment(out []span, s *bpeScratch, text []byte) []span {
	if !b.wordwise {
		return b.segmentWhole(out, s, text)
	}
	for len(text) > 0 {
		n := wordLength(text)
		out = b.segmentWhole(out, s, text[:n])
		text = text[n:]
	}
	return out
}

// wordLength is how far the first word of a text reaches: to a ▁ that follows something else.
func wordLength(text []byte) int {
	for i := 1; i < len(text); i++ {
		if text[i] == space[0] && isSpace(text[i:]) && (i < len(space) || !isSpace(text[i-len(space):])) {
			return i
		}
	}
	return len(text)
}

func isSpace[T string | []byte](text T) bool {
	return len(text) >= len(space) && string(text[:len(space)]) == space
}

// holdsWords reports whether a piece has a ▁ behind something else, so that it may reach over the end of a word.
func holdsWords(p string) bool { return wordLength([]byte(p)) < len(p) }

func (b *bpe) segmentWhole(out []span, s *bpeScratch, text []byte) []span {
	s.symbols, s.agenda = s.symbols[:0], s.agenda[:0]
	clear(s.unused)
	for from := 0; from < len(text); {
		y := symbol{from: from, prev: len(s.symbols) - 1, next: len(s.symbols) + 1}
		if b.symbols != nil {
			y.length = longest(b.symbols, text[from:])
			y.frozen = y.length > 0
		}
		if y.length == 0 {
			y.length = min(charLength(text[from]), len(text)-from)
		}
		y.node, y.known = walk(b.pieces, b.pieces.root, text[from:from+y.length])
		from += y.length
		s.symbols = append(s.symbols, y)
	}
	if len(s.symbols) == 0 {
		return out
	}
	s.symbols[len(s.symbols)-1].next = -1
	for i := 1; i < len(s.symbols); i++ {
		b.propose(s, text, i-1, i)
	}
	for len(s.agenda) > 0 {
		m := s.pop()
		left, right := &s.symbols[m.left], &s.symbols[m.right]
		if left.length == 0 || right.length == 0 || left.length+right.length != m.length {
			continue
		}
		left.node, left.known = walk(b.pieces, left.node, text[right.from:right.from+right.length])
		left.length = m.length
		left.next = right.next
		right.length = 0
		if left.next >= 0 {
			s.symbols[left.next].prev = m.left
		}
		b.propose(s, text, left.prev, m.left)
		b.propose(s, text, m.left, left.next)
	}
	for i := 0; i >= 0; i = s.symbols[i].next {
		y := &s.symbols[i]
		id := b.unknown
		if y.known {
			if v := cellValue(y.node); v >= 0 {
				id = v
			}
		}
		out = b.resegment(out, s, text[y.from:y.from+y.length], id, 0)
	}
	return out
}

// propose puts the union of two neighbours on the agenda if it is a piece.
func (b *bpe) propose(s *bpeScratch, text []byte, left, right int) {
	if left < 0 || right < 0 {
		return
	}
	l, r := &s.symbols[left], &s.symbols[right]
	if l.frozen || r.frozen || !l.known {
		return
	}
	node, ok := walk(b.pieces, l.node, text[r.from:r.from+r.length])
	if !ok {
		return
	}
	id := cellValue(node)
	if id < 0 {
		return
	}
	s.push(merge{score: b.scores[id], left: left, right: right, length: l.length + r.length})
	if b.kinds[id] == kindUnused {
		if s.unused == nil {
			s.unused = map[string]int{}
		}
		s.unused[string(text[l.from:l.from+l.length+r.length])] = l.length
	}
}

// maxResegments is how deep unused pieces are taken apart; one that is left is put out as it is.
const maxResegments = 100

// resegment takes an unused piece apart again into what it was merged from; one that was not merged is unknown.
func (b *bpe) resegment(out []span, s *bpeScratch, text []byte, id int32, depth int) []span {
	if id == b.unknown || b.kinds[id] != kindUnused || depth > maxResegments {
		return append(out, span{id, len(text)})
	}
	left, ok := s.unused[string(text)]
	if !ok {
		return append(out, span{b.unknown, len(text)})
	}
	out = b.resegment(out, s, text[:left], b.idOf(text[:left]), depth+1)
	return b.resegment(out, s, text[left:], b.idOf(text[left:]), depth+1)
}

func (b *bpe) idOf(text []byte) int32 {
	if id := find(b.pieces, text); id >= 0 {
		return id
	}
	return b.unknown
}

// push and pop keep the agenda a binary heap.
func (s *bpeScratch) push(m merge) {
	h := append(s.agenda, m)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !m.before(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = m
	s.agenda = h
}

func (s *bpeScratch) pop() merge {
	h := s.agenda
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	for i := 0; len(h) > 0; {
		down := 2*i + 1
		if down+1 < len(h) && h[down+1].before(h[down]) {
			down++
		}
		if down >= len(h) || !h[down].before(last) {
			h[i] = last
			break
		}
		h[i] = h[down]
		i = down
	}
	s.agenda = h
	return top
}
