package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/panics"
)

// crew is a segment's stages in this process, with what drives them.
type crew struct {
	segment string
	stages  []*driven
	journal *journal
	memory  *memory       // of the process
	launch  chan struct{} // bounds the batches that are under way, except those that wait for a retry
	source  *counter      // of the first segment
	sink    *counter      // of the last segment
	moved   atomic.Int64  // when a lane last handed records on, Unix ns
}

// driven is a stage with its settings.
type driven struct {
	name    string
	version string
	stage   Stage
	work    Work
	slots   chan struct{} // one for each Process call that may run
	count   *counter
}

func newCrew(segment string, j *journal, m *memory) *crew {
	return &crew{segment: segment, journal: j, memory: m}
}

func (c *crew) add(name string, s Stage, w Work, count *counter) {
	d := &driven{name: name, stage: s, work: w, slots: make(chan struct{}, w.Concurrency), count: count}
	if v, ok := s.(interface{ Version() string }); ok {
		d.version = v.Version()
	}
	c.stages = append(c.stages, d)
	total := 0
	for _, d := range c.stages {
		total += d.work.Concurrency
	}
	c.launch = make(chan struct{}, 2*total)
}

// first is the counter of the stage that reads the segment's input; nil for sources.
func (c *crew) first() *counter {
	switch {
	case c.source != nil:
		return nil
	case len(c.stages) > 0:
		return c.stages[0].count
	}
	return c.sink
}

// last is the counter of the stage whose output is written.
func (c *crew) last() *counter { return c.stages[len(c.stages)-1].count }

// settings of the segment as a whole: the widest of its stages.
func (c *crew) settings() Work {
	w := Work{Batch: 1, Window: 1, WindowMB: 1}
	for _, d := range c.stages {
		w.Batch = max(w.Batch, d.work.Batch)
		w.Window = max(w.Window, d.work.Window)
		w.WindowMB = max(w.WindowMB, d.work.WindowMB)
		w.Deadline = max(w.Deadline, d.work.Deadline)
		w.Retries = max(w.Retries, d.work.Retries)
		w.Backoff = max(w.Backoff, d.work.Backoff)
	}
	if len(c.stages) == 0 {
		w = DefaultWork()
		w.Batch, w.Window = 64, 1024 // records only pass through
	}
	return w
}

