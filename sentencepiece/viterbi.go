package sentencepiece

import (
	"math"
	"slices"
)

// viterbi is Unigram's memory on the fast way.
type viterbi struct {
	chars []uint32  // the numbers of a stretch's characters
	ends  []bestEnd // by the place before each of them, and behind the last
	steps [walkBlock]steps
	path  []uint32 // the best path's pieces, the last first, as lower halves of bestEnds
}

// bestEnd is the best path to a place between characters, as a number whose order is that in which paths are preferred:
// from the high bits, the score (32, in the order of the numbers), the last piece's length in characters (12) and its id
// (20). Of equal scores the longer piece is preferred, which starts sooner: the original, which goes from left to right,
// keeps the first of equals. So the better of two ends is their maximum.
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

// nowhere is where no path was found yet. Those of the score -∞ are none: they are no better.
const nowhere = bestEnd(^uint32(0xff800000))<<32 | 0xffffffff

func (e bestEnd) score() float32 {
	b := uint32(e >> 32)
	return math.Float32frombits(b ^ (uint32(int32(^b)>>31) | 1<<31))
}

func (e bestEnd) found() bool { return e > nowhere }

func (e bestEnd) length() int { return int(e>>idBits) & maxFastPiece }
func (e bestEnd) id() int32   { return int32(e) << (32 - idBits) >> (32 - idBits) }

// flushChars is how much of a long stretch is walked before a place is looked for that no path jumps over: that decides
// all before it, which is written out. Only the part since then takes memory.
const flushChars = 1 << 12

// search segments a stretch from the exact score on, as unigram.segment does.
func (r *reader) search(text []byte) {
	r.sync()
	f, l := r.f, &r.viterbi
	for len(text) > 0 {
		l.chars, l.ends = l.chars[:0], append(l.ends[:0], newEnd(r.score, 0, 0))
		at, read, decided := 0, 0, false // places are counted in characters, what is read in bytes
		for !decided {
			var n int
			l.chars, n = f.packed.appendNumbers(l.chars, text[read:], at+flushChars+f.longest-len(l.chars))
			read += n
			to := len(l.chars)
			if read < len(text) {
				to -= f.longest
			}
			at, decided = l.walk(f, at, to)
			decided = decided || at == len(l.chars)
		}
		if at < len(l.chars) {
			read = bytesOf(text, at)
		}
		r.trace(text[:read], at)
		r.score, r.mark = l.ends[at].score(), r.n
		text = text[read:]
	}
	r.bound = math.Abs(float64(r.score))
}

// bytesOf is how long the first n characters of a text are.
func bytesOf(text []byte, n int) (size int) {
	for range n {
		size += charLength(text[size])
	}
	return size
}

// trace writes out the best path to the end of a text of so many characters.
func (r *reader) trace(text []byte, chars int) {
	l := &r.viterbi
	l.path = l.path[:0]
	for at := chars; at > 0; at -= l.ends[at].length() {
		l.path = append(l.path, uint32(l.ends[at]))
	}
	ahead := 0 // characters of the text that were passed since its start was moved
	for i := len(l.path) - 1; i >= 0; i-- {
		piece := bestEnd(l.path[i])
		if id := piece.id(); id != r.f.unknown {
			r.push(id)
			r.afterUnknown = false
			ahead += piece.length()
			continue
		}
		text = text[bytesOf(text, ahead):]
		n := charLength(text[0])
		r.add(r.f.unknown, text[:n])
		text, ahead = text[n:], 0
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
	f, l := r.f, &r.viterbi
	l.chars, _ = f.packed.appendNumbers(l.chars[:0], text, len(text))
	n := len(l.chars)
	l.chars = append(l.chars, make([]uint32, walkSteps)...)
	l.findSteps(f.packed, 0, n)
	pieces := f.packed.pieces
	var ends [cachedBytes + walkSteps]contest
	ends[0].best = ordered64(0)
	for i := range n {
		s, e, before := &l.steps[i], (*[walkSteps + 1]contest)(ends[i:]), ends[i].score()
		one := pieces[s[0]]
		e[1].enter(before, one)
		if one.last == noPiece { // the character is none
			e[1].enter(before, pieceEnd{f.unigram.unknownScore, lastPiece(1, f.unknown)})
		}
		e[2].enter(before, pieces[s[1]])
		e[3].enter(before, pieces[s[2]])
		e[4].enter(before, pieces[s[3]])
		if cell := s[4]; cell != 0 {
			for at := i + walkSteps; cell != 0; at++ {
				ends[at].enter(before, pieces[cell])
				char, below := l.chars[at], f.packed.cells[cell].below()
				cell, _ = f.packed.cells[below^char].step(below^char, char)
			}
		}
	}
	margin, reach := math.Inf(1), 0.
	ids := 0
	for at := n; at > 0; {
		x := &ends[at]
		last := bestEnd(x.last)
		id := last.id()
		if id == f.unknown || ids == cachedIDs {
			c.n = 0
			return false
		}
		margin = min(margin, x.margin())
		reach += math.Abs(float64(f.scores[id]))
		c.ids[ids] = id
		ids++
		at -= last.length()
	}
	slices.Reverse(c.ids[:ids])
	span := float64(n) * f.farthest
	limit := min(0.99*margin*(1<<23)/float64(n), farScore-1) - 1.01*span
	// The sum that is kept errs too: by less than a tenth, for scores below the reset.
	c.limit, c.reach, c.n = max(float32(limit), 0), float32(reach)+0.1, ids
	return limit > 0
}

// contest is the two best paths to a place, without rounding, and the last piece of the best one. Scores are numbers
// whose order is theirs, so that no branch is needed, which could not be foreseen.
type contest struct {
	best, second uint64 // 0: none
	last         uint32
}

// ordered64 is to float64 what ordered is to float32; unordered64 turns it back.
func ordered64(score float64) uint64 {
	b := math.Float64bits(score)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func unordered64(b uint64) float64 {
	return math.Float64frombits(b ^ (uint64(int64(^b)>>63) | 1<<63))
}

func (c *contest) score() float64 { return unordered64(c.best) }

// margin is how much worse the second path is; +∞ if there is none.
func (c *contest) margin() float64 {
	return c.score() - unordered64(max(c.second, ordered64(math.Inf(-1))))
}

// enter adds a path: a piece behind a path of some score. One whose score is -∞ changes nothing.
func (c *contest) enter(before float64, p pieceEnd) {
	score := ordered64(before + float64(p.score))
	best, last := c.best, c.last
	if score > best {
		last = p.last
	}
	c.second = max(c.second, min(best, score))
	c.best = max(best, score)
	c.last = last
}
