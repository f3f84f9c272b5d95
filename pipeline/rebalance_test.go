package pipeline

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// movingOnARealBroker has a second process join and leave under load. The lanes that stay go on with the writer that they
// have, those that move stand still for a moment only, and nothing is lost.
func movingOnARealBroker(t *testing.T, addrs []string) {
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
				pause(ctx, 30*time.Millisecond)
				return inner.Process(ctx, in)
			}), nil
		})
	type process struct {
		stop  context.CancelFunc
		done  chan error
		lanes atomic.Int64
		out   atomic.Int64
	}
	start := func() *process {
		ctx, stop := context.WithCancel(t.Context())
		p := &process{stop: stop, done: make(chan error, 1)}
		go func() {
			p.done <- Run(ctx, cfg, slow, Options{Stages: []string{"a"}, Logger: testLogger(t), Every: 50 * time.Millisecond, Progress: func(s Snapshot) {
				for _, seg := range s.Segments {
					if seg.Segment == "a" {
						p.lanes.Store(int64(seg.Lanes))
					}
				}
				for _, st := range s.Stages {
					p.out.Store(st.Out)
				}
			}})
		}()
		return p
	}
	// working waits until a process has so many lanes and has done some work on them.
	working := func(p *process, want int64) {
		t.Helper()
		from, limit := int64(-1), time.Now().Add(60*time.Second)
		for ; time.Now().Before(limit); time.Sleep(20 * time.Millisecond) {
			switch {
			case p.lanes.Load() != want:
				from = -1
			case from < 0:
				from = p.out.Load()
			case p.out.Load() > from+1500: // also the lanes that came last have begun
				return
			}
			select {
			case err := <-p.done:
				t.Fatalf("a process has ended before it was told to: %v", err)
			default:
			}
		}
		t.Fatalf("a process has %d lanes, want %d", p.lanes.Load(), want)
	}
	first := start()
	working(first, lanes)
	began := time.Now()
	second := start()
	working(second, lanes/2)
	working(first, lanes/2)
	second.stop()
	<-second.done
	working(first, lanes)
	ended := time.Now()
	first.stop()
	<-first.done
	stayed := 0
	for lane := range lanes {
		writers, still := pauses(t, addrs, cfg.Line+".a", lane, began, ended)
		t.Logf("lane %d: %d writers, stood still for %s", lane, writers, still)
		if writers == 1 {
			stayed++
		}
		if still > 20*time.Second {
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
}

// pauses reads a lane as it is: how many have written to it, and the longest time between two records in between.
func pauses(t *testing.T, addrs []string, topic string, lane int, from, to time.Time) (writers int, longest time.Duration) {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(addrs...)}
	res, err := client.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(lane)}}})
	if err != nil {
		t.Fatal(err)
	}
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: addrs, Topic: topic, Partition: lane, MinBytes: 1, MaxBytes: 8 << 20})
	defer r.Close()
	seen, last := map[string]bool{}, from
	for range res.Topics[topic][0].LastOffset {
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
