package train

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
	"github.com/imglish/imglish/vqkd/vit"
)

func openFixture(t *testing.T, name string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func values(t *testing.T, f *checkpoint.File, name string) []float32 {
	t.Helper()
	v, err := f.Float32(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func download(b tensor.Backend, x tensor.Tensor) []float32 {
	out := make([]float32, x.Len())
	b.Download(out, x)
	return out
}

// compare holds got to want within rel of the largest value.
func compare(t *testing.T, name string, got, want []float32, rel float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", name, len(got), len(want))
	}
	most, worst := 0.0, 0.0
	for i := range want {
		most = max(most, math.Abs(float64(want[i])))
		worst = max(worst, math.Abs(float64(got[i]-want[i])))
	}
	if !(worst <= rel*most) {
		t.Errorf("%s: off by up to %.3g of %.3g", name, worst, most)
	}
}

// The reference implementation computed in float32, with errors of its own of some 4e-6 of the largest value: in
// float64 we differ from it by that much too.
const (
	behindModel    = 1e-5 // what went through the whole model, and gradients
	behindCodebook = 1e-6 // the codebook's own few additions
)

// backends are those that must equal the fixtures.
func backends(t *testing.T) []tensor.Backend {
	t.Helper()
	fast, err := cpu.New(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fast.Close() })
	return []tensor.Backend{tensor.NewReference[float64](), tensor.NewReference[float32](), fast}
}

// tinyModel is the fixture's model: 64×64 pixels, patch 16, width 48, 2 blocks, 3 heads; decoder of 1 block to 16.
func tinyModel(t *testing.T, b tensor.Backend) *model {
	t.Helper()
	f := openFixture(t, "vqkd_tiny.safetensors")
	d := dims{
		enc:   vit.Shape{In: 3 * 16 * 16, Width: 48, Depth: 2, Heads: 3, Hidden: 192, Tokens: 16},
		dec:   vit.Shape{In: 8, Width: 48, Depth: 1, Heads: 3, Hidden: 192, Tokens: 16},
		codes: 64, dim: 8, target: 16, patch: 16, grid: 4,
	}
	m := newModel(b, d)
	m.w.each(func(name string, x tensor.Tensor) { b.Upload(x, values(t, f, name)) })
	b.Upload(m.book, values(t, f, "quantize.embedding.weight"))
	return m
}

// patchRows cuts the fixture's pictures in [0, 1] into rows, normalised to [−1, 1].
func patchRows(x01 []float32, n, side, patch int) []float32 {
	grid := side / patch
	var rows []float32
	for i := range n {
		for py := range grid {
			for px := range grid {
				for c := range 3 {
					for y := range patch {
						for x := range patch {
							v := x01[((i*3+c)*side+py*patch+y)*side+px*patch+x]
							rows = append(rows, v*255/127.5-1)
						}
					}
				}
			}
		}
	}
	return rows
}

// Two steps of the reference implementation: losses, codes, every gradient, and the codebook behind each step.
func TestStepsEqualTheReference(t *testing.T) {
	for _, b := range backends(t) {
		t.Run(b.Name(), func(t *testing.T) { compareSteps(t, b) })
	}
}

func compareSteps(t *testing.T, b tensor.Backend) {
	f := openFixture(t, "vqkd_tiny_train.safetensors")
	m := tinyModel(t, b)
	for _, s := range []string{"s1", "s2"} {
		mark := b.Mark()
		patches := b.Temp(tensor.Float, 48, 3*16*16)
		b.Upload(patches, patchRows(values(t, f, "x01"), 3, 64, 16))
		targets := b.Temp(tensor.Float, 48, 16)
		b.Upload(targets, values(t, f, "target"))
		p := m.encode(patches, 3)
		m.decode(p, targets, 48, 1, false)
		losses := download(b, p.losses)
		compare(t, s+".rec_loss", losses[:1], values(t, f, s+".rec_loss"), behindModel)
		compare(t, s+".emb_loss", losses[1:], values(t, f, s+".emb_loss"), behindModel)
		compare(t, s+".rec", download(b, p.pred), values(t, f, s+".rec"), behindModel)
		codes := make([]uint16, 48)
		b.DownloadU16(codes, p.codes)
		want, err := f.Ints(s + ".codes")
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range want {
			if int64(codes[i]) != c {
				t.Errorf("%s: code %d = %d, want %d", s, i, codes[i], c)
			}
		}
		compare(t, s+".quantized", channelsFirst(download(b, p.entered), 3, 16, 8), values(t, f, s+".quantized"), behindCodebook)
		if s == "s1" {
			m.backward(p)
			seen := 0
			m.g.each(func(name string, g tensor.Tensor) {
				compare(t, "gradient of "+name, download(b, g), values(t, f, "grad."+name), behindModel)
				seen++
			})
			stored := 0
			for _, name := range f.Names() {
				if strings.HasPrefix(name, "grad.") {
					stored++
				}
			}
			if seen != stored {
				t.Errorf("%d gradients compared, the reference has %d", seen, stored)
			}
		}
		m.clearCounts()
		m.count(p)
		m.moveCodebook(0.99)
		compare(t, s+".codebook_after", download(b, m.book), values(t, f, s+".codebook_after"), behindCodebook)
		compare(t, s+".cluster_size_after", download(b, m.usage), values(t, f, s+".cluster_size_after"), behindCodebook)
		b.Release(mark)
	}
}

// channelsFirst turns [n, rows, cols] into [n, cols, rows].
func channelsFirst(x []float32, n, rows, cols int) []float32 {
	out := make([]float32, len(x))
	for i := range n {
		for r := range rows {
			for c := range cols {
				out[(i*cols+c)*rows+r] = x[(i*rows+r)*cols+c]
			}
		}
	}
	return out
}

func TestKMeansEqualsTheReference(t *testing.T) {
	f := openFixture(t, "vqkd_tiny_train.safetensors")
	bins, err := f.Ints("kmeans.bins")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range backends(t) {
		t.Run(b.Name(), func(t *testing.T) {
			z := b.Alloc(tensor.Float, 200, 8)
			b.Upload(z, values(t, f, "kmeans.samples"))
			book, counts := b.Alloc(tensor.Float, 16, 8), b.Alloc(tensor.Float, 16)
			start := make([]int32, 16)
			for i := range start {
				start[i] = int32(i) // the reference run began at the first rows
			}
			kmeans(b, book, counts, z, start, kmeansRounds)
			compare(t, "means", download(b, book), values(t, f, "kmeans.means"), behindCodebook)
			if got := fmt.Sprint(download(b, counts)); got != fmt.Sprint(bins) {
				t.Errorf("members = %v, want %v", got, bins)
			}
		})
	}
}
