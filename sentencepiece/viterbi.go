package sentencepiece

import (
	"math"
	"slices"
	"unicode/utf8"
)

// viterbi is Unigram's memory on the fast way.
type viterbi struct {
	ends []bestEnd
	path []int32 // where pieces of the best path end, the last first
}

// bestEnd is the best path that ends at a byte, as a number whose order is that in which paths are preferred: from
// the high bits, the score (32, in the order of the numbers), the last piece's length in bytes (12) and its id (20). Of
// equal scores the longer piece is preferred, which starts sooner: the original, which goes from left to right, keeps
// the first of equals. So the better of two ends is their maximum. 0: none was found yet.
//
// Scores compare as they do as float32, since no sum is -0: the first one is 0.
type bestEnd uint64

const (
	lengthBits = 12
	idBits     = 20
	// What does not fit has no fast way. An id may be -1, for unknown characters in models without a piece for them.
	maxFastPiece      = 1<<lengthBits - 1
	maxFastVocabulary = 1 << (idBits - 1)
)

func newEnd(score float32, length int, id int32) bestEnd {
	return bestEnd(ordered(score))<<32 | bestEnd(lastPiece(length, id))
}

// ordered is a number that is the larger, the larger the score is.
func ordered(score float32) uint32 {
	b := math.Float32bits(score)
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

// lastPiece is the lower half of a bestEnd.
func lastPiece(length int, id int32) uint32 { return uint32(length)<<idBits | uint32(id)&(1<<idBits-1) }

func (e bestEnd) score() float32 {
	b := uint32(e >> 32)
	return math.Float32frombits(b ^ (uint32(int32(^b)>>31) | 1<<31))
}

func (e bestEnd) length() int { return int(e>>idBits) & maxFastPiece }
func (e bestEnd) id() int32   { return int32(e) << (32 - idBits) >> (32 - idBits) }

// flushBytes is how much of a long stretch must be decided before it is written out. A place that no path jumps over
// decides all before it; only the part since then takes memory.
const flushBytes = 1 << 12

// search segments a stretch from the exact score on, as unigram.segment does.
func (r *reader) search(text []byte) {
	r.sync()
	f, l := r.f, &r.viterbi
	base, front := 0, 0 // ends[i] is of byte base+i; no path reaches further than front
	ends := append(l.ends[:0], newEnd(r.score, 0, 0))
	for from := 0; from < len(text); {
		if from == front && from-base >= flushBytes {
			l.ends = ends
			r.trace(text[base:from])
			ends[0] = newEnd(ends[from-base].score(), 0, 0)
			ends, base = ends[:1], from
		}
		if all := len(text) - base + 1; len(ends) < min(all, from-base+f.room()) {
			n := min(all, from-base+f.room()+256) - len(ends)
			ends = slices.Grow(ends, n)[:len(ends)+n]
			clear(ends[len(ends)-n:])
		}
		if before := ends[from-base].score(); before < -farScore || before > farScore {
			resetScores(ends[from-base : front-base+1])
		}
		var reach int
		from, reach = f.walks(ends, text[base:], from-base)
		from, front = base+from, max(front, base+reach)
	}
	l.ends = ends
	r.trace(text[base:])
	r.score, r.mark = ends[len(text)-base].score(), r.n
	r.bound = math.Abs(float64(r.score))
}

// room is how many ends the walks from a place need, that of the place included: they go on to the end of the character
// behind the longest piece.
func (f *fast) room() int { return f.longest + utf8.UTFMax }

// walks goes from a place on down the trie from each start, up to four walks at a time, all by the same character: a
// walk alone waits for memory at each step, and the processor cannot foresee where it ends. It returns the first place
// from which it has not walked, and how far it came.
func (f *fast) walks(ends []bestEnd, text []byte, from int) (next, reach int) {
	p := f.packed
	// The walks, the oldest first: where they are in the trie (0: nowhere), and the scores before them.
	var node0, node1, node2, node3 uint32
	var before0, before1, before2, before3 float32
	limit := flushBytes
	if len(ends) <= len(text) {
		limit = min(limit, len(ends)-f.room())
	}
	limit = max(limit, from)
	next = from
	for at := from; at < len(text); {
		// The next walk starts here if there is room for it, and memory. If not, or if scores must be reset here, which
		// needs all open paths, those that are under way end first.
		fresh := false
		if at == next && node0 == 0 && at <= limit {
			before := ends[at].score()
			if before >= -farScore && before <= farScore || at == from {
				node0, node1, node2, node3 = node1, node2, node3, p.root
				before0, before1, before2, before3 = before1, before2, before3, before
				fresh = true
			}
		}
		if !fresh && node0|node1|node2|node3 == 0 { // the root of a trie without pieces is 0 too
			break
		}
		var cell0, cell1, cell2, cell3 uint32
		c := uint32(text[at])
		to := at + 1
		switch {
		case c < utf8.RuneSelf:
			cell0, node0 = p.down(node0, c)
			cell1, node1 = p.down(node1, c)
			cell2, node2 = p.down(node2, c)
			cell3, node3 = p.down(node3, c)
		case c>>4 == 0xe:
			to = at + 3
			b, d := uint32(text[at+1]), uint32(text[at+2])
			cell0, node0 = p.down3(node0, c, b, d)
			cell1, node1 = p.down3(node1, c, b, d)
			cell2, node2 = p.down3(node2, c, b, d)
			cell3, node3 = p.down3(node3, c, b, d)
		default:
			to = at + charLength(text[at])
			for _, b := range text[at:to] {
				c := uint32(b)
				cell0, node0 = p.down(node0, c)
				cell1, node1 = p.down(node1, c)
				cell2, node2 = p.down(node2, c)
				cell3, node3 = p.down(node3, c)
			}
		}
		// Walks that have ended are at cell 0, and those at nodes that are no pieces lead to paths of the score -∞ too,
		// which saves telling them apart.
		best0 := max(p.ends[cell0].behind(before0), p.ends[cell1].behind(before1))
		best2 := max(p.ends[cell2].behind(before2), p.ends[cell3].behind(before3))
		best := max(ends[to], best0, best2)
		if fresh {
			next = to
			reach = max(reach, to)
			if p.ends[cell3].last == noPiece { // the character is no piece
				best = max(best, newEnd(f.unigram.unknownScore+before3, to-at, f.unknown))
			}
		}
		ends[to] = best
		if cell0|cell1|cell2|cell3 != 0 {
			reach = to
		}
		at = to
	}
	return next, reach
}

// resetScores is the original's step against scores that grow without end: those of all open paths are taken relative
// to the first one's.
func resetScores(ends []bestEnd) {
	by := ends[0].score()
	ends[0] = newEnd(0, ends[0].length(), ends[0].id())
	for i, e := range ends[1:] {
		if e != 0 {
			ends[1+i] = newEnd(e.score()-by, e.length(), e.id())
		}
	}
}

// trace writes out the best path through a stretch.
func (r *reader) trace(text []byte) {
	l := &r.viterbi
	l.path = l.path[:0]
	for end := len(text); end > 0; end -= l.ends[end].length() {
		l.path = append(l.path, int32(end))
	}
	for i := len(l.path) - 1; i >= 0; i-- {
		end := int(l.path[i])
		e := l.ends[end]
		r.add(e.id(), text[end-e.length():end])
	}
}

// decide segments a short stretch from the score 0, in float64, and works out for which scores before it the original
// gives the same: c gets the ids, the limit and the reach. It returns false if there is no such score, or no room for
// the answer: then search must do it each time.
//
// The original adds a path's scores in float32, from the score s of all that stands before the stretch. Each add of a
// number of magnitude M errs by at most u·M, u = 2⁻²⁴. A path has at most c pieces, c the number of characters, and its
// sums stay within M = |s| + c·w, where w is the largest distance of a piece's score from 0, but for a relative error of
// about c·u. So a path's sum errs by at most c·u·M, and two paths' difference by 2·c·u·M.
//
// Let P be the best path in exact arithmetic. At each place that P passes, every other way to come there by another
// last piece, from the best path to that piece's start, is worse by at least m, the margin. Claim: if m > 2·c·u·M, the
// original finds P. By induction along P: let i be a place of P, and let the original's best path to P's place before i
// be P. What the original compares at i are float32 sums of whole paths, each the best that it found to its last
// piece's start. One of them is P, by the induction. Any other one, Q, ends with another piece; its exact score is no
// better than the exact best of that piece's start with the piece, so it lies at least m below P's. Both sums err by
// less than half of m, so P's is larger, whatever the order in which they are tried, and ties cannot arise. So the
// original's best path to i is P, and so it is at the end, where it goes back from.
//
// Hence the limit: |s| < m·2²³/c - c·w, less 1 % for all that is rounded here. Nor may a score pass the original's
// reset on the way.
func (r *reader) decide(text []byte, c *cut) bool {
	type end struct {
		best, second float64
		id, size     int32
	}
	f := r.f
	var ends [cachedBytes + 1]end
	chars := 0
	for from := 0; from < len(text); {
		char := min(charLength(text[from]), len(text)-from)
		chars++
		before := ends[from].best
		hasChar := false
		node, cell, ok := f.packed.root, uint32(0), true
		for to := from; to < len(text); {
			if cell, node, ok = f.packed.step(node, text[to]); !ok {
				break
			}
			to++
			piece := f.packed.ends[cell]
			if piece.last == noPiece {
				continue
			}
			score, id := before+float64(piece.score), piece.id()
			switch x := &ends[to]; {
			case x.size == 0:
				*x = end{score, math.Inf(-1), id, int32(to - from)}
			case score > x.best:
				*x = end{score, x.best, id, int32(to - from)}
			default:
				x.second = max(x.second, score)
			}
			hasChar = hasChar || to-from == char
		}
		if !hasChar {
			score := before + float64(f.unigram.unknownScore)
			switch x := &ends[from+char]; {
			case x.size == 0:
				*x = end{score, math.Inf(-1), f.unknown, int32(char)}
			case score > x.best:
				*x = end{score, x.best, f.unknown, int32(char)}
			default:
				x.second = max(x.second, score)
			}
		}
		from += char
	}
	margin, reach := math.Inf(1), 0.
	n := 0
	for at := int32(len(text)); at > 0; at -= ends[at].size {
		x := &ends[at]
		if x.id == f.unknown || n == cachedIDs {
			c.n = 0
			return false
		}
		margin = min(margin, x.best-x.second)
		reach += math.Abs(float64(f.scores[x.id]))
		c.ids[n] = x.id
		n++
	}
	for i, j := 0, n-1; i < j; i, j = i+1, j-1 {
		c.ids[i], c.ids[j] = c.ids[j], c.ids[i]
	}
	span := float64(chars) * f.farthest
	limit := min(0.99*margin*(1<<23)/float64(chars), farScore-1) - 1.01*span
	// The sum that is kept errs too: by less than a tenth, for scores below the reset.
	c.limit, c.reach, c.n = max(float32(limit), 0), float32(reach)+0.1, n
	return limit > 0
}
