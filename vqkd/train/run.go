package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
	"github.com/imglish/imglish/vqkd/vit"
)

// Options are what a run needs besides its Config; none of them changes the result.
type Options struct {
	// Threads that prepare views and their vectors; 0: all processors.
	Threads int
	// Progress is told of every step, and in note of the losses and the last measures. Optional.
	Progress func(done, total int64, note string)
	// Report is told of every step, in figures. Optional.
	Report func(Report)
	// Logf is told of what stays worth reading: measures, restarts, where a stopped run goes on. Optional.
	Logf func(format string, args ...any)
}

// Report is one step in figures.
type Report struct {
	Step       int       // counted from 1
	Loss       float64   // of the teacher, 1 − cos, mean of the last steps
	Commitment float64   // mean of the last steps
	Rate       float64   // learning rate
	Restarted  int       // dead codes placed anew at this step
	Measures   *Measures // the last ones; nil before the first
}

// Result is a finished run.
type Result struct {
	Path        string   `json:"path"`
	Fingerprint string   `json:"fingerprint"`
	Loss        float64  `json:"loss"` // of the teacher, 1 − cos, mean of the last steps
	Measures    Measures `json:"measures"`
}

// Run trains a tokenizer and writes it to path, and its config to path.json. The last measures are taken on the file as
// it was written. One below a floor is written to path.rejected instead, and the error wraps ErrRejected; so does the
// error of a run that measures below a floor stop before its end. A run that ctx or a floor stops leaves path.state and
// goes on from there when it is run again with the same settings; floors may differ.
func Run(ctx context.Context, b tensor.Backend, c Config, l Lessons, path string, o Options) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if o.Threads <= 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64, string) {}
	}
	if o.Report == nil {
		o.Report = func(Report) {}
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	r := &run{Config: c, o: o, b: b, lessons: l, path: path}
	r.m = newModel(b, c.dims(l.Dim()))
	r.opt = newOptimizer(b, r.m, c)
	r.m.w.initialise(b, generator(c.Seed, "weights", 0, 0))
	var err error
	if r.digest, err = c.digest(l); err != nil {
		return Result{}, err
	}
	if err := r.resume(); err != nil {
		return Result{}, err
	}
	if patches := c.Views * c.Grid() * c.Grid(); patches < patchesACode*c.Codes && c.MinUsage > 0 {
		o.Logf("%d held-out views have %d patches, fewer than %d a code: usage will look low; raise views", c.Views, patches, patchesACode)
	}
	if r.held, err = c.heldOut(ctx, l, o.Threads); err != nil {
		return Result{}, err
	}
	r.tellUnread()
	if err := r.train(ctx); err != nil {
		return Result{}, err
	}
	return r.finish(ctx)
}

// patchesACode is how many held-out patches a code it takes to judge usage: a code that takes a quarter of its share is
// then missed in one case of seven.
const patchesACode = 8

func (c Config) dims(target int) dims {
	grid := c.Grid()
	shape := vit.Shape{In: 3 * c.Patch * c.Patch, Width: c.Width, Depth: c.Depth, Heads: c.Heads, Hidden: 4 * c.Width, Tokens: grid * grid}
	dec := shape
	dec.In, dec.Depth = c.CodeDim, c.Decoder
	return dims{enc: shape, dec: dec, codes: c.Codes, dim: c.CodeDim, target: target, patch: c.Patch, grid: grid}
}

type run struct {
	Config
	o       Options
	b       tensor.Backend
	m       *model
	opt     *optimizer
	lessons Lessons
	held    []lesson
	path    string
	digest  string

	done   int // steps
	loss   mean
	commit mean
	moved  int // codes restarted since the last measures
	unread int // pictures that were told of as unread
	last   *Measures
	watch  watch
}

// mean runs over the last fifty or so steps.
type mean struct{ v, n float64 }

func (m *mean) add(x float64) {
	m.n = min(m.n+1, 50)
	m.v += (x - m.v) / m.n
}

