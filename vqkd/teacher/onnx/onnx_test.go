//go:build cgo

package onnx

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imglish/imglish/pixels"
)

// library is where build/onnxruntime/install.sh puts ONNX Runtime.
func library(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../../.cache/onnxruntime/libonnxruntime.so")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("ONNX Runtime is not there: run build/onnxruntime/install.sh .cache/onnxruntime")
	}
	return path
}

func config(model string) Config {
	c := Defaults()
	c.Model = filepath.Join("testdata", model+".onnx")
	return c
}

func mustOpen(t *testing.T, c Config, side, grid int) *Teacher {
	t.Helper()
	teacher, err := Open(library(t), c, side, grid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := teacher.Close(); err != nil {
			t.Error(err)
		}
	})
	return teacher
}

// formula is testdata/make.py's: n numbers in [−scale, scale].
func formula(n, salt int, scale float64) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(float64((i*7919+salt*104729)%2001-1000) / 1000 * scale)
	}
	return out
}

const width, dim = 8, 6 // of the models in testdata

// arithmetic is what the models of testdata compute, in plain loops: [grid², dim] of a picture [3, side, side].
func arithmetic(picture []float32, side, patch int) []float64 {
	convW, convB := formula(width*3*patch*patch, 1, 0.1), formula(width, 2, 0.3)
	linearW, linearB := formula(width*dim, 3, 0.7), formula(dim, 4, 0.3)
	var out []float64
	for py := range side / patch {
		for px := range side / patch {
			row := make([]float64, dim)
			for d := range row {
				row[d] = float64(linearB[d])
			}
			for o := range width {
				sum := float64(convB[o])
				for c := range 3 {
					for y := range patch {
						for x := range patch {
							sum += float64(convW[((o*3+c)*patch+y)*patch+x]) * float64(picture[(c*side+py*patch+y)*side+px*patch+x])
						}
					}
				}
				for d := range row {
					row[d] += math.Tanh(sum) * float64(linearW[o*dim+d])
				}
			}
			out = append(out, row...)
		}
	}
	return out
}

// The values that ONNX Runtime's own Python binding gives for the same pictures, and plain arithmetic.
func TestRunEqualsTheRuntimeAndArithmetic(t *testing.T) {
	var expected map[string]struct {
		Shape  []int64
		Values []float64
	}
	data, err := os.ReadFile("testdata/expected.json")
	if err == nil {
		err = json.Unmarshal(data, &expected)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, patch := range map[string]int{"tokens": 8, "any": 8, "map": 16, "beside": 8} {
		t.Run(name, func(t *testing.T) {
			teacher := mustOpen(t, config(name), 32, 4)
			picture := formula(3*16*patch*patch, 6, 2)
			shape, values, err := teacher.run(picture)
			if err != nil {
				t.Fatal(err)
			}
			want := expected[name]
			if !slices.Equal(shape, want.Shape) {
				t.Fatalf("shape %v, want %v", shape, want.Shape)
			}
			for i, v := range values {
				if math.Abs(float64(v)-want.Values[i]) > 1e-5 {
					t.Fatalf("value %d = %v, Python's binding says %v", i, v, want.Values[i])
				}
			}
			got := make([]float32, 16*dim)
			teacher.layout.take(got, values)
			for i, v := range arithmetic(picture, 4*patch, patch) {
				if math.Abs(float64(got[i])-v) > 1e-5 {
					t.Fatalf("patch %d, component %d = %v, arithmetic says %v", i/dim, i%dim, got[i], v)
				}
			}
		})
	}
}

func gradient(side int) *pixels.Image {
	im := pixels.New(side, side)
	for y := range side {
		for x := range side {
			im.Set(x, y, uint8(x*5), uint8(y*5), uint8(x*y))
		}
	}
	return im
}

// A view is resized to the model's side and normalised by its mean and std.
func TestTargetsOfAView(t *testing.T) {
	for _, tt := range []struct {
		model       string
		view, side  int // S, T
		patch, grid int // of the model; of the tokenizer
		change      func(*Config)
	}{
		{"tokens", 32, 32, 8, 4, nil},
		{"tokens", 48, 32, 8, 4, nil}, // the view is larger
		{"map", 32, 64, 16, 4, nil},   // and smaller than what the model takes
		{"any", 40, 40, 8, 5, nil},    // a model without a side of its own takes the view's
		{"any", 40, 24, 8, 3, func(c *Config) { c.Side = 24 }},
		{"any", 32, 32, 8, 4, func(c *Config) { c.Mean, c.Std = [3]float64{0.5, 0.5, 0.5}, [3]float64{0.25, 0.5, 1} }},
	} {
		c := config(tt.model)
		if tt.change != nil {
			tt.change(&c)
		}
		teacher := mustOpen(t, c, tt.view, tt.grid)
		view := gradient(tt.view)
		got := make([]float32, tt.grid*tt.grid*teacher.Dim())
		if err := teacher.Targets(got, view); err != nil {
			t.Fatal(err)
		}
		small := view.Resize(tt.side, tt.side, pixels.Bicubic)
		picture := make([]float32, 3*tt.side*tt.side)
		for i, v := range small.Pix {
			picture[i%3*tt.side*tt.side+i/3] = float32((float64(v)/255 - c.Mean[i%3]) / c.Std[i%3])
		}
		for i, want := range arithmetic(picture, tt.side, tt.patch) {
			if math.Abs(float64(got[i])-want) > 1e-5 {
				t.Fatalf("%s, a view of %d pixels: value %d = %v, want %v", tt.model, tt.view, i, got[i], want)
			}
		}
	}
}

// Calls from many goroutines give the same bits as one after the other.
func TestTargetsAtOnce(t *testing.T) {
	teacher := mustOpen(t, config("tokens"), 32, 4)
	want := make([]float32, 16*dim)
	if err := teacher.Targets(want, gradient(32)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				got := make([]float32, 16*dim)
				if err := teacher.Targets(got, gradient(32)); err != nil || !slices.Equal(got, want) {
					t.Errorf("a call among others: %v, equal %v", err, slices.Equal(got, want))
				}
			}
		})
	}
	wg.Wait()
}

