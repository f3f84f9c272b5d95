package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// joining adds a source to a line that its graph file does not name, once late is set.
func joining(b Builders, late *atomic.Bool, n *numbers) Builders {
	b.Joined = func(context.Context, *Config) ([]SourceAt, error) {
		if !late.Load() {
			return nil, nil
		}
		return []SourceAt{{Name: n.name, Kind: n.name, Lanes: 3}}, nil
	}
	return b
}

// A source joins a line that runs in two processes, one of which does not read sources: its lanes come behind the others,
// and all of it goes through without a restart. A source that the file names later comes behind it.
func TestSourceJoinsARunningLine(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a line to look around")
	}
	joinsARunningLine(t, func(*Config) {})
}

// joinsARunningLine is the test over any broker: on sets the line's.
func joinsARunningLine(t *testing.T, on func(*Config)) {
	one, late, third := &numbers{name: "one", rows: []int{300}}, &numbers{name: "late", rows: []int{200, 7}}, &numbers{name: "third", rows: []int{50}}
	sink := newMemorySink("")
	var now atomic.Bool
	b := joining(testBuilders(sink, one, late, third), &now, late)
	dir := t.TempDir()
	cfg := testGraph(t, dir, b, graphOfThree, one)
	on(cfg)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	first, err := New(cfg, b, Options{Follow: true, Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 2)
	go func() { done <- first.Run(ctx) }()
	go func() {
		done <- Run(ctx, cfg, b, Options{Follow: true, Stages: []string{"a"}, Logger: testLogger(t)})
	}()
	taken := func(want int64) {
		t.Helper()
		eventually(t, fmt.Sprintf("the line has taken %d samples", want), func() bool {
			s := first.Snapshot()
			n := len(s.Segments)
			return n > 0 && s.Segments[n-1].Taken == want
		})
	}
	taken(300)
	now.Store(true)
	taken(507)
	stop()
	for range 2 {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	want := func(with ...*numbers) [][]string {
		return append(append(wanted(2, one), wanted(3, late)...), wanted(2, with...)...)
	}
	compareContent(t, sink.content(t, 5), want())

	// Started again it is still there, and a new source of the file gets lanes behind it.
	cfg = testGraph(t, dir, b, graphOfThree, one, third)
	on(cfg)
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 7), want(third))
}

func TestJoin(t *testing.T) {
	one, late := &numbers{name: "one", rows: []int{3}}, &numbers{name: "late", rows: []int{2}}
	var now atomic.Bool
	now.Store(true)
	b := joining(testBuilders(newMemorySink(""), one, late), &now, late)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
	got, err := cfg.Join(t.Context(), b)
	if err != nil || len(got.Sources) != 2 || len(cfg.Sources) != 1 {
		t.Fatalf("Join = %+v, %v; the file's are %+v", got, err, cfg.Sources)
	}
	if again, err := got.Join(t.Context(), b); err != nil || len(again.Sources) != 2 {
		t.Errorf("Join again = %+v, %v", again, err)
	}
	src, err := got.Source(t.Context(), b, "late")
	if err != nil || src.Dataset() != "late" {
		t.Errorf("Source = %v, %v", src, err)
	}
	if _, err := cfg.Source(t.Context(), b, "late"); err == nil {
		t.Error("Source of a file that does not have it: no error")
	}
	cfg.Sources[0].Name = "late"
	if _, err := cfg.Join(t.Context(), b); err == nil || !strings.Contains(err.Error(), "the name is kept") {
		t.Errorf("Join where the name is taken: %v", err)
	}
}

// A process that cannot see whether a source joins is an error if it reads sources, and works on if it does other stages.
func TestJoinThatFails(t *testing.T) {
	one := &numbers{name: "one", rows: []int{200}}
	sink := newMemorySink("")
	b := testBuilders(sink, one)
	blind := b
	blind.Joined = func(context.Context, *Config) ([]SourceAt, error) { return nil, errors.New("no key for the store") }
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
	if err := Run(t.Context(), cfg, blind, Options{}); err == nil || !strings.Contains(err.Error(), "no key for the store") {
		t.Errorf("a process that reads sources: %v", err)
	}
	errs := make(chan error, 2)
	go func() { errs <- Run(t.Context(), cfg, blind, Options{Stages: []string{"a"}, Logger: testLogger(t)}) }()
	go func() {
		errs <- Run(t.Context(), cfg, b, Options{Stages: []string{"source", "b", "c", "sink"}, Logger: testLogger(t)})
	}()
	for range 2 {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	compareContent(t, sink.content(t, 2), wanted(2, one))
}

// A run that does not follow waits for a source that has joined it too.
func TestRunWaitsForWhatJoins(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a line to look around")
	}
	one, late := &numbers{name: "one", rows: []int{20}}, &numbers{name: "late", rows: []int{4000}}
	sink := newMemorySink("")
	var now atomic.Bool
	b := joining(testBuilders(sink, one, late), &now, late)
	inner, seen := tag(tags[0].name, tags[0].each), make(chan struct{})
	var once sync.Once
	b.Stages["a"] = Build(noSettings{}, Work{Concurrency: 4, Batch: 8, Window: 64, Backoff: 1e6},
		func(context.Context, noSettings, Env) (Stage, error) {
			return stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
				if in[0].Source.Dataset == "late" {
					once.Do(func() { close(seen) })
				} else if now.CompareAndSwap(false, true) {
					select { // so that the run does not end before the source has joined
					case <-seen:
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				return inner.Process(ctx, in)
			}), nil
		})
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	if err := Run(ctx, cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 5), append(wanted(2, one), wanted(3, late)...))
}
