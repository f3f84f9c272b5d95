package train

import (
	"context"
	"math"
	"math/bits"
)

// em is the state of Unigram training.
type em struct {
	words   *words
	threads int // that have own sums
	scale   float64
	model   *model
	lattice []lattice
	sums    [][]int64
}

// newEM readies the sums. Expected counts are added up as integers, in units of 1/scale, so that they do not depend on
// the order in which threads add them; scale is a power of two that leaves room for all characters of all words.
func newEM(w *words, v *vocab, threads int) *em {
	var total int64
	for i, n := range w.counts {
		total += n * int64(len(w.word(i)))
	}
	digits := min(40, 62-bits.Len64(uint64(total)))
	return &em{words: w, threads: threads, scale: math.Ldexp(1, digits), model: newModel(v),
		lattice: make([]lattice, threads), sums: make([][]int64, threads)}
}

// sum clears the sums, lets f add to them over all words and returns their total.
func (e *em) sum(ctx context.Context, f func(l *lattice, sums []int64, block, from, to int)) ([]int64, error) {
	for i := range e.sums {
		e.sums[i] = grown(e.sums[i], e.model.vocab.len())
		clear(e.sums[i])
	}
	if err := inBlocks(ctx, e.words.len(), e.threads, func(i, block, from, to int) {
		f(&e.lattice[i], e.sums[i], block, from, to)
	}); err != nil {
		return nil, err
	}
	total := e.sums[0]
	for _, s := range e.sums[1:] {
		for i, n := range s {
			total[i] += n
		}
	}
	return total, nil
}

// expected is the E step: how often each piece is expected to occur, and the logarithm of the words' likelihood.
func (e *em) expected(ctx context.Context) (counts []float64, likelihood float64, err error) {
	parts := make([]float64, (e.words.len()+blockSize-1)/blockSize)
	sums, err := e.sum(ctx, func(l *lattice, sums []int64, block, from, to int) {
		for i := from; i < to; i++ {
			n := float64(e.words.counts[i])
			units := n * e.scale
			parts[block] += n * l.expect(e.model, e.words.word(i), func(piece int32, p float64) {
				sums[piece] += int64(p*units + 0.5)
			})
		}
	})
	if err != nil {
		return nil, 0, err
	}
	for _, p := range parts {
		likelihood += p
	}
	counts = make([]float64, len(sums))
	for i, n := range sums {
		counts[i] = float64(n) / e.scale
	}
	return counts, likelihood, nil
}

// leastExpected is the expected count below which a piece is dropped.
const leastExpected = 0.5

// maximize is the M step, with the digamma function of the counts instead of their logarithm: a Dirichlet prior that
// makes rare pieces rarer (Liang and Klein, tutorial at ACL 2007). Pieces that are hardly expected are dropped; it
// returns how many are left.
func (e *em) maximize(counts []float64) (left int) {
	sum := 0.0
	for _, n := range counts {
		if n >= leastExpected {
			sum += n
			left++
		}
	}
	all := digamma(sum)
	for i, n := range counts {
		if n >= leastExpected {
			e.model.vocab.scores[i] = digamma(n) - all
		} else {
			e.model.vocab.scores[i] = math.Inf(-1)
		}
	}
	e.model.rescore()
	return left
}

// digamma is the derivative of the logarithm of the gamma function, for x > 0: the asymptotic series (Abramowitz and
// Stegun 6.3.18) behind the recurrence that brings x above 7.
func digamma(x float64) float64 {
	y := 0.0
	for ; x < 7; x++ {
		y -= 1 / x
	}
	z := 1 / (x * x)
	return y + math.Log(x) - 0.5/x - z*(1.0/12-z*(1.0/120-z*(1.0/252-z*(1.0/240-z/132))))
}

// prune drops pieces until limit are left: those first whose loss costs the likelihood least, if each occurrence of a
// piece is replaced by the best segmentation of the piece into others.
func (e *em) prune(ctx context.Context, limit int) (*vocab, error) {
	m := e.model
	used, err := e.sum(ctx, func(l *lattice, sums []int64, _, from, to int) {
		for i := from; i < to; i++ {
			path, _, _ := l.viterbi(m, e.words.word(i), true)
			for _, piece := range path {
				if piece >= 0 {
					sums[piece] += e.words.counts[i]
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	var sum int64
	for _, n := range used {
		sum += n
	}
	// loss is NaN for pieces that go in any case, +Inf for those that stay.
	loss := make([]float64, m.vocab.len())
	if err := inBlocks(ctx, m.vocab.len(), e.threads, func(i, _, from, to int) {
		for p := from; p < to; p++ {
			loss[p] = e.loss(&e.lattice[i], p, used, float64(sum))
		}
	}); err != nil {
		return nil, err
	}
	return m.vocab.only(mostLoss(loss, limit)), nil
}

// loss is how much the logarithm of the likelihood of one token falls without a piece.
func (e *em) loss(l *lattice, piece int, used []int64, sum float64) float64 {
	m := e.model
	n := float64(used[piece])
	if n == 0 || m.prob[piece] == 0 {
		return math.NaN()
	}
	instead, score, ok := l.viterbi(m, m.vocab.piece(piece), false)
	if !ok {
		return math.Inf(1)
	}
	if score > m.vocab.scores[piece] {
		return math.NaN() // no text is ever segmented into it
	}
	with := math.Log(n / sum)
	without := 0.0
	logSum := math.Log(sum + n*float64(len(instead)-1))
	for _, other := range instead {
		uses := n // of a character that is no piece now, but will be one at the end
		if other >= 0 {
			uses += float64(used[other])
		}
		without += math.Log(uses) - logSum
	}
	return n / sum * (with - without)
}
