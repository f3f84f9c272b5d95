package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// TestBounds has a fast source, a stage that makes large records of small ones, and a slow sink, and holds the bounds
// that docs/exactly-once.md states: of the bytes that lie in each topic's lane and are not taken, of what the process has
// in work, and of its heap.
func TestBounds(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { bounds(t, nil) })
	t.Run("kafka", func(t *testing.T) {
		if testing.Short() {
			t.Skip("long: starts a real Kafka")
		}
		bounds(t, kafkatest.Start(t, kafkatest.Options{}).Addrs())
	})
}

func bounds(t *testing.T, brokers []string) {
	const (
		lanes, large = 8, 200 << 10
		batch        = 8
		memoryMB     = 32
		segments     = 3 // with lanes of records in work: a, b, sink
	)
	source := &numbers{name: "one", rows: []int{100_000}, pad: 100}
	sink := newMemorySink("")
	sink.every = 5 // a megabyte, which is less than the log's share for a range
	slow := &tardySink{memorySink: sink, each: 20 * time.Millisecond}
	b := testBuilders(slow, source)
	work := Work{Concurrency: 4, Batch: batch, Window: 256, WindowMB: 64}
	b.Stages["a"] = Build(noSettings{}, work, func(context.Context, noSettings, Env) (Stage, error) {
		return stageFunc(func(_ context.Context, in []*Sample) ([]Result, error) {
			out := make([]Result, len(in))
			for i, s := range in {
				s.Views = ballast(large, i)
				out[i] = Keep(s)
			}
			return out, nil
		}), nil
	})
	text := fmt.Sprintf("line: pressure%d\ndata: %s\nlanes: %d\nmemory_mb: %d\nkafka: {log_mb: 16}\ngraph: [[source],[a],[b],[sink]]\nsources: [{one: {}}]\n",
		time.Now().UnixNano(), t.TempDir(), lanes, memoryMB)
	cfg, err := Parse("graph.yaml", []byte(text), b)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Kafka.Brokers, cfg.Kafka.Replication = brokers, 1
	r, err := New(cfg, b, Options{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	defer stop()

	enough := int64(1500) // as much as fills all topics and windows several times
	if testing.Short() {
		enough = 500
	}
	// A lane's part of what is in work: one batch in each segment, whatever the others hold, and one answer; and what
	// the workers of the stages have made before it could be counted.
	const onTop = lanes*segments*(batch*large+maxRequest) + 2*2*4*batch*large
	var worst struct{ topic, held, heap int64 }
	taken := map[topicLane]int64{} // offset behind the furthest that was saved: an older answer may take its place for a moment
	for deadline := time.Now().Add(hangs); slow.taken.Load() < enough; {
		time.Sleep(50 * time.Millisecond)
		if time.Now().After(deadline) {
			t.Fatalf("the sink has taken %d records in %s", slow.taken.Load(), hangs)
		}
		if !r.ready.Load() {
			continue
		}
		for _, seg := range r.segments[:3] {
			topic, limit := seg.Output, r.line.limits[seg.Output]
			for n := range lanes {
				tl := topicLane{topic, n}
				start, end, err := r.log.ends(ctx, topic, n)
				if err != nil {
					t.Fatal(err)
				}
				// Asked for behind the end: what was taken while the answer was on its way was not outstanding.
				taken[tl] = max(taken[tl], r.line.board.taken(tl).InputOffset+1)
				size := int64(large + 320)
				if topic == r.segments[0].Output {
					size = 320 // with its writer, its line and its cursor
				}
				bytes := (end - max(taken[tl], start)) * size
				worst.topic = max(worst.topic, bytes)
				// The next request was let through with half of the limit outstanding.
				if most := limit/2 + 2*maxRequest; bytes > most {
					t.Fatalf("%s/%d has %d bytes that are not taken, want at most %d", topic, n, bytes, most)
				}
			}
		}
		r.memory.mu.Lock()
		worst.held = max(worst.held, r.memory.held)
		r.memory.mu.Unlock()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		worst.heap = max(worst.heap, int64(m.HeapInuse))
	}
	t.Logf("at most %.1f MiB in a lane's topic, %d MiB in work, a heap of %d MiB; %d rows read, %d taken",
		float64(worst.topic)/(1<<20), worst.held>>20, worst.heap>>20, r.Snapshot().Sources[0].Rows, slow.taken.Load())
	const most = memoryMB<<20 + onTop
	stop()
	if r.memory.held != 0 {
		t.Errorf("%d bytes are held behind the end: a lane that fails would take them along", r.memory.held)
	}
	if worst.held > most {
		t.Errorf("%d MiB were in work, want at most %d", worst.held>>20, most>>20)
	}
	// In memory a record is there as it lies in the log, decoded, and encoded again; the collector lets the heap double.
	if worst.heap > 6*most {
		t.Errorf("the heap had %d MiB, want at most %d", worst.heap>>20, 6*most>>20)
	}
}

// tardySink takes its time for each record.
type tardySink struct {
	*memorySink
	each  time.Duration
	taken atomic.Int64
}

func (s *tardySink) Append(ctx context.Context, l Lane, in []Outcome) (Position, error) {
	pause(ctx, time.Duration(len(in))*s.each)
	s.taken.Add(int64(len(in)))
	return s.memorySink.Append(ctx, l, in)
}

func TestMemory(t *testing.T) {
	m := newMemory(100)
	a, b := share{of: m, limit: 80}, share{of: m, limit: 80}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	steps := []struct {
		of   *share
		n    int64
		want error
	}{
		{&a, 500, nil}, // larger than everything: alone
		{&a, 1, context.DeadlineExceeded},
		{&b, 50, nil}, // the first of a lane, whatever the others hold
		{&b, 1, context.DeadlineExceeded},
	}
	for i, s := range steps {
		if err := s.of.take(ctx, s.n); !errors.Is(err, s.want) {
			t.Errorf("step %d: take %d: %v, want %v", i, s.n, err, s.want)
		}
	}
	waits, end := context.WithTimeout(t.Context(), hangs)
	defer end()
	a.give(500)
	if err := b.take(waits, 30); err != nil {
		t.Error(err)
	}
	got := make(chan error)
	go func() { got <- b.take(waits, 10) }() // above its own bound
	b.grow(5)
	b.give(85)
	if err := <-got; err != nil || m.held != 10 {
		t.Errorf("after giving back: %v, %d held, want 10", err, m.held)
	}
}
