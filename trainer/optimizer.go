package trainer

import (
	"iter"
	"math"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/tensor"
)

// LearningRate is a line from 0 up to the peak over the warm-up steps, both ends included, then half a cosine down.
func (c *Config) LearningRate(step int64) float64 {
	o := c.Optimizer
	if step < o.WarmupSteps {
		if o.WarmupSteps == 1 {
			return 0
		}
		return o.LR * float64(step) / float64(o.WarmupSteps-1)
	}
	course := float64(step-o.WarmupSteps) / float64(max(1, c.Steps-o.WarmupSteps))
	return o.MinLR + (o.LR-o.MinLR)/2*(1+math.Cos(math.Pi*min(1, course)))
}

// Losses are means over masked positions, by term; NaN where a batch has none.
type Losses struct{ Image, Text, PairImage, PairText float64 }

// result of one step, as the backend computed it.
type result struct {
	losses   Losses
	total    float64 // with the terms' weights
	gradNorm float64 // before clipping
	finite   bool    // else nothing was changed
	tokens   int
	count    [terms]int
}

// optimizer carries the state of a run besides the weights and moments.
type optimizer struct {
	m       *Model
	cfg     *Config
	updates int           // AdamW steps made: those with finite gradients
	stats   tensor.Tensor // [terms + 2]: weighted losses, sum of squares, clip factor
}

func newOptimizer(m *Model, cfg *Config) *optimizer {
	return &optimizer{m: m, cfg: cfg, stats: m.b.Alloc(tensor.Float, int(terms)+2)}
}

// step trains on one batch.
func (o *optimizer) step(step int64, micros []*mixer.Micro) (result, error) {
	return o.stepPacks(step, packCount(micros), func(yield func(*pack) bool) {
		for _, part := range cut(&o.m.cfg, micros, o.cfg.PackTokens) {
			if !yield(newPack(&o.m.cfg, part)) {
				return
			}
		}
	})
}

// stepPacks trains on the packs of one batch, which has count masked positions.
func (o *optimizer) stepPacks(step int64, count [terms]int, packs iter.Seq[*pack]) (result, error) {
	m, b, c := o.m, o.m.b, o.cfg
	r := result{count: count}
	weight := [terms]float64{termImage: c.Weights.Image, termText: c.Weights.Text, termPairImage: c.Weights.PairImage, termPairText: c.Weights.PairText}
	var factor [terms]float64
	for t, n := range r.count {
		if n > 0 {
			factor[t] = weight[t] / float64(n)
		}
	}
	b.Zero(m.params.g)
	b.Zero(o.stats)
	for p := range packs {
		r.tokens += p.n
		m.accumulate(p, factor, &dropPath{rate: c.DropPath, seed: c.Seed, step: step}, o.stats.Rows(0, int(terms)))
	}
	squares, clip := o.stats.Rows(int(terms), int(terms)+1), o.stats.Rows(int(terms)+1, int(terms)+2)
	b.SumSquares(squares, m.params.g)
	b.ClipFactor(clip, squares, c.Optimizer.Clip)
	for g, end := range m.params.ends {
		from := 0
		if g > 0 {
			from = m.params.ends[g-1]
		}
		o.update(from, end, clip, o.settings(group(g), step))
	}

	stats := make([]float64, o.stats.Len())
	b.DownloadF64(stats, o.stats)
	if err := b.Sync(); err != nil {
		return r, err
	}
	mean := func(t term) float64 { return stats[t] / weight[t] } // 0/0 where a term's weight is 0
	r.losses = Losses{mean(termImage), mean(termText), mean(termPairImage), mean(termPairText)}
	for t, l := range map[term]*float64{termImage: &r.losses.Image, termText: &r.losses.Text, termPairImage: &r.losses.PairImage, termPairText: &r.losses.PairText} {
		if r.count[t] == 0 {
			*l = math.NaN()
		}
	}
	for _, v := range stats[:terms] {
		r.total += v
	}
	r.gradNorm = math.Sqrt(stats[terms])
	r.finite = stats[terms+1] != 0
	if r.finite {
		o.updates++
	}
	return r, nil
}

// settings of AdamW for one group of parameters.
func (o *optimizer) settings(g group, step int64) tensor.AdamW {
	c := o.cfg.Optimizer
	h := tensor.AdamW{
		LR: o.cfg.LearningRate(step), Beta1: c.Beta1, Beta2: c.Beta2, Eps: c.Eps, WeightDecay: c.WeightDecay, Step: o.updates + 1,
	}
	switch g {
	case plain:
		h.WeightDecay = 0
	case patches:
		h.LR *= c.PatchLR
	}
	return h
}

func (o *optimizer) update(from, to int, clip tensor.Tensor, h tensor.AdamW) {
	if p := &o.m.params; from < to {
		o.m.b.AdamWStep(p.w.Rows(from, to), p.m.Rows(from, to), p.v.Rows(from, to), p.g.Rows(from, to), clip, h)
	}
}
