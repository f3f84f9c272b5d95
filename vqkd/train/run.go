package train

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
	"github.com/imglish/imglish/vqkd/vit"
)

// Options are what a run needs besides its Config; none of them changes the result.
type Options struct {
	// Progress is told of every step, and in note of the losses and the last measures. Optional.
	Progress func(done, total int64, note string)
	// Logf is told of what stays worth reading: measures, restarts, where a stopped run goes on. Optional.
	Logf func(format string, args ...any)
}

// ErrRejected marks a tokenizer that was trained to the end and fell below a floor.
var ErrRejected = errors.New("the tokenizer is not good enough")

// Result is a finished run.
type Result struct {
	Path        string   `json:"path"`
	Fingerprint string   `json:"fingerprint"`
	Loss        float64  `json:"loss"` // of the teacher, 1 − cos, mean of the last steps
	Measures    Measures `json:"measures"`
}

// Run trains a tokenizer and writes it to path, and its config to path.json. The last measures are taken on the file as
// it was written. One below a floor is written to path.rejected instead, and the error wraps ErrRejected. A run that ctx
// stops leaves path.state and goes on from there when it is run again with the same settings.
func Run(ctx context.Context, b tensor.Backend, c Config, sources []Source, path string, o Options) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64, string) {}
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	p, err := newPool(sources, c.Seed, c.HeldOut)
	if err != nil {
		return Result{}, err
	}
	held, err := c.heldOutViews(p)
	if err != nil {
		return Result{}, err
	}
	r := &run{Config: c, o: o, b: b, pool: p, held: held, path: path, digest: c.digest(sources)}
	r.m = newModel(b, c.dims())
	r.opt = newOptimizer(b, r.m, c)
	r.m.w.initialise(b, generator(c.Seed, "weights", 0, 0))
	if err := r.resume(); err != nil {
		return Result{}, err
	}
	if err := r.train(ctx); err != nil {
		return Result{}, err
	}
	return r.finish(ctx)
}

func (c Config) dims() dims {
	grid := c.Side / c.Patch
	shape := vit.Shape{In: 3 * c.Patch * c.Patch, Width: c.Width, Depth: c.Depth, Heads: c.Heads, Hidden: 4 * c.Width, Tokens: grid * grid}
	dec := shape
	dec.In, dec.Depth = c.CodeDim, c.Decoder
	return dims{enc: shape, dec: dec, codes: c.Codes, dim: c.CodeDim, target: c.Teacher.Dim(), patch: c.Patch, grid: grid}
}

type run struct {
	Config
	o      Options
	b      tensor.Backend
	m      *model
	opt    *optimizer
	pool   *pool
	held   []*pixels.Image
	path   string
	digest string

	done     int // steps
	loss     mean
	commit   mean
	moved    int // codes restarted since the last measures
	lastNote string
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
			case batches <- r.prepare(r.pool, s):
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
			if err := r.saveState(); err != nil {
				return errors.Join(ctx.Err(), err)
			}
			r.o.Logf("stopped behind step %d of %d; the same command goes on from there", r.done, r.Steps)
			return ctx.Err()
		}
		if next.err != nil {
			return next.err
		}
		if err := r.step(next); err != nil {
			return fmt.Errorf("training step %d: %w", r.done, err)
		}
		r.done++
		r.o.Progress(int64(r.done), int64(r.Steps), fmt.Sprintf("loss %.4f, commitment %.4f%s", r.loss.v, r.commit.v, r.lastNote))
		if r.done%r.EvalEvery == 0 && r.done > r.freeSteps() && r.done < r.Steps {
			if err := r.measure(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		}
		if r.done%r.SaveEvery == 0 && r.done < r.Steps {
			if err := r.saveState(); err != nil {
				return err
			}
		}
	}
	return nil
}

// step learns from one batch.
func (r *run) step(in batch) error {
	b, m := r.b, r.m
	mark := b.Mark()
	defer b.Release(mark)
	rows := r.Batch * m.grid * m.grid
	px := b.Temp(tensor.U8, r.Batch, r.Side, r.Side, 3)
	b.UploadU8(px, in.pixels)
	patches := b.Temp(tensor.Float, rows, 3*r.Patch*r.Patch)
	b.Patches(patches, px, r.Patch, vqkd.PixelScale, vqkd.PixelShift)
	targets := b.Temp(tensor.Float, rows, m.target)
	b.Upload(targets, in.targets)

	free := in.step < r.freeSteps()
	p := m.encode(patches, r.Batch)
	if in.step == r.freeSteps() {
		m.startCodebook(generator(r.Seed, "k-means", 0, 0), p)
	}
	m.decode(p, targets, r.Commitment, free)
	losses := make([]float32, 2)
	b.Download(losses, p.losses)
	if err := b.Sync(); err != nil {
		return err
	}
	if losses[0] != losses[0] || losses[1] != losses[1] {
		return fmt.Errorf("the loss is not a number; try a lower rate than %v", r.LR)
	}
	m.backward(p)
	r.opt.step(in.step)
	if !free {
		m.moveCodebook(p, r.Decay)
		m.countRecent()
		if r.RestartEvery > 0 && (in.step+1)%r.RestartEvery == 0 && float64(in.step) < r.RestartUntil*float64(r.Steps) {
			r.moved += m.restartDead(generator(r.Seed, "restart", in.step, 0), p, r.RestartBelow)
		}
	}
	r.loss.add(float64(losses[0]))
	r.commit.add(float64(losses[1]))
	return b.Sync()
}

func (r *run) measure(ctx context.Context) error {
	m, err := r.Config.Measure(ctx, func(ctx context.Context, pix []uint8, n int) ([]uint16, error) {
		return r.m.codesOf(pix, n, r.Side, vqkd.PixelScale, vqkd.PixelShift), ctx.Err()
	}, r.held)
	if err != nil {
		return err
	}
	r.o.Logf("step %d: loss %.4f; %s; %d codes restarted", r.done, r.loss.v, m, r.moved)
	r.lastNote = fmt.Sprintf(", usage %.0f %%, stable %.0f %%", 100*m.Usage, 100*m.Stability())
	r.moved = 0
	return nil
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
	res.Measures, err = r.Config.Measure(ctx, tok.Encode, r.held)
	if err := errors.Join(err, tok.Close()); err != nil {
		return res, err
	}
	var low error
	switch {
	case res.Measures.Usage < r.MinUsage:
		low = fmt.Errorf("%w: usage %.1f %%, the floor is %.1f %%", ErrRejected, 100*res.Measures.Usage, 100*r.MinUsage)
	case res.Measures.Stability() < r.MinStability:
		low = fmt.Errorf("%w: stability %.1f %%, the floor is %.1f %%", ErrRejected, 100*res.Measures.Stability(), 100*r.MinStability)
	}
	if low != nil {
		res.Path += ".rejected"
	}
	if err := r.write(res.Path, &res); err != nil {
		return res, err
	}
	os.Remove(r.statePath())
	r.o.Logf("wrote %s: %s", res.Path, res.Measures)
	return res, low
}
