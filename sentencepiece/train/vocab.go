package train

import (
	"bytes"
	"slices"
)

// vocab are pieces, sorted by their bytes, with natural logarithms of their probabilities.
type vocab struct {
	text   []byte
	starts []uint32 // of each piece in text, and the length of text
	scores []float64
}

func (v *vocab) len() int { return len(v.scores) }

func (v *vocab) piece(i int) []byte { return v.text[v.starts[i]:v.starts[i+1]] }

func (v *vocab) find(piece []byte) (int, bool) {
	low, high := 0, v.len()
	for low < high {
		mid := (low + high) / 2
		if bytes.Compare(v.piece(mid), piece) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < v.len() && bytes.Equal(v.piece(low), piece)
}

// newVocab sorts pieces, which must differ.
func newVocab(pieces [][]byte, scores []float64) *vocab {
	order := make([]uint32, len(pieces))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return bytes.Compare(pieces[a], pieces[b]) })
	v := &vocab{starts: make([]uint32, 1, len(pieces)+1), scores: make([]float64, 0, len(pieces))}
	for _, i := range order {
		v.add(pieces[i], scores[i])
	}
	return v
}

func (v *vocab) add(piece []byte, score float64) {
	v.text = append(v.text, piece...)
	v.starts = append(v.starts, uint32(len(v.text)))
	v.scores = append(v.scores, score)
}

// only keeps some of the pieces.
func (v *vocab) only(keep func(i int) bool) *vocab {
	kept := &vocab{starts: []uint32{0}}
	for i := range v.len() {
		if keep(i) {
			kept.add(v.piece(i), v.scores[i])
		}
	}
	return kept
}
