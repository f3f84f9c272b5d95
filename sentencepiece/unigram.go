package sentencepiece

import "math"

// unknownPenalty is how much worse than the worst piece an unknown character is.
const unknownPenalty = 10

// span is one piece of a segmentation: a raw id and its length in bytes of normalised text.
type span struct {
	id     int32
	length int
}

// pathEnd is the best path that ends at a byte. length 0: none was found yet.
type pathEnd struct {
	score  float32
	id     int32
	length int
}

// unigram finds the segmentation of the highest score (Viterbi), character by character, as the original does: path
// scores are kept in float32, a longer path replaces another one only if its score is higher, and shorter pieces are
// tried first. So ties and roundings fall as they do there.
type unigram struct {
	pieces       *trie
	scores       []float32 // by raw id, bonus of user-defined symbols not included
	kinds        []kind
	unknown      int32
	unknownScore float32
	maxScore     float32
}

func newUnigram(f *file, pieces *trie, unknown int32) *unigram {
	u := &unigram{pieces: pieces, unknown: unknown}
	lowest := float32(math.MaxFloat32)
	u.maxScore = smallestNormal
	for _, p := range f.pieces {
		u.scores = append(u.scores, p.score)
		u.kinds = append(u.kinds, p.kind)
		if p.kind == kindNormal {
			lowest, u.maxScore = min(lowest, p.score), max(u.maxScore, p.score)
		}
	}
	u.unknownScore = lowest - unknownPenalty
	return u
}

// smallestNormal is where the original starts looking for the highest score (C's FLT_MIN).
const smallestNormal = 0x1p-126

// score is that of a piece of length bytes. A user-defined symbol gets so much that it is always taken.
func (u *unigram) score(id int32, length int) float64 {
	if u.kinds[id] == kindUserDefined {
		return float64(float32(length)*u.maxScore) - 0.1
	}
	return float64(u.scores[id])
}

// segment appends the segmentation of text to out. ends is scratch memory.
func (u *unigram) segment(out []span, ends *[]pathEnd, text []byte) []span {
	best := *ends
	if cap(best) <= len(text) {
		best = make([]pathEnd, len(text)+1, 2*len(text)+256)
		*ends = best
	}
	best = best[:len(text)+1]
	clear(best)
	for from := 0; from < len(text); {
		char := min(charLength(text[from]), len(text)-from)
		before := best[from].score
		hasChar := false
		node, ok := u.pieces.root, true
		for to := from; to < len(text); {
			if node, ok = u.pieces.step(node, text[to]); !ok {
				break
			}
			to++
			id := cellValue(node)
			if id < 0 || u.kinds[id] == kindUnused {
				continue
			}
			// The original adds in float64 here and stores in float32.
			score := u.score(id, to-from) + float64(before)
			if e := &best[to]; e.length == 0 || score > float64(e.score) {
				*e = pathEnd{float32(score), id, to - from}
			}
			hasChar = hasChar || to-from == char
		}
		if !hasChar {
			score := u.unknownScore + before
			if e := &best[from+char]; e.length == 0 || score > e.score {
				*e = pathEnd{score, u.unknown, char}
			}
		}
		from += char
	}
	first := len(out)
	for end := len(text); end > 0; end -= best[end].length {
		out = append(out, span{best[end].id, best[end].length})
	}
	for i, j := first, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// charLength is the length of the UTF-8 character that a byte starts; a byte that starts none counts as one.
func charLength(b byte) int {
	switch {
	case b < 0xc0:
		return 1
	case b < 0xe0:
		return 2
	case b < 0xf0:
		return 3
	}
	return 4
}
