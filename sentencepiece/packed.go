package sentencepiece

import "math"

// packedTrie is a trie whose walks touch less memory: four bytes a step, and of the nodes that matter the score and the
// id side by side. It serves Unigram on the fast way.
type packedTrie struct {
	root  uint32
	cells []uint32 // the label (8 bits) and the base of the children (24); 0: not in use, since no piece holds a NUL
	ends  []pieceEnd
}

// pieceEnd is the piece that ends at a cell, or the score -∞ and the id -1.
type pieceEnd struct {
	score float32
	id    int32
}

const maxPackedCells = 1 << 24

// packed returns nil if a trie is too large.
func packed(t *trie, scores []float32) *packedTrie {
	if len(t.cells) > maxPackedCells {
		return nil
	}
	p := &packedTrie{root: uint32(t.root >> baseShift), cells: make([]uint32, len(t.cells)), ends: make([]pieceEnd, len(t.cells))}
	for i, c := range t.cells {
		p.ends[i] = pieceEnd{float32(math.Inf(-1)), -1}
		if c&cellUsed == 0 {
			continue
		}
		p.cells[i] = uint32(c>>baseShift)<<8 | uint32(c&0xff)
		if id := cellValue(c); id >= 0 {
			p.ends[i] = pieceEnd{scores[id], id}
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

// step3 goes down by three bytes, and says only then whether that was right: a wrong step leads to some other node, or
// to where nothing is. So there is one branch to be foreseen and not three.
func (p *packedTrie) step3(base uint32, c []byte) (cell, below uint32, ok bool) {
	c = c[:3]
	x := p.cells[base^uint32(c[0])]
	y := p.cells[x>>8^uint32(c[1])]
	cell = y>>8 ^ uint32(c[2])
	z := p.cells[cell]
	wrong := (byte(x) ^ c[0]) | (byte(y) ^ c[1]) | (byte(z) ^ c[2])
	return cell, z >> 8, wrong == 0
}
