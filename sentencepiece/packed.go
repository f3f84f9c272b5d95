package sentencepiece

import "math"

// packedTrie is a trie whose walks touch less memory: four bytes a step, and of the nodes that matter the score and the
// id side by side. It serves Unigram on the fast way.
type packedTrie struct {
	root  uint32
	cells []uint32 // the label (8 bits) and the base of the children (24); 0: not in use, since no piece holds a NUL
	ends  []pieceEnd
}

// pieceEnd is the piece that ends at a cell: its score, and its length and id as in a bestEnd. If there is none, the score
// is -∞.
type pieceEnd struct {
	score float32
	last  uint32
}

const noPiece = 1<<idBits - 1

func (e pieceEnd) id() int32 { return bestEnd(e.last).id() }

// behind is the end of a path of some score and the piece.
func (e pieceEnd) behind(score float32) bestEnd {
	return bestEnd(ordered(e.score+score))<<32 | bestEnd(e.last)
}

const maxPackedCells = 1 << 24

// packed returns nil if a trie is too large.
func packed(t *trie, pieces []entry, scores []float32) *packedTrie {
	if len(t.cells) > maxPackedCells {
		return nil
	}
	lengths := make([]uint16, len(scores))
	for _, e := range pieces {
		lengths[e.value] = uint16(len(e.key))
	}
	p := &packedTrie{root: uint32(t.root >> baseShift), cells: make([]uint32, len(t.cells)), ends: make([]pieceEnd, len(t.cells))}
	for i, c := range t.cells {
		p.ends[i] = pieceEnd{float32(math.Inf(-1)), noPiece}
		if c&cellUsed == 0 {
			continue
		}
		p.cells[i] = uint32(c>>baseShift)<<8 | uint32(c&0xff)
		if id := cellValue(c); id >= 0 {
			p.ends[i] = pieceEnd{scores[id], lastPiece(int(lengths[id]), id)}
		}
	}
	return p
}

// step goes from the base of a node's children down by one byte: to the child's cell, and the base of its own children.
// ok is false if there is no such child.
func (p *packedTrie) step(base uint32, c byte) (cell, below uint32, ok bool) {
	cell = base ^ uint32(c)
	v := p.cells[cell]
	return cell, v >> 8, byte(v) == c
}

// down is step without a branch: cell and below are 0 if there is no such child, and if base is 0.
func (p *packedTrie) down(base, c uint32) (cell, below uint32) {
	cell = base ^ c
	v := p.cells[cell]
	right := uint32(int32((v^c)&0xff-1) >> 31) // all ones, or 0
	return cell & right, v >> 8 & right
}

// down3 goes down by three bytes, and finds only then whether that was right: a wrong step leads to some other node, or
// to where nothing is.
func (p *packedTrie) down3(base, a, b, c uint32) (cell, below uint32) {
	x := p.cells[base^a]
	y := p.cells[x>>8^b]
	cell = y>>8 ^ c
	z := p.cells[cell]
	right := uint32(int32(((x^a)|(y^b)|(z^c))&0xff-1) >> 31)
	return cell & right, z >> 8 & right
}
