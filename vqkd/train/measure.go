package train

import (
	"context"
	"fmt"
	"math"

	"github.com/imglish/imglish/pixels"
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
}

// Stability is the lower of the two shares.
func (m Measures) Stability() float64 { return min(m.JPEG, m.Noise) }

func (m Measures) String() string {
	return fmt.Sprintf("usage %.1f %% (%d dead), perplexity %.0f, commonest code %.1f %%, stable %.1f %% after JPEG q95, %.1f %% after ±2 noise",
		100*m.Usage, m.Dead, m.Perplexity, 100*m.Largest, 100*m.JPEG, 100*m.Noise)
}

// noiseLevel is the noise that stability is asked for, in steps of 8-bit values: what sensors and scaling leave.
const noiseLevel = 2

// Encoder is the function that is judged: n views to n·G² codes.
type Encoder func(ctx context.Context, pixels []uint8, n int) ([]uint16, error)

// Measure judges an encoder of the given number of codes on views of equal size.
func Measure(ctx context.Context, encode Encoder, codes int, views []*pixels.Image, seed uint64) (Measures, error) {
	m := Measures{Views: len(views)}
	counts := make([]int, codes)
	total, jpegSame, noiseSame := 0, 0, 0
	for i, v := range views {
		coded, err := jpeg(v, 95, true)
		if err != nil {
			return m, err
		}
		rough := noisy(generator(seed, "noise", i, 0), v, noiseLevel)
		three := append(append(append([]uint8{}, v.Pix...), coded.Pix...), rough.Pix...)
		all, err := encode(ctx, three, 3)
		if err != nil {
			return m, err
		}
		n := len(all) / 3
		for j, c := range all[:n] {
			counts[c]++
			if all[n+j] == c {
				jpegSame++
			}
			if all[2*n+j] == c {
				noiseSame++
			}
		}
		total += n
	}
	entropy, largest := 0.0, 0
	for _, c := range counts {
		if c == 0 {
			m.Dead++
			continue
		}
		p := float64(c) / float64(total)
		entropy -= p * math.Log(p)
		largest = max(largest, c)
	}
	m.Usage = 1 - float64(m.Dead)/float64(codes)
	m.Perplexity = math.Exp(entropy)
	m.Largest = float64(largest) / float64(total)
	m.JPEG = float64(jpegSame) / float64(total)
	m.Noise = float64(noiseSame) / float64(total)
	return m, nil
}

// heldOutViews makes the views that a run is measured on: always the same for a seed.
func (c Config) heldOutViews(p *pool) ([]*pixels.Image, error) {
	out := make([]*pixels.Image, c.Views)
	for i := range out {
		rng := generator(c.Seed, "held-out view", i, 0)
		im, err := p.draw(rng, true)
		if err != nil {
			return nil, err
		}
		out[i] = view(rng, im, c.Side, c.CropMin)
	}
	return out, nil
}
