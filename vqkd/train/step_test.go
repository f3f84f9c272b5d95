package train

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// smallest is a training whose few steps hold all that a step can: the free start, k-means, the moving average, restarts.
func smallest(size int) Config {
	c := small()
	c.Width, c.Steps, c.Batch, c.MicroBatch = 16, 8, 8, size
	c.Free, c.RestartEvery, c.RestartBelow, c.RestartUntil = 0.25, 2, 1, 1
	c.Views = 4
	return c
}

// moved is all that the steps of a training move, by name, in float64 where the backend has it.
func moved(t *testing.T, b tensor.Backend, c Config) map[string][]float64 {
	t.Helper()
	l := lessons(t, c)
	r := &run{Config: c, b: b, lessons: l, m: newModel(b, c.dims(l.Dim())), o: Options{Logf: func(string, ...any) {}}}
	r.opt = newOptimizer(b, r.m, c)
	r.m.w.initialise(b, generator(c.Seed, "weights", 0, 0))
	out := map[string][]float64{}
	for s := range c.Steps {
		in := c.prepare(t.Context(), l, s, 2)
		if in.err != nil {
			t.Fatal(in.err)
		}
		restarted, err := r.step(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		out["losses"] = append(out["losses"], r.loss.v, r.commit.v)
		out["restarted"] = append(out["restarted"], float64(restarted))
	}
	r.stateTensors(func(name string, x tensor.Tensor) {
		out[name] = make([]float64, x.Len())
		b.DownloadF64(out[name], x)
	})
	for _, v := range r.m.recent {
		out["recent"] = append(out["recent"], float64(v))
	}
	return out
}

// A batch in micro-batches is the same step as the batch at once, up to the rounding of sums: losses, weights, the
// optimizer's moments, codebook, restarts. The last of three views is smaller than the others.
func TestMicroBatchesAddUpToTheBatch(t *testing.T) {
	needJPEG(t)
	want := moved(t, tensor.NewReference[float64](), smallest(0))
	if r := want["restarted"]; r[3] == 0 || r[7] == 0 {
		t.Fatalf("restarts a step %v: none to compare", r)
	}
	for _, size := range []int{1, 2, 3, 4, 8} {
		got := moved(t, tensor.NewReference[float64](), smallest(size))
		for name, w := range want {
			most, worst := 0.0, 0.0
			for i, v := range w {
				most, worst = max(most, math.Abs(v)), max(worst, math.Abs(got[name][i]-v))
			}
			if size == 8 && worst > 0 || !(worst <= 1e-9*most) {
				t.Errorf("%d views at once: %s is off by %.2g of %.2g", size, name, worst, most)
			}
		}
	}
}

// countdown is a context that ends when it has been asked so many times.
type countdown struct {
	context.Context
	left atomic.Int64
}

func (c *countdown) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// A run that is stopped between the micro-batches of a step makes that step anew, to the same bytes.
func TestStopsWithinAStep(t *testing.T) {
	needJPEG(t)
	c := smallest(3)
	dir := t.TempDir()
	whole, parts := filepath.Join(dir, "whole.safetensors"), filepath.Join(dir, "parts.safetensors")
	if _, err := Run(t.Context(), tensor.NewReferenceThreads[float32](1), c, lessons(t, c), whole, Options{Threads: 1}); err != nil {
		t.Fatal(err)
	}
	stops := 0
	for asked := int64(1); ; asked += 3 { // a step asks four times, one with k-means seven
		ctx := &countdown{Context: context.Background()}
		ctx.left.Store(asked)
		_, err := Run(ctx, tensor.NewReferenceThreads[float32](2), c, lessons(t, c), parts, Options{})
		if err == nil {
			break
		}
		if stops++; !errors.Is(err, context.Canceled) {
			t.Fatalf("stop %d: %v", stops, err)
		}
	}
	a, _ := os.ReadFile(whole)
	b, _ := os.ReadFile(parts)
	if len(a) == 0 || string(a) != string(b) || stops < 4 {
		t.Errorf("a run that was stopped %d times gives another file than one that was not", stops)
	}
}
