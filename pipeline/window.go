package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// window works on one lane: it reads records, has the crew work on batches of them in parallel, and hands what is
// finished on in the lane's order. No more than the window's records and bytes are under way.
type window struct {
	lane   int
	crew   *crew
	causes *causes // told when everything waits for one sample; may be nil
	// next returns the next record, or nil if none is there: at once if wait is false. io.EOF ends the lane.
	next func(ctx context.Context, wait bool) (*item, error)
	// put takes finished records in order and returns when they are safe.
	put func(ctx context.Context, items []*item) error
	// keeps says that put may still hold records' outcomes when it returns.
	keeps bool
}

// batch is what one goroutine works on.
type batch struct {
	items []*item
	bytes int64
	done  chan struct{}
	err   error
}

// maxPut bounds how many records are handed on at once: enough to pay for a request and a sync, few enough that the
// next stage need not wait for long.
const maxPut = 512

// run works until the lane ends, ctx is done, or something fails. When it returns, nothing of it is running.
func (w *window) run(ctx context.Context) error {
	settings := w.crew.settings()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		wg      sync.WaitGroup
		records = semaphore.NewWeighted(int64(settings.Window))
		bytes   = share{of: w.crew.memory, limit: int64(settings.WindowMB) << 20}
		order   = make(chan *batch, settings.Window)
	)

	wg.Go(func() { // reads, and starts work
		defer close(order)
		err := w.dispatch(ctx, settings, func(b *batch) error {
			if err := records.Acquire(ctx, int64(min(len(b.items), settings.Window))); err != nil {
				return err
			}
			if err := bytes.take(ctx, b.bytes); err != nil {
				return err
			}
			if c := w.crew.first(); c != nil {
				c.read(b.bytes)
			}
			order <- b // never blocks: a window holds no more batches than records
			if len(w.crew.stages) == 0 {
				close(b.done)
				return nil
			}
			select {
			case w.crew.launch <- struct{}{}:
			case <-ctx.Done():
				b.err = ctx.Err()
				close(b.done)
				return ctx.Err()
			}
			release := sync.OnceFunc(func() { <-w.crew.launch })
			wg.Go(func() {
				defer close(b.done)
				defer release()
				b.err = w.crew.do(ctx, w.lane, b.items, release)
				if b.err != nil {
					stop(b.err)
					return
				}
				if more := outcomeBytes(b.items) - b.bytes; more > 0 {
					bytes.grow(more)
					b.bytes += more
				}
			})
			return nil
		})
		if !errors.Is(err, io.EOF) {
			stop(err)
		}
	})

	err := w.collect(ctx, order, func(b *batch) {
		records.Release(int64(min(len(b.items), settings.Window)))
		bytes.give(b.bytes)
	})
	if err != nil {
		stop(err)
	}
	wg.Wait()
	bytes.giveAll()
	if err == nil && ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// outcomeBytes is about what the items' outcomes take: work may have made an image of a reference. Only what can be large
// is added up; protobuf's own count costs as much as encoding.
func outcomeBytes(items []*item) int64 {
	n := 0
	for _, it := range items {
		if it.Sample == nil {
			continue
		}
		for _, v := range it.Sample.Views {
			n += len(v.Encoded) + len(v.Codes)
		}
		for _, p := range it.Sample.Parts {
			n += len(p.Text) + 4*len(p.Ids)
		}
	}
	return int64(n)
}

// dispatch reads records into batches, until the lane ends: then its error is io.EOF.
func (w *window) dispatch(ctx context.Context, settings Work, start func(*batch) error) error {
	for {
		b := &batch{done: make(chan struct{}), items: make([]*item, 0, min(settings.Batch, settings.Window, 64))}
		var err error
		for len(b.items) < min(settings.Batch, settings.Window) {
			var it *item
			// A batch waits for its first record only: a slow lane gets small batches at once.
			if it, err = w.next(ctx, len(b.items) == 0); err != nil || it == nil {
				break
			}
			b.items = append(b.items, it)
			b.bytes += int64(it.size())
		}
		if len(b.items) > 0 {
			if err := start(b); err != nil {
				return err
			}
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// wait waits for the work on a batch. What is behind it can be finished and must wait, too.
func (w *window) wait(b *batch) {
	select {
	case <-b.done:
		return
	default:
	}
	defer w.causes.after(workLane{w.crew.segment, w.lane}, stallAfter, causeSample, b.slow)()
	<-b.done
}

// slow says what a batch has held up for long. Its samples are in work, so only what does not change is looked at.
func (b *batch) slow() string {
	first, last := b.items[0], b.items[len(b.items)-1]
	if len(b.items) == 1 {
		return fmt.Sprintf("waits for seq %d, %s %s", first.seq, first.source.GetDataset(), first.source.GetKey())
	}
	return fmt.Sprintf("waits for a batch, seq %d to %d, %s %s to %s", first.seq, last.seq, first.source.GetDataset(), first.source.GetKey(), last.source.GetKey())
}

// collect hands finished batches on in order, as many at once as are ready.
func (w *window) collect(ctx context.Context, order <-chan *batch, release func(*batch)) error {
	var held *batch // taken from order, not yet finished
	for {
		b := held
		held = nil
		if b == nil {
			var open bool
			if b, open = <-order; !open {
				return nil
			}
		}
		w.wait(b)
		ready, items := []*batch{b}, b.items
		if b.err != nil {
			return b.err
		}
	more:
		for len(items) < maxPut {
			select {
			case b, open := <-order:
				if !open {
					break more
				}
				select {
				case <-b.done:
				default:
					held = b
					break more
				}
				if b.err != nil {
					return b.err
				}
				ready, items = append(ready, b), append(items, b.items...)
			default:
				break more
			}
		}
		if err := w.put(ctx, items); err != nil {
			return err
		}
		w.crew.moved.Store(time.Now().UnixNano())
		if err := w.crew.journal.settled(w.crew.segment, w.lane, items); err != nil {
			return fmt.Errorf("lane %d: %w", w.lane, err)
		}
		for _, it := range items {
			if !w.keeps {
				it.settle()
			}
		}
		for _, b := range ready {
			release(b)
		}
	}
}
