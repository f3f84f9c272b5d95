package sentencepiece

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Sample cuts a text at random, for subword regularisation: what a model is trained on differs from pass to pass. The
// result depends on the text, alpha and the state of rng alone.
//
// A Unigram model draws one of all segmentations, each with a probability proportional to exp(alpha * score): 0 makes
// all equally likely, a large alpha gives the best; 0.1 to 0.5 are usual (Kudo 2018). A BPE model leaves out each merge
// with probability alpha: 0 gives Encode, 1 single characters; 0.1 is usual (Provilkov et al. 2020). Other models give
// ErrNoNBest.
func (m *Model) Sample(text string, alpha float32, rng *rand.Rand) (Encoding, error) {
	if alpha < 0 || math.IsNaN(float64(alpha)) || math.IsInf(float64(alpha), 0) {
		return Encoding{}, fmt.Errorf("sampling with alpha %v: must be 0 or more", alpha)
	}
	var norm normalized
	norm.wantsOrigin = true
	switch {
	case m.unigram != nil:
		m.norm.run(&norm, text)
		if len(norm.text) == 0 {
			return Encoding{}, nil
		}
		l := m.unigram.newLattice(norm.text)
		return m.encoding(&norm, l.spans(l.sample(float64(alpha), rng))), nil
	case m.bpe != nil:
		m.norm.run(&norm, text)
		drop := func() bool { return alpha > 0 && rng.Float64() < float64(alpha) }
		return m.encoding(&norm, m.bpe.dropout(norm.text, drop)), nil
	}
	return Encoding{}, fmt.Errorf("sampling with a %v model: %w", m.settings.trainer.model, ErrNoNBest)
}

// SampleNBest draws one of the n best segmentations, each with a probability proportional to exp(alpha * score). It is
// for Unigram models.
func (m *Model) SampleNBest(text string, n int, alpha float32, rng *rand.Rand) (Encoding, error) {
	if alpha < 0 || math.IsNaN(float64(alpha)) || math.IsInf(float64(alpha), 0) {
		return Encoding{}, fmt.Errorf("sampling with alpha %v: must be 0 or more", alpha)
	}
	all, err := m.NBest(text, n)
	if err != nil {
		return Encoding{}, err
	}
	logs := make([]float64, len(all))
	for i, s := range all {
		logs[i] = float64(alpha) * float64(s.Score)
	}
	return all[draw(logs, rng)].Encoding, nil
}

// sample draws a path: the sums of all paths to each node, forwards, then node after node backwards.
func (l *lattice) sample(alpha float64, rng *rand.Rand) path {
	sums := make([]float64, len(l.nodes)) // logarithm of the sum over the paths that end where a node starts
	var logs []float64
	weights := func(node int32) []float64 {
		logs = logs[:0]
		for _, j := range l.before(node) {
			logs = append(logs, sums[j]+alpha*float64(l.nodes[j].score))
		}
		return logs
	}
	l.inOrder(func(i int32) { sums[i] = logSum(weights(i)) })
	var p path
	for at := latticeEnd; ; {
		at = l.before(at)[draw(weights(at), rng)]
		if at == latticeStart {
			break
		}
		p.nodes = append(p.nodes, at)
	}
	for i, j := 0, len(p.nodes)-1; i < j; i, j = i+1, j-1 {
		p.nodes[i], p.nodes[j] = p.nodes[j], p.nodes[i]
	}
	return p
}

// logSum is log(sum(exp(logs))).
func logSum(logs []float64) float64 {
	most := math.Inf(-1)
	for _, x := range logs {
		most = max(most, x)
	}
	sum := 0.0
	for _, x := range logs {
		sum += math.Exp(x - most)
	}
	return most + math.Log(sum)
}

// draw picks an index with a probability proportional to exp(logs[i]).
func draw(logs []float64, rng *rand.Rand) int {
	total := logSum(logs)
	left := rng.Float64()
	last := 0
	for i, x := range logs {
		p := math.Exp(x - total)
		if p > 0 {
			last = i // where rounding leaves nothing, the last that is possible
		}
		if left -= p; left < 0 {
			return i
		}
	}
	return last
}
