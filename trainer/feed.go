package trainer

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/sourcegraph/conc"

	"github.com/imglish/imglish/mixer"
)

// Feed gives batches by step: the same batch for the same step, whenever it is asked.
type Feed interface {
	// Batch names the rows of a step, with the rolling digest of all rows up to them, and gives their micro-batches, of
	// any sizes and kinds in any order. Whoever wants only the digest leaves the sequence alone.
	Batch(ctx context.Context, step int64) (mixer.Batch, iter.Seq2[*mixer.Micro, error], error)
}

// Positioned is a Feed that can go on at a step without reading all before it, as *mixer.Mixer does. A checkpoint keeps
// its position; whoever opens the feed for a run that goes on takes State.Mixer from there first, so that shards that
// came later stay out.
type Positioned interface {
	Feed
	Position(mixer.Batch) mixer.Position
	Resume(mixer.Position) error
}

// fetched is one step's data.
type fetched struct {
	step   int64
	batch  mixer.Batch
	micros []*mixer.Micro
	err    error
}

func fetch(ctx context.Context, feed Feed, c *ModelConfig, step int64) fetched {
	f := fetched{step: step}
	batch, micros, err := feed.Batch(ctx, step)
	if err != nil {
		f.err = fmt.Errorf("batch of step %d: %w", step, err)
		return f
	}
	f.batch = batch
	for mi, err := range micros {
		if err == nil {
			err = checkMicro(c, mi)
		}
		if err != nil {
			f.err = fmt.Errorf("batch of step %d: %w", step, err)
			return f
		}
		f.micros = append(f.micros, mi)
	}
	return f
}

// prefetcher holds the next batch ready while a step computes.
type prefetcher struct {
	next   chan fetched
	cancel context.CancelFunc
	wg     conc.WaitGroup
}

// prefetch fetches steps [from, to) in order, and stops behind the first error.
func prefetch(ctx context.Context, feed Feed, c *ModelConfig, from, to int64) *prefetcher {
	ctx, cancel := context.WithCancel(ctx)
	p := &prefetcher{next: make(chan fetched), cancel: cancel}
	p.wg.Go(func() {
		defer close(p.next)
		for step := from; step < to; step++ {
			f := fetch(ctx, feed, c, step)
			select {
			case p.next <- f:
			case <-ctx.Done():
				return
			}
			if f.err != nil {
				return
			}
		}
	})
	return p
}

// get waits for the next batch and says how long; false once ctx is done.
func (p *prefetcher) get(ctx context.Context) (f fetched, wait time.Duration, ok bool) {
	if ctx.Err() != nil {
		return f, 0, false
	}
	start := time.Now()
	select {
	case f, ok = <-p.next:
	case <-ctx.Done():
	}
	return f, time.Since(start), ok
}

func (p *prefetcher) close() {
	p.cancel()
	p.wg.Wait()
}