func (r *run) train(ctx context.Context) error {
	ctx2, cancel := context.WithCancel(ctx)
	batches := make(chan batch, 2)
	go func() {
		defer close(batches)
		for s := r.done; s < r.Steps; s++ {
			select {
			case batches <- r.prepare(ctx2, r.lessons, s, r.o.Threads):
			case <-ctx2.Done():
				return
			}
		}
	}()
	defer func() { // leave no goroutine behind
		cancel()
		for range batches {
		}
	}()
	for r.done < r.Steps {
		next, ok := <-batches // closed early only by ctx
		if !ok || ctx.Err() != nil {
			return r.stop(ctx)
		}
		if next.err != nil {
			return next.err
		}
		moved, err := r.step(ctx, next)
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return r.stop(ctx)
		}
		if err != nil {
			return fmt.Errorf("training step %d: %w", r.done, err)
		}
		r.done++
		if r.done%r.EvalEvery == 0 && r.done > r.freeSteps() && r.done < r.Steps {
			if err := r.measureNow(ctx); errors.Is(err, ErrRejected) {
				return errors.Join(err, r.saveState())
			} else if err != nil && ctx.Err() == nil {
				return err
			}
		}
		r.tell(moved)
		if r.done%r.SaveEvery == 0 && r.done < r.Steps {
			if err := r.saveState(); err != nil {
				return err
			}
		}
	}
	return nil
}

// stop keeps what the steps before have made, and gives ctx's error.
func (r *run) stop(ctx context.Context) error {
	if err := r.saveState(); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	r.o.Logf("stopped behind step %d of %d; the same command goes on from there", r.done, r.Steps)
	return ctx.Err()
}

// measureNow says how good the codes are at this step. Its error wraps ErrRejected if they have not been for too long.
func (r *run) measureNow(ctx context.Context) error {
	m, err := r.measure(ctx, func(ctx context.Context, pix []uint8, n int) ([]uint16, error) {
		return r.m.codesOf(pix, n, r.Side, vqkd.PixelScale, vqkd.PixelShift), ctx.Err()
	}, r.held)
	if err != nil {
		return err
	}
	r.tellUnread()
	note, err := r.watch.see(r.Config, r.done, m)
	r.o.Logf("step %d: loss %.4f; %s; %d codes restarted%s", r.done, r.loss.v, m, r.moved, note)
	r.last, r.moved = &m, 0
	return err
}

// tellUnread says so once more pictures could not be read: training goes on without them, but nobody should be unaware.
func (r *run) tellUnread() {
	if n, first := r.lessons.Unread(); n > r.unread {
		r.unread = n
		r.o.Logf("%d pictures so far cannot be read and are passed over, the first: %v", n, first)
	}
}

// tell reports the step that was done last.
func (r *run) tell(moved int) {
	note := fmt.Sprintf("loss %.4f, commitment %.4f", r.loss.v, r.commit.v)
	if r.last != nil {
		note += fmt.Sprintf(", usage %.0f %%, stable %.0f %%", 100*r.last.Usage, 100*r.last.Stability())
	}
	r.o.Progress(int64(r.done), int64(r.Steps), note)
	r.o.Report(Report{Step: r.done, Loss: r.loss.v, Commitment: r.commit.v, Rate: r.rate(r.done - 1), Restarted: moved, Measures: r.last})
}

// finish writes the tokenizer, judges the file, and gives it its name.
func (r *run) finish(ctx context.Context) (Result, error) {
	trial := r.path + ".trial"
	defer os.Remove(trial)
	defer os.Remove(trial + ".json")
	if err := r.write(trial, nil); err != nil {
		return Result{}, err
	}
	tok, err := vqkd.Load(r.b, trial, vqkd.Options{})
	if err != nil {
		return Result{}, err
	}
	res := Result{Path: r.path, Loss: r.loss.v, Fingerprint: tok.Fingerprint()}
	res.Measures, err = r.measure(ctx, tok.Encode, r.held)
	if err := errors.Join(err, tok.Close()); err != nil {
		return res, err
	}
	r.last = &res.Measures
	var low error
	if s := r.below(res.Measures); len(s) > 0 {
		low = &rejection{low: s[0], text: fmt.Sprintf("%s; it is in %s.rejected", s[0], r.path)}
	}
	if low != nil {
		res.Path += ".rejected"
	}
	if err := r.write(res.Path, &res); err != nil {
		return res, err
	}
	os.Remove(r.statePath())
	r.tellUnread()
	r.tell(0)
	r.o.Logf("wrote %s: %s", res.Path, res.Measures)
	return res, low
}
