package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
	"github.com/imglish/imglish/vqkd/teacher"
)

// blocks are pictures of a few flat colours and stripes.
type blocks int

func (b blocks) Name() string { return "blocks" }
func (b blocks) Len() int     { return int(b) }
func (b blocks) Image(i int) (*pixels.Image, error) {
	rng := generator(99, "blocks", i, 0)
	im := pixels.New(64, 64)
	for cell := range 4 {
		r, g, bl := uint8(rng.IntN(4)*80), uint8(rng.IntN(4)*80), uint8(rng.IntN(4)*80)
		stripes := rng.IntN(3)
		for y := range 32 {
			for x := range 32 {
				if stripes == 1 && x/4%2 == 1 || stripes == 2 && y/4%2 == 1 {
					im.Set(cell%2*32+x, cell/2*32+y, 255-r, g, bl)
				} else {
					im.Set(cell%2*32+x, cell/2*32+y, r, g, bl)
				}
			}
		}
	}
	return im, nil
}

// small is a training of some seconds.
func small() Config {
	c := Defaults()
	c.Side, c.Patch, c.Width, c.Depth, c.Heads = 32, 8, 32, 1, 2
	c.Codes, c.CodeDim, c.Steps, c.Batch, c.LR = 16, 8, 60, 16, 4e-3
	c.Views, c.EvalEvery, c.SaveEvery = 40, 1000, 1000
	c.MinUsage, c.MinPerplexity, c.MinStability = 0, 0, 0
	return c
}

