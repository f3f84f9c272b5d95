package train

import (
	"context"
	"fmt"
	"math"
)

// Measures judge a tokenizer on views that it was not trained on.
type Measures struct {
	Views      int     `json:"views"`
	Usage      float64 `json:"usage"`       // share of the codes that occur
	Dead       int     `json:"dead"`        // codes that do not
	Perplexity float64 `json:"perplexity"`  // 2 to the entropy of the codes, at most their number
	Largest    float64 `json:"largest"`     // share of the patches that the commonest code takes
	JPEG       float64 `json:"stable_jpeg"` // share of the patches whose code stays after JPEG q95 4:4:4
	Noise      float64 `json:"stable_noise"`
	Explained  float64 `json:"explained"` // share of the variance of the teacher's vectors that the codes tell
}

// Stability is the lower of the two shares.
func (m Measures) Stability() float64 { return min(m.JPEG, m.Noise) }

func (m Measures) String() string {
	return fmt.Sprintf("usage %.1f %% (%d dead), perplexity %.0f, commonest code %.1f %%, stable %.1f %% after JPEG q95, %.1f %% after ±2 noise, %.1f %% of the teacher told",
		100*m.Usage, m.Dead, m.Perplexity, 100*m.Largest, 100*m.JPEG, 100*m.Noise, 100*m.Explained)
}

// noiseLevel is the noise that stability is asked for, in steps of 8-bit values: what sensors and scaling leave.
const noiseLevel = 2

// encoder is the function that is judged: n views to n·G² codes.
type encoder func(ctx context.Context, pixels []uint8, n int) ([]uint16, error)

// measure judges an encoder on held-out views.
func (c Config) measure(ctx context.Context, encode encoder, held []lesson) (Measures, error) {
	m := Measures{Views: len(held)}
	t := newTally(c.Codes, len(held[0].targets)/(c.Grid()*c.Grid()))
	jpegSame, noiseSame := 0, 0
	for i, l := range held {
		v := l.view
		coded, err := jpeg(v, 95, true)
		if err != nil {
			return m, err
		}
		rough := noisy(generator(c.Seed, "noise", i, 0), v, noiseLevel)
		three := append(append(append([]uint8{}, v.Pix...), coded.Pix...), rough.Pix...)
		all, err := encode(ctx, three, 3)
		if err != nil {
			return m, err
		}
		n := len(all) / 3
		for j, code := range all[:n] {
			if all[n+j] == code {
				jpegSame++
			}
			if all[2*n+j] == code {
				noiseSame++
			}
		}
		t.add(all[:n], l.targets)
	}
	m.JPEG = float64(jpegSame) / t.total
	m.Noise = float64(noiseSame) / t.total
	t.judge(&m)
	return m, nil
}

// tally counts codes and the teacher's vectors that they stand for.
type tally struct {
	dim    int
	total  float64
	counts []float64 // by code
	sums   []float64 // [codes, dim] of the vectors
	square float64   // Σ |vector|²
}

func newTally(codes, dim int) *tally {
	return &tally{dim: dim, counts: make([]float64, codes), sums: make([]float64, codes*dim)}
}

func (t *tally) add(codes []uint16, vectors []float32) {
	for i, c := range codes {
		t.counts[c]++
		t.total++
		sum := t.sums[int(c)*t.dim:][:t.dim]
		for j, v := range vectors[i*t.dim : (i+1)*t.dim] {
			sum[j] += float64(v)
			t.square += float64(v) * float64(v)
		}
	}
}

// judge fills in what the counts say. The variance of the vectors parts into the one within codes and the one between.
func (t *tally) judge(m *Measures) {
	entropy, largest, between := 0.0, 0.0, 0.0
	whole := make([]float64, t.dim)
	for c, n := range t.counts {
		if n == 0 {
			m.Dead++
			continue
		}
		entropy -= n / t.total * math.Log(n/t.total)
		largest = max(largest, n)
		for j, s := range t.sums[c*t.dim : (c+1)*t.dim] {
			between += s * s / n
			whole[j] += s
		}
	}
	centre := 0.0
	for _, s := range whole {
		centre += s * s / t.total
	}
	m.Usage = 1 - float64(m.Dead)/float64(len(t.counts))
	m.Perplexity = math.Exp(entropy)
	m.Largest = largest / t.total
	if t.square > centre {
		m.Explained = (between - centre) / (t.square - centre)
	}
}
