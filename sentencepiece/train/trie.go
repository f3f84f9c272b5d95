package train

import "math"

// trie finds pieces at a place of a text: a double array, one word a node. A unit holds where its children are (bits
// 32-63, their place is that XOR their byte), the piece that ends there (8-31) and the byte that leads to it (0-7).
// No two nodes have the same base, so the byte alone tells whose child a unit is; no text has the byte 0.
type trie struct {
	units []uint64
	taken []bool
	bases []bool
	first int
}

const (
	noPiece   = 1<<24 - 1
	maxPieces = noPiece
	unitBytes = 10 // of memory, while it is built
)

func pieceOf(unit uint64) int { return int(unit >> 8 & noPiece) }

// newTrie takes the pieces of a vocabulary, which are sorted.
func newTrie(v *vocab) *trie {
	t := &trie{}
	t.grow(256)
	t.taken[0] = true
	t.bases[0] = true // what units without children seem to have
	t.units[0] = noPiece << 8
	if v.len() > 0 {
		t.place(v, 0, v.len(), 0, 0)
	}
	t.taken, t.bases = nil, nil
	return t
}

// place sets the unit at a place, whose pieces are from..to, which share depth bytes.
func (t *trie) place(v *vocab, from, to, depth, at int) {
	if len(v.piece(from)) == depth {
		t.units[at] = t.units[at]&^(noPiece<<8) | uint64(from)<<8
		from++
	}
	if from == to {
		return
	}
	var bytes [256]byte
	n := 0
	for i := from; i < to; n++ {
		b := v.piece(i)[depth]
		bytes[n] = b
		i = v.after(i, to, depth, b)
	}
	base := t.find(bytes[:n])
	t.units[at] |= uint64(base) << 32
	for _, b := range bytes[:n] {
		t.units[base^int(b)] = noPiece<<8 | uint64(b)
	}
	for i, k := from, 0; i < to; k++ {
		end := v.after(i, to, depth, bytes[k])
		t.place(v, i, end, depth+1, base^int(bytes[k]))
		i = end
	}
}

// after finds the end of the pieces that have b at depth.
func (v *vocab) after(from, to, depth int, b byte) int {
	step := 1
	for from+step < to && v.piece(from + step)[depth] == b {
		from += step
		step *= 2
	}
	to = min(to, from+step)
	for from+1 < to { // piece from has b, piece to has not
		mid := (from + to) / 2
		if v.piece(mid)[depth] == b {
			from = mid
		} else {
			to = mid
		}
	}
	return from + 1
}

func (t *trie) grow(n int) {
	if n > math.MaxUint32 {
		panic("trie of more than 4 billion nodes") // 16 million pieces, Validate's most, are far from it
	}
	t.units = append(t.units, make([]uint64, n-len(t.units))...)
	t.taken = append(t.taken, make([]bool, n-len(t.taken))...)
	t.bases = append(t.bases, make([]bool, n-len(t.bases))...)
}

// searched is how far back the search for free places goes: of the places further back few are free.
const searched = 1 << 8

func (t *trie) find(labels []byte) (base int) {
	t.first = max(t.first, len(t.units)-searched)
	for t.first < len(t.taken) && t.taken[t.first] {
		t.first++
	}
next:
	for at := t.first; ; at++ {
		if at >= len(t.units) {
			t.grow(len(t.units) + 256)
		}
		base = at ^ int(labels[0])
		if t.taken[at] || t.bases[base] {
			continue
		}
		for _, b := range labels[1:] {
			if t.taken[base^int(b)] {
				continue next
			}
		}
		break
	}
	t.bases[base] = true
	for _, b := range labels {
		t.taken[base^int(b)] = true
	}
	return base
}
