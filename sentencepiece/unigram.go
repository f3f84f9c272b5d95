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
// scores are added in float32, another path to the same place wins only if its score is higher, and paths are tried in
// the order of their starts. So ties and roundings fall as they do there.
//
// That is the behaviour of the current releases (equal to 0.2.3). Up to 0.2.0 the original compared a sum before
// rounding it, and the bonus of user-defined symbols was another one: a few ties fall differently there.
type unigram struct {
	pieces       *trie
	scores       []float32 // by raw id
	kinds        []kind
	unknown      int32
	unknownScore float32
}

func newUnigram(f *file, pieces *trie, unknown int32) *unigram {
	u := &unigram{pieces: pieces, unknown: unknown}
	lowest := float32(math.MaxFloat32)
	for _, p := range f.pieces {
		score := p.score
		switch p.kind {
		case kindNormal:
			lowest = min(lowest, score)
		case kindUserDefined:
			// The bonus of a symbol of n bytes, whatever the file says. It is not a promise that the symbol is
			// taken: three pieces that share its bytes with their neighbours can be better.
			score = userBonus(len(p.text))
		}
		u.scores = append(u.scores, score)
		u.kinds = append(u.kinds, p.kind)
	}
	u.unknownScore = lowest - unknownPenalty
	return u
}

// userBonus is the score of a user-defined symbol.
func userBonus(length int) float32 { return float32(0.1 * float64(length-1)) }

// farScore is how far from 0 a path score may be before all open paths are moved back by it, which keeps float32 exact
// enough in long texts. Where that happens decides ties, so it is the original's value.
const farScore = 100_000

// segment appends the segmentation of text to out. ends is scratch memory.
func (u *unigram) segment(out []span, ends *[]pathEnd, text []byte) []span {
	best := *ends
	if cap(best) <= len(text) {
		best = make([]pathEnd, len(text)+1, 2*len(text)+256)
		*ends = best
	}
	best = best[:len(text)+1]
	clear(best)
	frontier := 0 // the furthest end of a path
	for from := 0; from < len(text); {
		char := min(charLength(text[from]), len(text)-from)
		before := best[from].score
		if before < -farScore || before > farScore {
			for i := from; i <= frontier; i++ {
				if i == from || best[i].length > 0 {
					best[i].score -= before
				}
			}
			before = 0
		}
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
			frontier = max(frontier, to)
			score := u.scores[id] + before
			if e := &best[to]; e.length == 0 || score > e.score {
				*e = pathEnd{score, id, to - from}
			}
			hasChar = hasChar || to-from == char
		}
		if !hasChar {
			frontier = max(frontier, from+char)
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
