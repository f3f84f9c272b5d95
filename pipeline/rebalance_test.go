package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// movingOnARealBroker has a second process join and leave under load. The lanes that stay go on with the writer that they
// have, those that move stand still for a moment only, and nothing is lost.
func movingOnARealBroker(t *testing.T, addrs []string) {
	for range 5 {
		if joinAndLeave(t, addrs) {
			return
		}
		t.Log("a process was out of touch with the broker, so lanes began again for another reason: once more")
	}
	t.Error("each time a process was out of touch with the broker")
}

// joinAndLeave does it once. It is false if it has shown nothing, since a process met errors of the broker, was taken for
// dead, or was through before the other had come and gone.
func joinAndLeave(t *testing.T, addrs []string) bool {
	const lanes = 6
	sources := []*numbers{{name: "one", rows: []int{8000}}, {name: "two", rows: []int{8000}}, {name: "three", rows: []int{8000}}}
	sink := newMemorySink("")
	fast := testBuilders(sink, sources...)
	cfg := testGraph(t, t.TempDir(), fast, graphOfThree, sources...)
	cfg.Line = fmt.Sprintf("moving-%d", time.Now().UnixNano())
	cfg.Kafka.Brokers, cfg.Kafka.Replication = addrs, 1
	if err := Run(t.Context(), cfg, fast, Options{Stages: []string{"source"}, Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	slow := testBuilders(sink, sources...)
	slow.Stages["a"] = Build(noSettings{}, Work{Concurrency: lanes, Batch: 8, Window: 32, Backoff: 1e6},
		func(context.Context, noSettings, Env) (Stage, error) {
			inner := tag("a", 31)
			return stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
				pause(ctx, 100*time.Millisecond)
				return inner.Process(ctx, in)
			}), nil
		})
	type process struct {
		stop  context.CancelFunc
		done  chan error
		lanes atomic.Int64
	}
	var said lines
	start := func() *process {
		ctx, stop := context.WithCancel(t.Context())
		p := &process{stop: stop, done: make(chan error, 1)}
		logger := slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
		go func() {
			p.done <- Run(ctx, cfg, slow, Options{Stages: []string{"a"}, Logger: logger, Every: 20 * time.Millisecond, Progress: func(s Snapshot) {
				for _, seg := range s.Segments {
					if seg.Segment == "a" {
						p.lanes.Store(int64(seg.Lanes))
					}
				}
			}})
		}()
		return p
	}
	topic := cfg.Line + ".a"
	// working waits until processes have so many lanes each, and every lane has grown by more than a window since, so that
	// whoever has come to it last has written. It is false if one is through before.
	working := func(what string, want map[*process]int64) bool {
		t.Helper()
		through := false
		var from []int64
		eventually(t, what, func() bool {
			for p, n := range want {
				select {
				case err := <-p.done:
					if err != nil {
						t.Fatal(err)
					}
					through = true
					return true
				default:
				}
				if p.lanes.Load() != n {
					from = nil
					return false
				}
			}
			now := make([]int64, lanes)
			for lane := range now {
				now[lane] = endOf(t, addrs, topic, lane)
			}
			if from == nil {
				from = now
			}
			for lane := range now {
				if now[lane] <= from[lane]+2*32 {
					return false
				}
			}
			return true
		})
		return !through
	}
	first := start()
	defer first.stop()
	if !working("one process has all lanes", map[*process]int64{first: lanes}) {
		return false
	}
	began := time.Now()
	second := start()
	defer second.stop()
	if !working("two processes have half of the lanes each", map[*process]int64{first: lanes / 2, second: lanes / 2}) {
		return false
	}
	second.stop()
	<-second.done
	if !working("the first has all lanes again", map[*process]int64{first: lanes}) {
		return false
	}
	ended := time.Now()
	first.stop()
	<-first.done
	for _, l := range said.all() {
		if strings.Contains(l, "msg=resuming") || strings.Contains(l, "shares of the lanes") && !strings.Contains(l, kafka.RebalanceInProgress.Title()) {
			t.Log(l)
			return false
		}
	}
	stayed := 0
	for lane := range lanes {
		writers, still := pauses(t, addrs, topic, lane, began, ended)
		t.Logf("lane %d: %d writers, stood still for %s", lane, writers, still)
		if writers == 1 {
			stayed++
		}
		if still > time.Minute {
			t.Errorf("lane %d stood still for %s, want a moment", lane, still)
		}
	}
	if stayed != lanes/2 {
		t.Errorf("%d of %d lanes went on with their writer while a second process came and went, want half of them", stayed, lanes)
	}
	if err := Run(t.Context(), cfg, fast, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, lanes), wanted(2, sources...))
	return true
}

// endOf is the offset behind the last record of a lane.
func endOf(t *testing.T, addrs []string, topic string, lane int) int64 {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(addrs...)}
	res, err := client.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(lane)}}})
	if err != nil {
		t.Fatal(err)
	}
	return res.Topics[topic][0].LastOffset
}

// pauses reads a lane as it is: how many have written to it, and the longest time between two records in between.
func pauses(t *testing.T, addrs []string, topic string, lane int, from, to time.Time) (writers int, longest time.Duration) {
	t.Helper()
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: addrs, Topic: topic, Partition: lane, MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond})
	defer r.Close()
	seen, last := map[string]bool{}, from
	for range endOf(t, addrs, topic, lane) {
		m, err := r.ReadMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rec, err := decodeRecord(m.Value)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(rec.Writer)] = true
		if m.Time.After(from) && m.Time.Before(to) {
			longest, last = max(longest, m.Time.Sub(last)), m.Time
		}
	}
	return len(seen), max(longest, to.Sub(last))
}
