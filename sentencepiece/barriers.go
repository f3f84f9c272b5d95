package sentencepiece

import "math/bits"

// barriers knows between which neighbouring characters a text may be cut before it is segmented: between a and b if no
// piece holds ab. No piece reaches over such a place, so every path of a Unigram lattice passes it and no merge of BPE
// crosses it: what stands before and what stands behind are segmented by themselves. The end of a word is one, in most
// vocabularies, but so is a letter before a comma, and in Chinese every pair that was too rare to become a piece.
//
// Characters are those of the compact form, where a space stands for ▁. Pairs of ASCII are told exactly, others by a
// Bloom filter of one hash: it may take a barrier for none, which costs time but is never wrong.
type barriers struct {
	ascii  [128][2]uint64 // row a, bit b: some piece holds ab
	filter []uint64
	shift  uint8
}

func newBarriers(pieces []entry) *barriers {
	size := bits.Len(uint(16*len(pieces) + 1<<12)) // at least 16 bits a piece
	b := &barriers{filter: make([]uint64, 1<<size/64), shift: uint8(64 - size)}
	for _, p := range pieces {
		last := rune(-1)
		for _, c := range p.key {
			if last >= 0 {
				b.join(last, c)
			}
			last = c
		}
	}
	return b
}

func (b *barriers) join(a, c rune) {
	if a|c < 128 {
		b.ascii[a][c>>6] |= 1 << (c & 63)
		return
	}
	at := b.hash(a, c)
	b.filter[at>>6] |= 1 << (at & 63)
}

// between reports whether no piece holds ac.
func (b *barriers) between(a, c rune) bool {
	if a|c < 128 {
		return b.ascii[a&127][c>>6&1]>>(c&63)&1 == 0
	}
	if a == 0 || c == 0 { // NUL, which no piece holds: keys of the cache rely on that it is told exactly
		return true
	}
	at := b.hash(a, c)
	return b.filter[at>>6]>>(at&63)&1 == 0
}

func (b *barriers) hash(a, c rune) uint64 {
	return (uint64(a)<<21 | uint64(c)) * 0x9e3779b97f4a7c15 >> b.shift
}
