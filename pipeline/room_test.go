package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken atomic.Int64
		taken.Store(-1)
		r := newRoom(1000, func() Position { return Position{InputOffset: taken.Load()} })
		for i := range int64(5) {
			r.add(100+i, 100)
		}
		r.guess(100, 0) // a hundred records before, of unknown size
		if got, want := r.outstanding(), int64(500+100*100); got != want {
			t.Errorf("outstanding = %d, want %d", got, want)
		}
		taken.Store(99)
		if got := r.outstanding(); got != 500 {
			t.Errorf("outstanding behind the known ones = %d, want 500", got)
		}
		if err := r.wait(t.Context()); err != nil {
			t.Errorf("wait with half of the room: %v", err)
		}
		r.add(105, 1)
		go func() {
			time.Sleep(time.Minute)
			taken.Store(100)
		}()
		start := time.Now()
		if err := r.wait(t.Context()); err != nil || time.Since(start) < time.Minute {
			t.Errorf("wait without room: %v after %s, want to wait until the next stage has moved", err, time.Since(start))
		}
		r.add(106, 1000)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wait that is told to stop: %v", err)
		}
	})
}

// TestLogStaysSmall sends several times more bytes through the line than the log keeps, past a sink that stops for a
// while, and starts the line anew in between: records expire, none too early.
func TestLogStaysSmall(t *testing.T) {
	const pad, rows = 20_000, 3000 // 60 MB through each of three topics
	source := &numbers{name: "one", rows: []int{rows}, pad: pad}
	sink := newMemorySink("")
	slow := &slowSink{memorySink: sink}
	dir := t.TempDir()
	b := testBuilders(slow, source)
	cfg := testGraph(t, dir, b, graphOfThree, source)
	cfg.Kafka.LogMB = 16 // less than the least, which is 4 MiB a lane
	var most atomic.Int64
	opts := Options{Logger: testLogger(t), Every: 100 * time.Millisecond, Progress: func(Snapshot) {
		most.Store(max(most.Load(), treeSize(filepath.Join(dir, "broker"))))
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	err := Run(ctx, cfg, b, opts)
	cancel()
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if err := Run(t.Context(), cfg, b, opts); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 2), wanted(2, source))
	t.Logf("the log had at most %.1f MB", float64(most.Load())/1e6)
	// Three topics of two lanes, a segment above the limit of each, and what is written between two looks of the broker.
	const limit = 6*(minLaneBytes+minSegmentBytes) + 50e6
	if most.Load() > limit {
		t.Errorf("the log had %.1f MB of %.1f MB that went through it, want at most %.1f",
			float64(most.Load())/1e6, pad*rows*3/1e6, limit/1e6)
	}
}

// slowSink stands still for a while.
type slowSink struct {
	*memorySink
	calls atomic.Int64
}

func (s *slowSink) Append(ctx context.Context, l Lane, in []Outcome) (Position, error) {
	if s.calls.Add(1) == 5 {
		pause(ctx, time.Second)
	}
	return s.memorySink.Append(ctx, l, in)
}

func treeSize(dir string) int64 {
	n := int64(0)
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // files come and go
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