// lessonsOf teaches colours and edges of pictures.
func lessonsOf(t *testing.T, c Config, images Images) Lessons {
	t.Helper()
	colours, err := teacher.Defaults().For(c.Patch)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Taught(c, []Source{{Images: images, Weight: 1}}, colours)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func lessons(t *testing.T, c Config) Lessons { return lessonsOf(t, c, blocks(50)) }

// A short training finds codes that tell the teacher, that are used, and that last; and the file loads.
func TestTrainingLearns(t *testing.T) {
	needJPEG(t)
	path := filepath.Join(t.TempDir(), "t.safetensors")
	c := small()
	c.MinUsage, c.MinStability = 0.7, 0.8
	var steps int64
	res, err := Run(t.Context(), tensor.NewReference[float32](), c, lessons(t, c), path, Options{
		Progress: func(done, _ int64, _ string) { steps = done }, Logf: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	if steps != 60 || res.Measures.Explained < 0.5 {
		t.Errorf("%d steps, %s", steps, res.Measures)
	}
	tok, err := vqkd.Load(tensor.NewReference[float32](), path, vqkd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tok.Grid() != 4 || tok.Codes() != 16 || tok.Fingerprint() != res.Fingerprint {
		t.Errorf("loaded: grid %d, codes %d, fingerprint %.8s, want 4, 16, %.8s", tok.Grid(), tok.Codes(), tok.Fingerprint(), res.Fingerprint)
	}
	if _, err := os.Stat(path + ".state"); err == nil {
		t.Error("a finished run leaves its state behind")
	}
}

// A run that is stopped and begun again gives the same bytes, and so do other threads.
func TestResumeGivesTheSameFile(t *testing.T) {
	needJPEG(t)
	c := small()
	c.Steps = 14
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.safetensors")
	if _, err := Run(t.Context(), tensor.NewReferenceThreads[float32](1), c, lessons(t, c), whole, Options{Threads: 1}); err != nil {
		t.Fatal(err)
	}
	parts := filepath.Join(dir, "parts.safetensors")
	for _, stop := range []int64{2, 7, 0} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Run(ctx, tensor.NewReferenceThreads[float32](2), c, lessons(t, c), parts, Options{
			Threads: 3, Progress: func(done, _ int64, _ string) {
				if done == stop {
					cancel()
				}
			},
		})
		cancel()
		if want := stop > 0; errors.Is(err, context.Canceled) != want {
			t.Fatalf("stop at %d: %v", stop, err)
		}
	}
	a, _ := os.ReadFile(whole)
	b, _ := os.ReadFile(parts)
	if len(a) == 0 || string(a) != string(b) {
		t.Error("a run in three parts gives another file than one in one")
	}

	// A state of other settings is not overwritten.
	ctx, cancel := context.WithCancel(t.Context())
	Run(ctx, tensor.NewReference[float32](), c, lessons(t, c), parts, Options{Progress: func(int64, int64, string) { cancel() }})
	c.LR /= 2
	if _, err := Run(t.Context(), tensor.NewReference[float32](), c, lessons(t, c), parts, Options{}); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("other settings on an old state: %v", err)
	}
}

// half fails for every second picture, none for all.
type half struct{ blocks }

func (h half) Image(i int) (*pixels.Image, error) {
	if i%2 == 0 {
		return nil, fmt.Errorf("picture %d is broken", i)
	}
	return h.blocks.Image(i)
}

type none struct{ blocks }

func (n none) Image(i int) (*pixels.Image, error) { return nil, fmt.Errorf("picture %d is broken", i) }

func TestBrokenPictures(t *testing.T) {
	needJPEG(t)
	c := small()
	c.Steps, c.Free = 2, 0
	path := filepath.Join(t.TempDir(), "t.safetensors")
	told := ""
	o := Options{Logf: func(format string, args ...any) { told += fmt.Sprintf(format, args...) + "\n" }}
	if _, err := Run(t.Context(), tensor.NewReference[float32](), c, lessonsOf(t, c, half{50}), path, o); err != nil {
		t.Errorf("some broken pictures stop the training: %v", err)
	}
	if !strings.Contains(told, " pictures so far cannot be read and are passed over, the first: picture ") {
		t.Errorf("broken pictures are not told of:\n%s", told)
	}
	if _, err := Run(t.Context(), tensor.NewReference[float32](), c, lessonsOf(t, c, none{50}), path, Options{}); err == nil {
		t.Error("no picture can be read, and no error")
	}
}

func TestSidesShareNoPicture(t *testing.T) {
	for _, n := range []int{64, 65, 200} {
		p, err := newPool([]Source{{Images: blocks(n), Weight: 1}}, 1, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[int]bool{}
		for _, i := range append(append([]int{}, p.train[0]...), p.held[0]...) {
			if seen[i] {
				t.Errorf("%d pictures: %d is on both sides", n, i)
			}
			seen[i] = true
		}
		if len(seen) != n || len(p.held[0]) == 0 || len(p.train[0]) == 0 {
			t.Errorf("%d pictures: %d held out, %d to train", n, len(p.held[0]), len(p.train[0]))
		}
	}
}

// shades are pictures whose pixels are all different.
type shades int

func (s shades) Name() string { return "shades" }
func (s shades) Len() int     { return int(s) }
func (s shades) Image(i int) (*pixels.Image, error) {
	im := pixels.New(40, 20)
	if i%2 == 1 {
		im = pixels.New(20, 40)
	}
	for p := range im.W * im.H {
		copy(im.Pix[3*p:], []uint8{uint8(i), uint8(p >> 8), uint8(p)})
	}
	return im, nil
}

// Of few pictures a part of each is held out.
func TestSidesShareNoPixel(t *testing.T) {
	p, err := newPool([]Source{{Images: shades(3), Weight: 1}}, 1, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	rng, sides := generator(1, "test", 0, 0), [2]map[[3]uint8]bool{{}, {}}
	for i := range 60 {
		im, err := p.draw(rng, i%2 == 1)
		if err != nil {
			t.Fatal(err)
		}
		for px := im.Pix; len(px) > 0; px = px[3:] {
			sides[i%2][[3]uint8(px)] = true
		}
	}
	for px := range sides[1] {
		if sides[0][px] {
			t.Fatalf("pixel %v is on both sides", px)
		}
	}
	if len(sides[0]) != 3*600 || len(sides[1]) != 3*200 {
		t.Errorf("%d pixels to train, %d held out, want 1800 and 600", len(sides[0]), len(sides[1]))
	}
}

func TestRate(t *testing.T) {
	c := Config{Steps: 100, Warmup: 0.1, LR: 1, MinLR: 0.1}
	for step, want := range map[int]float64{0: 0.1, 9: 1, 10: 1, 55: 0.55, 99: 0.1002741} {
		if got := c.rate(step); math.Abs(got-want) > 1e-6 {
			t.Errorf("rate of step %d = %v, want %v", step, got, want)
		}
	}
}

func TestMeasures(t *testing.T) {
	tl := newTally(4, 1)
	tl.add([]uint16{0, 0, 1, 1}, []float32{1, 1, 3, 3})
	var m Measures
	tl.judge(&m)
	if m.Dead != 2 || m.Usage != 0.5 || math.Abs(m.Perplexity-2) > 1e-9 || m.Largest != 0.5 || math.Abs(m.Explained-1) > 1e-9 {
		t.Errorf("two codes that tell all: %+v", m)
	}
	tl = newTally(2, 1)
	tl.add([]uint16{0, 0, 1, 1}, []float32{1, 3, 1, 3})
	m = Measures{}
	tl.judge(&m)
	if math.Abs(m.Explained) > 1e-9 {
		t.Errorf("codes that tell nothing: %+v", m)
	}
}

func TestConfigValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Errorf("defaults: %v", err)
	}
	for name, change := range map[string]func(*Config){
		"side":          func(c *Config) { c.Side = 225 },
		"heads":         func(c *Config) { c.Heads = 3 },
		"codes":         func(c *Config) { c.Codes = 1 << 17 },
		"min_stability": func(c *Config) { c.MinStability = math.NaN() },
		"floors_from":   func(c *Config) { c.FloorsFrom = 1.5 },
		"batch":         func(c *Config) { c.Batch, c.Codes = 1, 1000 },
		"micro_batch":   func(c *Config) { c.Batch, c.MicroBatch = 16, 17 },
	} {
		c := Defaults()
		change(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
