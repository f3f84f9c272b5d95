package trainer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/tensor"
)

// Hooks let a caller watch a run; each may be nil. They are called from Run's own goroutine.
type Hooks struct {
	Batch      func(waited time.Duration) // a step's batch is there
	Step       func(Report)
	Checkpoint func(path string)
	Note       func(text string) // something worth a line: resumed, a damaged checkpoint passed over, a step skipped
}

// Result says how a run ended.
type Result struct {
	From       int64 // first step made in this call
	Steps      int64 // steps done in all
	Parameters int
	Checkpoint string // path of the last one
}

// ErrDiverged says that gradients stayed not finite.
var ErrDiverged = errors.New("gradients are not finite")

// Run trains until cfg.Steps steps are done, going on from the newest checkpoint in cfg.Dir. When ctx is done, or the
// feed fails, it writes a checkpoint first, so nothing done is lost, and returns the cause.
func Run(ctx context.Context, cfg Config, b tensor.Backend, feed Feed, hooks Hooks) (res Result, err error) {
	if err := cfg.Validate(); err != nil {
		return res, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o777); err != nil {
		return res, err
	}
	m, err := NewModel(b, cfg.Model, true)
	if err != nil {
		return res, err
	}
	defer m.Close()
	m.Normalise(cfg.Mean, cfg.Std)
	r := run{cfg: cfg, feed: feed, hooks: hooks, o: newOptimizer(m, &cfg)}
	defer b.Free(r.o.stats)
	if err := r.start(ctx); err != nil {
		return res, err
	}
	res = Result{From: r.step, Steps: r.step, Parameters: m.Parameters(), Checkpoint: r.path}
	log, err := openLossLog(filepath.Join(cfg.Dir, LossFile), r.step)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, log.close()) }()

	err = r.loop(ctx, log)
	if r.saved != r.step || r.path == "" {
		err = errors.Join(err, r.save())
	}
	res.Steps, res.Checkpoint = r.step, r.path
	return res, err
}

// run is the state of one call of Run.
type run struct {
	cfg   Config
	feed  Feed
	hooks Hooks
	o     *optimizer
	step  int64       // steps done
	batch mixer.Batch // of the last one; with the digest of the rows of all
	saved int64       // step of the last checkpoint
	path  string      // of the last checkpoint
	bad   int         // steps in a row that were not finite
}

func (r *run) note(format string, args ...any) {
	if r.hooks.Note != nil {
		r.hooks.Note(fmt.Sprintf(format, args...))
	}
}

// start takes up the newest sound checkpoint, or draws new weights.
func (r *run) start(ctx context.Context) error {
	path, st, err := Newest(r.cfg.Dir, func(err error) { r.note("checkpoint passed over: %v", err) })
	if err != nil {
		return err
	}
	if path == "" {
		r.o.m.Init(r.cfg.Seed)
		return nil
	}
	if err := r.belongs(ctx, path, st); err != nil {
		return err
	}
	if err := r.o.resume(path, st); err != nil {
		return err
	}
	r.step, r.saved, r.path = st.Step, st.Step, path
	r.note("going on from %s", path)
	return nil
}

// belongs checks that a checkpoint is of this run: model, seed, data, and the rows of all steps up to it.
func (r *run) belongs(ctx context.Context, path string, st State) error {
	if st.Config.Model != r.cfg.Model {
		return &MismatchError{path, fmt.Sprintf("model was %+v, settings say %+v", st.Config.Model, r.cfg.Model)}
	}
	if st.Config.Seed != r.cfg.Seed {
		return &MismatchError{path, fmt.Sprintf("seed was %d, settings say %d", st.Config.Seed, r.cfg.Seed)}
	}
	if !maps.Equal(st.Config.Data, r.cfg.Data) {
		return &MismatchError{path, fmt.Sprintf("trained on %v, this is %v", st.Config.Data, r.cfg.Data)}
	}
	if st.Step == 0 {
		return nil
	}
	if feed, ok := r.feed.(Positioned); ok && st.Mixer != nil {
		if err := feed.Resume(*st.Mixer); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	batch, _, err := r.feed.Batch(ctx, st.Step-1)
	if err != nil {
		return fmt.Errorf("batch of step %d: %w", st.Step-1, err)
	}
	if got := hex.EncodeToString(batch.Digest[:]); got != st.Digest {
		return &MismatchError{path, fmt.Sprintf("trained on rows with digest %s, the data now gives %s", st.Digest, got)}
	}
	r.batch = batch
	return nil
}

func (r *run) loop(ctx context.Context, log *lossLog) error {
	data := prefetch(ctx, r.feed, &r.cfg.Model, r.step, r.cfg.Steps)
	defer data.close()
	for r.step < r.cfg.Steps {
		start := time.Now()
		f, wait, ok := data.get(ctx)
		if !ok {
			return context.Cause(ctx)
		}
		if f.err != nil {
			return f.err
		}
		if r.hooks.Batch != nil {
			r.hooks.Batch(wait)
		}
		res, err := r.o.step(f.step, f.micros)
		if err != nil {
			return fmt.Errorf("step %d: %w", f.step, err)
		}
		rep := report(f.step, r.cfg.LearningRate(f.step), res, time.Since(start), wait)
		r.step, r.batch = f.step+1, f.batch
		if err := log.add(rep); err != nil {
			return err
		}
		if r.hooks.Step != nil {
			r.hooks.Step(rep)
		}
		if r.bad++; res.finite {
			r.bad = 0
		} else if r.note("step %d: gradients are not finite, nothing was changed", f.step); r.bad >= r.cfg.Optimizer.BadSteps {
			return fmt.Errorf("step %d: %w, %d steps in a row", f.step, ErrDiverged, r.bad)
		}
		if r.step%r.cfg.CheckpointEvery == 0 {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) save() error {
	st := State{Step: r.step, Digest: hex.EncodeToString(r.batch.Digest[:])}
	if feed, ok := r.feed.(Positioned); ok && r.step > 0 {
		p := feed.Position(r.batch)
		st.Mixer = &p
	}
	path, err := r.o.save(r.cfg.Dir, st, r.cfg.KeepLast)
	if err != nil {
		return err
	}
	r.path, r.saved = path, r.step
	if r.hooks.Checkpoint != nil {
		r.hooks.Checkpoint(path)
	}
	return nil
}
