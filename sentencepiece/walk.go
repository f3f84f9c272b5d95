package sentencepiece

import (
	"math"
	"slices"
)

const (
	// walkSteps is how many steps down the trie are made at once. In Chinese and Japanese one walk in seven goes
	// further, in English one in ten.
	walkSteps = 5
	// walkBlock is how many walks are made at once: their steps fit the first-level cache.
	walkBlock = 256
)

// steps are the first cells of a walk down the trie; 0: it has ended.
type steps [walkSteps]uint32

// walk goes down the trie from each place from at up to to, and finds the best paths to those behind. It returns where
// it stopped, and whether no path jumps over that place.
//
// A walk alone waits for memory at each step, and the processor cannot foresee where it ends. So steps are found first,
// many walks' side by side and without a branch, and then the paths, for which all lies near.
func (l *viterbi) walk(f *fast, at, to int) (stopped int, decided bool) {
	n := len(l.chars)
	l.chars = append(l.chars, make([]uint32, walkSteps)...) // which lead nowhere
	for len(l.ends) < n+walkSteps {
		l.ends = append(l.ends, nowhere)
	}
	for at < to && !decided {
		open := l.ends[at:min(at+f.longest, n+1)]
		stop := min(at+walkBlock, to)
		if at >= flushChars || !f.near(open) {
			stop = at + 1
			if before := open[0].score(); before < -farScore || before > farScore {
				resetScores(open)
			}
			decided = at >= flushChars && !slices.ContainsFunc(open[1:], bestEnd.found)
		}
		if !decided {
			l.findSteps(f.packed, at, stop)
			l.findPaths(f, at, stop)
			at = stop
		}
	}
	l.chars = l.chars[:n]
	return at, decided
}

// near says whether the walks of a block cannot come to a score that must be reset. Each adds a piece to the score of an
// open path or of an earlier walk; rounding adds less than 0.01.
func (f *fast) near(open []bestEnd) bool {
	furthest := 0.
	for _, e := range open {
		if e.found() {
			furthest = max(furthest, math.Abs(float64(e.score())))
		}
	}
	return furthest+walkBlock*(f.farthest+0.01) < farScore
}

// resetScores is the original's step against scores that grow without end: those of all open paths are taken relative
// to the first one's.
func resetScores(ends []bestEnd) {
	by := ends[0].score()
	ends[0] = newEnd(0, ends[0].length(), ends[0].id())
	for i, e := range ends[1:] {
		if e.found() {
			ends[1+i] = newEnd(e.score()-by, e.length(), e.id())
		}
	}
}

func (l *viterbi) findSteps(t *charTrie, at, to int) {
	root, cells, chars := t.root, t.cells, l.chars[at:]
	found := l.steps[:to-at]
	for i := range found {
		c, s := (*[walkSteps]uint32)(chars[i:]), &found[i]
		var below uint32
		s[0], below = cells[root^c[0]].step(root^c[0], c[0])
		s[1], below = cells[below^c[1]].step(below^c[1], c[1])
		s[2], below = cells[below^c[2]].step(below^c[2], c[2])
		s[3], below = cells[below^c[3]].step(below^c[3], c[3])
		s[4], _ = cells[below^c[4]].step(below^c[4], c[4])
	}
}

func (l *viterbi) findPaths(f *fast, at, to int) {
	pieces, ends := f.packed.pieces, l.ends[at:]
	before := ends[0].score()
	for i := range l.steps[:to-at] {
		s, e := &l.steps[i], (*[walkSteps]bestEnd)(ends[i:])
		// What the next walk waits for is the score alone: its way through e would take twice as long.
		one := pieces[s[0]]
		next := max(one.score+before, e[1].score())
		e[1] = max(e[1], one.behind(before))
		if one.last == noPiece { // the character is none
			unknown := newEnd(f.unigram.unknownScore+before, 1, f.unknown)
			next = max(next, unknown.score())
			e[1] = max(e[1], unknown)
		}
		e[2] = max(e[2], pieces[s[1]].behind(before))
		e[3] = max(e[3], pieces[s[2]].behind(before))
		e[4] = max(e[4], pieces[s[3]].behind(before))
		if s[4] != 0 {
			l.goOn(f.packed, s[4], at+i+walkSteps, before)
		}
		before = next
	}
}

// goOn goes on from the last of the steps.
func (l *viterbi) goOn(t *charTrie, cell uint32, at int, before float32) {
	for ; cell != 0; at++ {
		l.ends[at] = max(l.ends[at], t.pieces[cell].behind(before))
		c, below := l.chars[at], t.cells[cell].below()
		cell, _ = t.cells[below^c].step(below^c, c)
	}
}
