package demo_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
	"github.com/imglish/imglish/vqkd/demo"
	"github.com/imglish/imglish/vqkd/train"
)

func load(t testing.TB, b tensor.Backend) *vqkd.Tokenizer {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo.safetensors")
	for p, data := range map[string][]byte{path: demo.Weights, path + ".json": demo.Config} {
		if err := os.WriteFile(p, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tok, err := vqkd.Load(b, path, vqkd.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func fast(t testing.TB) tensor.Backend {
	t.Helper()
	b, err := cpu.New(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestSizes(t *testing.T) {
	tok := load(t, fast(t))
	if tok.Side() != 224 || tok.Grid() != 14 || tok.Codes() != 256 {
		t.Errorf("side %d, grid %d, codes %d, want 224, 14, 256", tok.Side(), tok.Grid(), tok.Codes())
	}
	const fingerprint = "8e35bcfbc64f4fabcf87e7263edf30c4790ef6652f326e3f944d203b6ba14477" // as README.md tells
	if tok.Fingerprint() != fingerprint {
		t.Errorf("fingerprint %s, README.md says %s", tok.Fingerprint(), fingerprint)
	}
	if len(demo.Weights) > 4<<20 {
		t.Errorf("%d bytes, want at most 4 MiB", len(demo.Weights))
	}
	var c struct {
		Training struct{ Measures train.Measures }
	}
	if err := json.Unmarshal(demo.Config, &c); err != nil {
		t.Fatal(err)
	}
	if m := c.Training.Measures; m.Usage < 0.9 || m.Stability() < 0.8 {
		t.Errorf("the config tells of %s, below the floors", m)
	}
}

// patches is a picture whose every patch is of one colour, by column and row.
func patches(colour func(col, row int) [3]uint8) *pixels.Image {
	im := pixels.New(224, 224)
	for y := range 224 {
		for x := range 224 {
			c := colour(x/16, y/16)
			im.Set(x, y, c[0], c[1], c[2])
		}
	}
	return im
}

// Codes must mean something: flat halves of two colours get codes of their own, a few each, and hardly any in common.
func TestCodesTellColours(t *testing.T) {
	tok := load(t, fast(t))
	red, blue, green, grey := [3]uint8{200, 40, 40}, [3]uint8{40, 60, 200}, [3]uint8{40, 160, 60}, [3]uint8{128, 128, 128}
	for _, pair := range [][2][3]uint8{{red, blue}, {red, green}, {blue, grey}, {green, grey}, {{20, 20, 20}, {240, 240, 240}}} {
		im := patches(func(col, _ int) [3]uint8 {
			if col < 7 {
				return pair[0]
			}
			return pair[1]
		})
		codes, err := tok.Encode(context.Background(), im.Pix, 1)
		if err != nil {
			t.Fatal(err)
		}
		var sides [2]map[uint16]int
		sides[0], sides[1] = map[uint16]int{}, map[uint16]int{}
		for i, c := range codes {
			if col := i % 14; col != 6 && col != 7 { // the columns at the border see an edge
				sides[col/7][c]++
			}
		}
		common := 0
		for c, n := range sides[0] {
			common += min(n, sides[1][c])
		}
		if common > 8 || len(sides[0]) > 30 || len(sides[1]) > 30 {
			t.Errorf("%v and %v: %d and %d codes, %d of 84 patches alike", pair[0], pair[1], len(sides[0]), len(sides[1]), common)
		}
	}
}

// The C kernels and the plain Go ones may round differently, and hardly any code may show it.
func TestBackendsAgree(t *testing.T) {
	im := patches(func(col, row int) [3]uint8 { return [3]uint8{uint8(17 * col), uint8(18 * row), uint8(9 * (col + row))} })
	a, err := load(t, tensor.NewReference[float32]()).Encode(context.Background(), im.Pix, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := load(t, fast(t)).Encode(context.Background(), im.Pix, 1)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		differ := 0
		for i := range a {
			if a[i] != b[i] {
				differ++
			}
		}
		if differ > 2 {
			t.Errorf("%d of %d codes differ", differ, len(a))
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	tok := load(b, fast(b))
	pix := make([]uint8, 16*224*224*3)
	for i := range pix {
		pix[i] = uint8(i * i >> 7)
	}
	for b.Loop() {
		if _, err := tok.Encode(context.Background(), pix, 16); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(16*float64(b.N)/b.Elapsed().Seconds(), "views/s")
}
