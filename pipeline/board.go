package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// board knows how far every segment is in every lane: what this process's lanes have reached, which it saves from time
// to time, and what all processes have saved.
type board struct {
	store    positions
	logger   *slog.Logger
	segments []Segment
	lanes    func() int                        // of the whole line
	outage   *outage                           // hears what goes wrong; nil: the logger does
	fail     func(error)                       // told what no retry mends; may be nil
	floor    func(Segment, topicLane) Position // of what nobody has saved yet; nil: nothing

	kick chan struct{}

	answered atomic.Int64 // when the store of positions last answered, UnixNano

	mu    sync.Mutex
	mine  map[string]map[topicLane]Position // by segment: reached in this process
	known map[string]map[topicLane]Position // by segment: saved by anybody
}

const (
	savePause = 500 * time.Millisecond // between two saves; a kill repeats at most the reading of so much
	kickPause = 100 * time.Millisecond // between two saves when a lane waits for one
	pollPause = 250 * time.Millisecond // between two looks at what others have saved
)

func newBoard(store positions, segments []Segment, lanes func() int, logger *slog.Logger) *board {
	b := &board{
		store: store, logger: logger, segments: segments, lanes: lanes,
		kick: make(chan struct{}, 1),
		mine: map[string]map[topicLane]Position{}, known: map[string]map[topicLane]Position{},
	}
	for _, s := range segments {
		b.mine[s.Name()], b.known[s.Name()] = map[topicLane]Position{}, map[topicLane]Position{}
	}
	return b
}

// reached notes how far a lane of this process is. With urgent it is saved soon.
func (b *board) reached(segment string, at topicLane, p Position, urgent bool) {
	if len(p.InputWriter) == 0 {
		return // where a life of the lane begins; all know that from the book
	}
	b.mu.Lock()
	b.mine[segment][at] = p
	b.mu.Unlock()
	if urgent {
		select {
		case b.kick <- struct{}{}:
		default:
		}
	}
}

// leave forgets what a lane has reached that this process no longer works on, lest an old position be saved again.
func (b *board) leave(segment string, lane int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for tl := range b.mine[segment] {
		if tl.lane == lane {
			delete(b.mine[segment], tl)
		}
	}
}

// at returns what a segment has saved of a topic's lane.
func (b *board) at(segment string, tl topicLane) Position {
	b.mu.Lock()
	p, ok := b.known[segment][tl]
	b.mu.Unlock()
	if ok {
		return p
	}
	for _, s := range b.segments {
		if s.Name() == segment && b.floor != nil {
			return b.floor(s, tl)
		}
	}
	return noPosition()
}

// saved returns what a segment itself has saved of a topic's lane.
func (b *board) saved(segment string, tl topicLane) (Position, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.known[segment][tl]
	return p, ok
}

// of returns all positions that segments have saved of a topic's lane. Each of them is a true state of any reader.
func (b *board) of(tl topicLane) []Position {
	var out []Position
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.segments {
		if p, ok := b.known[s.Name()][tl]; ok && p.LastSeq >= 0 {
			out = append(out, p)
		}
	}
	return out
}

// taken is the lower of what the writer of a topic's lane and its reader have saved: nothing behind it may expire.
func (b *board) taken(tl topicLane) Position {
	low := noPosition()
	for i, s := range b.segments {
		if s.Output != tl.topic {
			continue
		}
		low = b.at(s.Name(), tl)
		if p := b.at(b.segments[i+1].Name(), tl); p.InputOffset < low.InputOffset {
			low = p
		}
	}
	return low
}

// save saves what has changed.
func (b *board) save(ctx context.Context) error {
	for _, s := range b.segments {
		name := s.Name()
		changed := map[topicLane]Position{}
		b.mu.Lock()
		for tl, p := range b.mine[name] {
			if k, ok := b.known[name][tl]; (!ok || k.InputOffset != p.InputOffset) && p.LastSeq >= 0 {
				changed[tl] = p
			}
		}
		b.mu.Unlock()
		if len(changed) == 0 {
			continue
		}
		if err := b.store.save(ctx, name, changed); err != nil {
			return err
		}
		b.mu.Lock()
		for tl, p := range changed {
			b.known[name][tl] = p
		}
		b.mu.Unlock()
	}
	return nil
}

// poll reads what anybody has saved.
func (b *board) poll(ctx context.Context) error {
	n := b.lanes()
	for _, s := range b.segments {
		var of []topicLane
		for _, topic := range []string{s.Input, s.Output} {
			for lane := range n {
				if topic != "" {
					of = append(of, topicLane{topic, lane})
				}
			}
		}
		if len(of) == 0 {
			continue
		}
		got, err := b.store.saved(ctx, s.Name(), of)
		if err != nil {
			return err
		}
		b.mu.Lock()
		for tl, p := range got {
			b.known[s.Name()][tl] = p
		}
		b.mu.Unlock()
	}
	b.answered.Store(time.Now().UnixNano())
	return nil
}

// run saves and polls until ctx is done. A broker that is away for a while is no error here: the lanes notice it.
func (b *board) run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() {
		every(ctx, pollPause, nil, func() { b.complain(ctx, "read positions", b.poll(ctx)) })
	})
	wg.Go(func() {
		every(ctx, savePause, b.kick, func() {
			b.complain(ctx, "save positions", b.save(ctx))
			pause(ctx, kickPause)
		})
	})
	wg.Wait()
}

func (b *board) complain(ctx context.Context, what string, err error) {
	if ctx.Err() != nil {
		return
	}
	level := slog.LevelWarn
	if b.outage != nil {
		b.outage.result(what, err)
		level = slog.LevelDebug
	}
	if err = refused(err); errors.Is(err, ErrFatal) && b.fail != nil {
		b.fail(err)
	}
	if err != nil {
		b.logger.Log(ctx, level, what, "error", err)
		pause(ctx, time.Second)
	}
}

// every calls f after each pause, or earlier when kicked, until ctx is done.
func every(ctx context.Context, d time.Duration, kick <-chan struct{}, f func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-kick:
		}
		f()
	}
}

// pause waits, or returns false when ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
