package cpu_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
)

// normal gives a tensor of normal values.
func normal(b tensor.Backend, seed uint64, shape ...int) tensor.Tensor {
	t := b.Alloc(tensor.Float, shape...)
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, t.Len())
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	b.Upload(t, x)
	return t
}

// measure runs f in the benchmark's loop and reports the rate of the fastest run: other work on the machine disturbs
// the mean. flops are those of one run.
func measure(b *testing.B, flops float64, f func()) {
	f()
	best := time.Duration(1 << 62)
	for b.Loop() {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(flops/best.Seconds()/1e9, "bestGFLOP/s")
	b.ReportMetric(float64(best.Microseconds()), "best-µs")
}

// sizes of a linear layer: rows, in, out.
var sizes = [][3]int{{3152, 128, 384}, {3152, 128, 128}, {3152, 128, 512}, {3152, 512, 128}, {1576, 192, 768}, {1576, 768, 192}, {3152, 96, 96},
	{788, 768, 3072}, {788, 3072, 768}}

func benchLinear(b *testing.B, isa cpu.ISA, run func(c tensor.Backend, t [5]tensor.Tensor)) {
	for _, threads := range []int{1, 2} {
		for _, s := range sizes {
			b.Run(fmt.Sprintf("%dthreads/%dx%dx%d", threads, s[0], s[1], s[2]), func(b *testing.B) {
				c := open(b, isa, threads)
				defer c.Close()
				n, in, out := s[0], s[1], s[2]
				t := [5]tensor.Tensor{normal(c, 1, n, out), normal(c, 2, n, in), normal(c, 3, out, in), normal(c, 4, out), normal(c, 5, n, out)}
				measure(b, 2*float64(n*in*out), func() { run(c, t) })
			})
		}
	}
}

func BenchmarkLinear(b *testing.B) {
	benchLinear(b, cpu.Best, func(c tensor.Backend, t [5]tensor.Tensor) {
		c.Linear(t[0], tensor.Tensor{}, t[1], t[2], t[3], tensor.Identity)
	})
}

func BenchmarkLinearAVX2(b *testing.B) {
	benchLinear(b, cpu.AVX2, func(c tensor.Backend, t [5]tensor.Tensor) {
		c.Linear(t[0], tensor.Tensor{}, t[1], t[2], t[3], tensor.Identity)
	})
}

func BenchmarkLinearGELU(b *testing.B) {
	benchLinear(b, cpu.Best, func(c tensor.Backend, t [5]tensor.Tensor) { c.Linear(t[0], t[4], t[1], t[2], t[3], tensor.GELU) })
}

func BenchmarkLinearGradX(b *testing.B) {
	benchLinear(b, cpu.Best, func(c tensor.Backend, t [5]tensor.Tensor) {
		c.LinearBackward(t[1], tensor.Tensor{}, tensor.Tensor{}, t[0], tensor.Tensor{}, t[1], t[2], tensor.Identity)
	})
}

func BenchmarkLinearGradW(b *testing.B) {
	benchLinear(b, cpu.Best, func(c tensor.Backend, t [5]tensor.Tensor) {
		c.LinearBackward(tensor.Tensor{}, t[2], t[3], t[0], tensor.Tensor{}, t[1], t[2], tensor.Identity)
	})
}

// batch gives 16 images of 197 rows as segments.
func batch(c tensor.Backend) (seg tensor.Tensor, n int) {
	const images, rows = 16, 197
	var s []int32
	for i := range int32(images) {
		s = append(s, i*rows, rows, 0, 0)
	}
	seg = c.Alloc(tensor.I32, images, 4)
	c.UploadI32(seg, s)
	return seg, images * rows
}

func BenchmarkAttention(b *testing.B) {
	for _, s := range [][2]int{{128, 4}, {192, 3}, {192, 6}} {
		c := open(b, cpu.Best, 1)
		seg, n := batch(c)
		d, a := s[0], tensor.Attend{Heads: s[1], Scale: 0.2}
		out, lse, qkv := c.Alloc(tensor.Float, n, d), c.Alloc(tensor.Float, n, a.Heads), normal(c, 1, n, 3*d)
		dout, dqkv := normal(c, 2, n, d), c.Alloc(tensor.Float, n, 3*d)
		flops := 2 * 16 * 197 * 197 * float64(d)
		b.Run(fmt.Sprintf("forward/width%dheads%d", d, a.Heads), func(b *testing.B) {
			measure(b, 2*flops, func() { c.Attention(out, lse, qkv, seg, a) })
		})
		b.Run(fmt.Sprintf("backward/width%dheads%d", d, a.Heads), func(b *testing.B) {
			measure(b, 5*flops, func() { c.AttentionBackward(dqkv, dout, out, lse, qkv, seg, a) })
		})
		c.Close()
	}
}

// BenchmarkDecode times one generated token of 8 captions of base size: a token and a mask behind an image and half a
// caption. The rate counts the bytes of the cache.
func BenchmarkDecode(b *testing.B) {
	c := open(b, cpu.Best, 1)
	defer c.Close()
	const captions, have, d, heads = 8, 197 + 16, 768, 12
	out, qkv, cache := c.Alloc(tensor.Float, 2*captions, d), normal(c, 1, 2*captions, 3*d), normal(c, 2, captions, 256, 2*d)
	seg, s := c.Alloc(tensor.I32, captions, 4), []int32(nil)
	for i := range int32(captions) {
		s = append(s, 2*i, 2, i, have)
	}
	c.UploadI32(seg, s)
	measure(b, captions*have*2*d*4, func() {
		c.AttentionCached(out, qkv, cache, seg, tensor.Attend{Heads: heads, Scale: 0.125, Causal: true})
	})
}

// BenchmarkRows times what is not a product, at the sizes of a small transformer's step; the rate counts elements.
func BenchmarkRows(b *testing.B) {
	c := open(b, cpu.Best, 1)
	defer c.Close()
	const n, d, v = 3152, 128, 1024
	x, y, g := normal(c, 1, n, d), c.Alloc(tensor.Float, n, d), normal(c, 2, n, d)
	gamma, beta, stats := normal(c, 3, d), normal(c, 4, d), c.Alloc(tensor.Float, n, 2)
	logits, loss, targets := normal(c, 5, n, v), c.Alloc(tensor.Float, n), c.Alloc(tensor.I32, n)
	dlogits := c.Alloc(tensor.Float, n, v)
	p, m, s, dp, one := normal(c, 6, 1<<20), c.Alloc(tensor.Float, 1<<20), c.Alloc(tensor.Float, 1<<20), normal(c, 7, 1<<20), normal(c, 8, 1)
	z, book, codes := normal(c, 9, n, 32), normal(c, 10, 8192, 32), c.Alloc(tensor.U16, n)
	hidden, dhidden := normal(c, 11, n, 4*d), normal(c, 12, n, 4*d)
	sum, none := c.Alloc(tensor.Float, 1), tensor.Tensor{}
	w := normal(c, 13, 4*d, d)
	soft, bf16, f16 := normal(c, 14, n, v), c.Alloc(tensor.BF16, 1<<20), c.Alloc(tensor.F16, 1<<20)
	means, segments := c.Alloc(tensor.Float, n/197, d), c.Alloc(tensor.I32, n/197, 2)
	var ranges []int32
	for i := range int32(n / 197) {
		ranges = append(ranges, 197*i, 197)
	}
	c.UploadI32(segments, ranges)
	for _, o := range []struct {
		name  string
		count float64
		run   func()
	}{
		{"LayerNorm", n * d, func() { c.LayerNorm(y, stats, x, gamma, beta, 1e-6) }},
		{"LayerNormBackward", n * d, func() { c.LayerNormBackward(y, gamma, beta, g, x, stats, gamma) }},
		{"GELUBackward", n * 4 * d, func() { c.LinearBackward(none, none, none, dhidden, hidden, x, w, tensor.GELU) }},
		{"TanhBackward", n * 4 * d, func() { c.LinearBackward(none, none, none, dhidden, hidden, x, w, tensor.Tanh) }},
		{"BiasBackward", n * 4 * d, func() { c.LinearBackward(none, none, w.Rows(0, 4).Reshape(4*d), dhidden, none, x, w, tensor.Identity) }},
		{"AddRows", n * d, func() { c.AddRows(y, x, none) }},
		{"CrossEntropy", n * v, func() { c.CrossEntropy(loss, dlogits, logits, targets, none, 0) }},
		{"CrossEntropySmooth", n * v, func() { c.CrossEntropy(loss, dlogits, logits, targets, none, 0.1) }},
		{"SoftCrossEntropy", n * v, func() { c.SoftCrossEntropy(loss, dlogits, logits, soft, none) }},
		{"BCE", n * v, func() { c.BCE(loss, dlogits, logits, soft, none) }},
		{"Smallest", 1 << 20, func() { c.Smallest(m, p, 1<<19) }},
		{"MeanRows", n * d, func() { c.MeanRows(means, x, segments) }},
		{"ToBF16", 1 << 20, func() { c.Cast(bf16, p) }},
		{"FromBF16", 1 << 20, func() { c.Cast(m, bf16) }},
		{"ToF16", 1 << 20, func() { c.Cast(f16, p) }},
		{"FromF16", 1 << 20, func() { c.Cast(m, f16) }},
		{"AdamW", 1 << 20, func() {
			c.AdamWStep(p, m, s, dp, one, tensor.AdamW{LR: 1e-3, Beta1: .9, Beta2: .98, Eps: 1e-6, Step: 5})
		}},
		{"SumSquares", 1 << 20, func() { c.SumSquares(sum, p) }},
		{"NearestCode", 2 * n * 8192 * 32, func() { c.NearestCode(codes, none, z, book) }},
	} {
		b.Run(o.name, func(b *testing.B) { measure(b, o.count, o.run) })
	}
}
