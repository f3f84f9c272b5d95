package sentencepiece

import (
	"errors"
	"fmt"
)

// Scored is a segmentation with its score: the sum of its pieces' scores, which are logarithms of probabilities.
type Scored struct {
	Encoding
	Score float32
}

// MaxNBest is the most segmentations that NBest and SampleNBest look for.
const MaxNBest = 512

// ErrNoNBest says that a model's type knows no alternatives: only Unigram models have n-best lists, and only they and
// BPE models can be sampled.
var ErrNoNBest = errors.New("only Unigram models score segmentations")

// NBest returns the n best segmentations of a text, from 1 to MaxNBest, best first; fewer if there are no more. Order and
// scores are the original's, also where scores are equal and where a long text makes the search give up on all but
// the best. Its memory grows with the text's length and, up to a bound, with n: it is meant for sentences.
func (m *Model) NBest(text string, n int) ([]Scored, error) {
	if m.unigram == nil {
		return nil, fmt.Errorf("n best segmentations with a %v model: %w", m.settings.trainer.model, ErrNoNBest)
	}
	if n < 1 || n > MaxNBest {
		return nil, fmt.Errorf("%d best segmentations: must be from 1 to %d", n, MaxNBest)
	}
	var norm normalized
	norm.wantsOrigin = true
	m.norm.run(&norm, text)
	if len(norm.text) == 0 {
		return []Scored{{}}, nil
	}
	if n == 1 {
		e := Scored{Encoding: m.Encode(text)}
		var ends []pathEnd
		e.Score = m.unigram.score(m.unigram.segment(nil, &ends, norm.text))
		return []Scored{e}, nil
	}
	l := m.unigram.newLattice(norm.text)
	var out []Scored
	for _, p := range l.nBest(n) {
		out = append(out, Scored{m.encoding(&norm, l.spans(p)), p.score})
	}
	return out, nil
}

// score sums up a segmentation.
func (u *unigram) score(spans []span) (sum float32) {
	for _, s := range spans {
		if s.id == u.unknown {
			sum += u.unknownScore
		} else {
			sum += u.scores[s.id]
		}
	}
	return sum
}

// hypothesis is a path from some node to the end of the text.
type hypothesis struct {
	node int32
	next int32   // the hypothesis that it continues, -1 at the end
	done float32 // the sum from here to the end
	best float32 // done plus the best sum from the start to here: what the whole can still reach
}

// The bounds of the search. A text that needs more gets its best path alone.
const (
	maxHypotheses = 500_000
	maxAgenda     = 10_000
	maxShrinks    = 10
	shrinkAfter   = 100_000 // hypotheses
	shrinkTo      = 512
)

// nBest finds the n best paths, n > 1, by an A* search from the end: the sums of Viterbi say exactly what each start
// can still reach, so paths come out best first.
func (l *lattice) nBest(n int) (paths []path) {
	l.viterbi()
	all := []hypothesis{{node: latticeEnd, next: -1, best: l.nodes[latticeEnd].best}}
	agenda := agenda{all: all}
	agenda.push(0)
	small := min(shrinkTo, n*10)
	limit, total := shrinkAfter, 1
	for shrinks := 0; len(agenda.heap) > 0; {
		top := agenda.pop()
		h := agenda.all[top]
		if h.node == latticeStart {
			p := path{score: h.best}
			for i := h.next; agenda.all[i].next >= 0; i = agenda.all[i].next {
				p.nodes = append(p.nodes, agenda.all[i].node)
			}
			if paths = append(paths, p); len(paths) == n {
				break
			}
			continue
		}
		before := l.before(h.node)
		for _, j := range before {
			left := &l.nodes[j]
			agenda.all = append(agenda.all, hypothesis{node: j, next: top, done: left.score + h.done, best: left.best + h.done})
			agenda.push(int32(len(agenda.all) - 1))
		}
		if total += len(before); total >= maxHypotheses || len(agenda.all) >= maxHypotheses {
			return []path{l.bestPath()}
		}
		if len(agenda.heap) >= maxAgenda || len(agenda.heap) > small && len(agenda.all) >= limit {
			if shrinks++; shrinks > maxShrinks {
				return []path{l.bestPath()}
			}
			agenda.shrink(small)
			limit = len(agenda.all) + shrinkAfter
		}
	}
	return paths
}

// agenda is a heap of hypotheses, the best on top. Hypotheses of the same worth come out in the order that the C++
// standard library of GCC gives them, which the original's results depend on: push and pop move them as it does.
type agenda struct {
	all  []hypothesis
	heap []int32
}

func (a *agenda) less(i, j int32) bool { return a.all[i].best < a.all[j].best }

func (a *agenda) push(h int32) {
	a.heap = append(a.heap, h)
	a.up(len(a.heap)-1, h)
}

func (a *agenda) up(hole int, h int32) {
	for hole > 0 {
		parent := (hole - 1) / 2
		if !a.less(a.heap[parent], h) {
			break
		}
		a.heap[hole] = a.heap[parent]
		hole = parent
	}
	a.heap[hole] = h
}

// pop moves the hole that the top leaves down to a leaf, always to the better child, and puts the last one there.
func (a *agenda) pop() (top int32) {
	last := len(a.heap) - 1
	top = a.heap[0]
	h := a.heap[last]
	a.heap = a.heap[:last]
	if last == 0 {
		return top
	}
	hole := 0
	for 2*hole+1 < last {
		child := 2*hole + 2
		if child == last || a.less(a.heap[child], a.heap[child-1]) {
			child--
		}
		a.heap[hole] = a.heap[child]
		hole = child
	}
	a.up(hole, h)
	return top
}

// shrink keeps the best hypotheses, at most n, and those that they continue.
func (a *agenda) shrink(n int) {
	kept := agenda{}
	moved := map[int32]int32{}
	for range min(n, len(a.heap)) {
		top := a.pop()
		first, last := int32(-1), int32(-1)
		for i := top; i >= 0; i = a.all[i].next {
			to, ok := moved[i]
			if !ok {
				to = int32(len(kept.all))
				kept.all = append(kept.all, a.all[i])
				moved[i] = to
			}
			if last >= 0 {
				kept.all[last].next = to
			} else {
				first = to
			}
			if ok {
				break
			}
			last = to
		}
		kept.push(first)
	}
	*a = kept
}