func TestErrorsNameWhatDoesNotFit(t *testing.T) {
	lib := library(t)
	broken := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(broken, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		model  string
		grid   int
		change func(*Config)
		want   []string
	}{
		{"another grid", "tokens", 14, nil, []string{"[1 17 6]", "[1, 196, D]", "14×14", "last_hidden_state", "17 vectors"}},
		{"another grid of a map", "map", 14, nil, []string{"[1 6 4 4], a grid of 4×4", "[1, D, 14, 14]"}},
		{"too many tokens skipped", "tokens", 4, func(c *Config) { c.Skip = 2 }, []string{"15 vectors behind the 2"}},
		{"another side than its own", "tokens", 4, func(c *Config) { c.Side = 48 }, []string{"32 pixels", "48"}},
		{"no such input", "tokens", 4, func(c *Config) { c.Input = "image" }, []string{`"image"`, `"pixels"`, "[1 3 32 32]"}},
		{"no such output", "tokens", 4, func(c *Config) { c.Output = "x" }, []string{`"x" of float32`, `"pooled"`, `"last_hidden_state"`}},
		{"an output that is no grid", "tokens", 4, func(c *Config) { c.Output = "pooled" }, []string{"[1 6], no grid"}},
		{"two inputs", "two", 4, nil, []string{"2 inputs", `"extra1"`}},
		{"no model", "none", 4, nil, []string{"none.onnx", "no such file"}},
		{"bytes that are no model", "", 4, func(c *Config) { c.Model = broken }, []string{"broken.onnx", "no ONNX model"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := config(tt.model)
			if tt.change != nil {
				tt.change(&c)
			}
			_, err := Open(lib, c, 32, tt.grid)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %v", err)
			}
		})
	}
}

func TestRecord(t *testing.T) {
	r := mustOpen(t, config("tokens"), 48, 4).Record().(map[string]any)["onnx"].(Record)
	sum, err := fingerprint("testdata/tokens.onnx")
	if err != nil {
		t.Fatal(err)
	}
	if r.Input != "pixels" || r.Output != "last_hidden_state" || r.Side != 32 || r.Name != "tokens.onnx" || r.SHA256 != sum || r.Runtime == "" {
		t.Errorf("record %+v", r)
	}
	js, err := json.Marshal(r)
	if err != nil || strings.Contains(string(js), "testdata") {
		t.Errorf("%s, %v: want no path of this machine", js, err)
	}
}