// do carries the items of one lane through all stages: afterwards each is a sample that has passed them, or a skip. A
// sample whose skip may pass is tried again, from the beginning of the segment, within its deadline. A batch that
// fails is tried again, then one by one, and what still fails is a skip "stage-error". release is called when the work
// is done or waits for a retry, perhaps more than once. An error means that the line must stop, or that ctx is done.
func (c *crew) do(ctx context.Context, lane int, items []*item, release func()) error {
	live := make([]*item, 0, len(items))
	for _, it := range items {
		if it.Skip != nil {
			continue // a skip passes every stage unchanged
		}
		switch c.journal.judge(c.segment, lane, it.seq) {
		case guilty:
			it.fail(c.segment, "crashed-worker", "in work at repeated crashes", false, 1)
		case suspect:
			it.suspect = true
		}
		live = append(live, it)
	}
	start, work := time.Now(), c.settings()
	for round := 1; ; round++ {
		for _, g := range groups(live, round > 2 || round > 1 && round > work.Retries) {
			if err := c.pass(ctx, lane, g, int32(round)); err != nil {
				return err
			}
		}
		pause := work.Backoff << min(round-1, 16)
		late := time.Since(start)+pause > work.Deadline*time.Duration(max(1, len(items)))
		waits := false
		live = c.settle(live, func(it *item) bool {
			if it.outage {
				waits = true
				return false // nothing is wrong with the sample
			}
			if it.failed && !it.single {
				return false // one bad sample must not take its batch along
			}
			return late || round > work.Retries
		})
		release()
		if len(live) == 0 {
			return nil
		}
		if waits {
			pause = min(pause, maxOutagePause)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		for _, it := range live {
			s, err := it.again()
			if err != nil {
				return err
			}
			it.Result, it.done, it.verdict, it.failed, it.outage = Keep(s), 0, nil, false, false
		}
	}
}

// groups says which items share a pass: all of them, or each alone. Suspects of a crash are always alone.
func groups(items []*item, split bool) [][]*item {
	together := make([]*item, 0, len(items))
	var out [][]*item
	for _, it := range items {
		if it.single = split || it.suspect || len(items) == 1; it.single {
			out = append(out, []*item{it})
		} else {
			together = append(together, it)
		}
	}
	if len(together) > 0 {
		out = append(out, together)
	}
	return out
}

// settle counts what is decided and returns the items that are to be tried again.
func (c *crew) settle(items []*item, final func(*item) bool) (again []*item) {
	for _, it := range items {
		if it.verdict != nil {
			if !final(it) {
				c.stages[it.done].count.retried()
				again = append(again, it)
				continue
			}
			it.Result = Result{Skip: it.verdict}
		}
		for i, d := range c.stages[:min(it.done+1, len(c.stages))] {
			d.count.took(it.Skip, i == it.done)
		}
	}
	return again
}

// pass sends items through the stages once.
func (c *crew) pass(ctx context.Context, lane int, items []*item, round int32) error {
	for i, d := range c.stages {
		live := make([]*item, 0, len(items))
		for _, it := range items {
			if it.Sample != nil && it.done == i {
				live = append(live, it)
			}
		}
		errs := make([]error, (len(live)+d.work.Batch-1)/d.work.Batch)
		var wg conc.WaitGroup
		for k := range errs {
			part := live[k*d.work.Batch : min(len(live), (k+1)*d.work.Batch)]
			if len(errs) == 1 {
				errs[k] = c.call(ctx, lane, d, part, round)
			} else {
				wg.Go(func() { errs[k] = c.call(ctx, lane, d, part, round) })
			}
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
	return nil
}

// call is one call of Process.
func (c *crew) call(ctx context.Context, lane int, d *driven, items []*item, round int32) error {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	defer c.journal.begin(c.segment, lane, items[0].seq, items[len(items)-1].seq, items[0].suspect)()

	in := make([]*Sample, len(items))
	for i, it := range items {
		in[i] = it.Sample
	}
	limited, cancel := context.WithTimeout(ctx, d.work.Deadline*time.Duration(len(items)))
	defer cancel()
	var (
		out     []Result
		err     error
		catcher panics.Catcher
	)
	began := time.Now()
	catcher.Try(func() { out, err = d.stage.Process(limited, in) })
	d.count.busy(time.Since(began), len(items))
	if p := catcher.Recovered(); p != nil {
		err = fmt.Errorf("panic: %v\n%s", p.Value, p.Stack)
	}
	if err == nil {
		err = oneForOne(out, len(items))
	}
	err = unwritable(err)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ErrFatal):
		return fmt.Errorf("stage %s: %w", d.name, err)
	case err != nil:
		reason := "stage-error"
		if errors.Is(err, context.DeadlineExceeded) {
			reason = "deadline"
		}
		for _, it := range items {
			it.failed, it.outage = true, storeAway(err)
			it.verdict = it.complete(&Skip{Stage: d.name, Reason: reason, Detail: err.Error(), Retryable: true}, round)
			it.Sample = nil
		}
		return nil
	}
	for i, it := range items {
		switch r := out[i]; {
		case r.Skip == nil:
			it.Result = r
			it.done++
			if d.version != "" {
				r.Sample.History = append(r.Sample.History, &Step{Stage: d.name, Version: d.version})
			}
		case r.Skip.Retryable:
			r.Skip.Stage = d.name
			it.verdict, it.Sample = it.complete(r.Skip, round), nil
		default:
			r.Skip.Stage = d.name
			it.Result = Result{Skip: it.complete(r.Skip, round)}
		}
	}
	return nil
}

func oneForOne(out []Result, n int) error {
	if len(out) != n {
		return fmt.Errorf("%d results for %d samples", len(out), n)
	}
	for i, r := range out {
		if (r.Sample == nil) == (r.Skip == nil) {
			return fmt.Errorf("result %d of %d: want exactly one of sample and skip", i, n)
		}
	}
	return nil
}
