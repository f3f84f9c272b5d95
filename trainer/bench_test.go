package trainer

import (
	"math/rand/v2"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
)

// smallConfig is a model of 0.9 M parameters on whole views: 224 pixels, 196 patches.
func smallConfig() Config {
	c := Defaults()
	c.Model.Layers, c.Model.Width, c.Model.Heads, c.Model.FFN, c.Model.VLLayers = 4, 96, 4, 384, 1
	c.Model.Side, c.Model.Patch = 224, 16
	c.Model.Vocab, c.Model.Codes, c.Model.MaxText = 1000, 512, 128
	return c
}

// randomMicro has n rows of noise at the given masking shares.
func randomMicro(r *rand.Rand, c ModelConfig, kind pipeline.Kind, n, length int, vshare, tshare float64) *mixer.Micro {
	mi := &mixer.Micro{Kind: kind, N: n, S: c.Side, G: c.Grid(), Rows: make([]mixer.Row, n)}
	mask := func(share float64) bool { return r.Float64() < share }
	if kind != pipeline.Kind_TEXT {
		mi.Pixels = make([]uint8, n*c.Side*c.Side*3)
		for i := range mi.Pixels {
			mi.Pixels[i] = uint8(r.Uint32())
		}
		for range n * c.Grid() * c.Grid() {
			mi.Codes = append(mi.Codes, uint16(r.IntN(c.Codes)))
			mi.VMask = append(mi.VMask, 0)
			if mask(vshare) {
				mi.VMask[len(mi.VMask)-1] = 1
			}
		}
	}
	if kind != pipeline.Kind_IMAGE {
		mi.CuSeqlens = []int32{0}
		for range n {
			words := make([]int32, length)
			var masked []int
			for k := range words {
				words[k] = int32(4 + r.IntN(c.Vocab-4))
				if mask(tshare) {
					masked = append(masked, k)
				}
			}
			addText(mi, words, masked...)
		}
	}
	return mi
}

// BenchmarkStep is one optimizer step on 8 images, 8 texts and 8 pairs.
func BenchmarkStep(b *testing.B) {
	backend, err := cpu.New(2)
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	cfg := smallConfig()
	r := rand.New(rand.NewPCG(1, 1))
	micros := []*mixer.Micro{
		randomMicro(r, cfg.Model, pipeline.Kind_IMAGE, 8, 0, 0.43, 0),
		randomMicro(r, cfg.Model, pipeline.Kind_TEXT, 8, 64, 0, 0.15),
		randomMicro(r, cfg.Model, pipeline.Kind_PAIR, 8, 20, 0.43, 0.5),
	}
	m, err := NewModel(backend, cfg.Model, true)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	m.Init(1)
	o := newOptimizer(m, &cfg)
	tokens := 0
	step := int64(0)
	for b.Loop() {
		res, err := o.step(step, micros)
		if err != nil || !res.finite {
			b.Fatal(res, err)
		}
		step++
		tokens += res.tokens
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
	b.ReportMetric(float64(m.Parameters()), "parameters")
}
