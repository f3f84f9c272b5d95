package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

func testLogger(t testing.TB) *slog.Logger {
	if !testing.Verbose() {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

const graphOfThree = "[[source], [a], [b, c], [sink]]"

func TestRunToTheEnd(t *testing.T) {
	one, two := &numbers{name: "one", rows: []int{700, 3, 1, 400}}, &numbers{name: "two", rows: []int{5}}
	sink := newMemorySink("")
	b := testBuilders(sink, one, two)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one, two)
	r, err := New(cfg, b, Options{Logger: testLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("took %s", time.Since(start))
	compareContent(t, sink.content(t, 4), wanted(2, one, two))

	s := r.Snapshot()
	if !s.Done {
		t.Errorf("Done = false behind the end")
	}
	for _, seg := range s.Segments {
		if seg.Taken != 1109 || seg.Lag != 0 {
			t.Errorf("segment %s: taken %d, lag %d, want 1109 and 0", seg.Segment, seg.Taken, seg.Lag)
		}
	}
	in := int64(1109)
	for _, st := range s.Stages {
		skipped := int64(0)
		for _, n := range st.Skipped {
			skipped += n
		}
		if st.Stage == "sink" {
			in = st.In // skips travel to the sink, and are taken there
		}
		if st.In != in || st.In != st.Out+skipped {
			t.Errorf("stage %s: in %d, out %d, skipped %v; want in %d = out + skipped", st.Stage, st.In, st.Out, st.Skipped, in)
		}
		in = st.Out
		if st.Stage == "a" && (st.Retries == 0 || st.Skipped["stage-error"] == 0 || st.Skipped["unwanted"] == 0) {
			t.Errorf("stage a: %+v, want retries and skips of two kinds", st)
		}
	}

	// The same again finds everything done.
	if r, err = New(cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, st := range r.Snapshot().Stages {
		if st.In != 0 {
			t.Errorf("stage %s: %d samples in a run with nothing to do", st.Stage, st.In)
		}
	}
	compareContent(t, sink.content(t, 4), wanted(2, one, two))

	// A file that is appended is read behind the rest.
	one.rows = append(one.rows, 250)
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 4), wanted(2, one, two))

	// A file that has changed is refused.
	one.rows[1]++
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err == nil || !strings.Contains(err.Error(), "has changed") {
		t.Errorf("Run with a changed file: %v, want an error that says so", err)
	}
}

// TestRandomStops stops a line again and again, at random moments, and starts it again.
func TestRandomStops(t *testing.T) {
	one, two := &numbers{name: "one", rows: []int{1500, 700}}, &numbers{name: "two", rows: []int{800}}
	sink := newMemorySink("")
	b := testBuilders(sink, one, two)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one, two)
	r := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+r.IntN(400))*time.Millisecond)
		err := Run(ctx, cfg, b, Options{Logger: testLogger(t)})
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	}
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 4), wanted(2, one, two))
}

// TestStagesApart runs the segments of a line in runs of their own, which share the broker of whoever came first.
func TestStagesApart(t *testing.T) {
	one := &numbers{name: "one", rows: []int{900}}
	sink := newMemorySink("")
	b := testBuilders(sink, one)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
	parts := [][]string{{"source"}, {"sink"}, {"a"}, {"b", "c"}}
	errs := make(chan error, len(parts))
	for _, stages := range parts {
		go func() { errs <- Run(t.Context(), cfg, b, Options{Stages: stages, Logger: testLogger(t)}) }()
	}
	for range parts {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	compareContent(t, sink.content(t, 2), wanted(2, one))
}

// TestWhatStopsALine: errors that say what is wrong, and a line that goes on behind them.
func TestWhatStopsALine(t *testing.T) {
	one := &numbers{name: "one", rows: []int{300}}
	sink := newMemorySink("")
	dir := t.TempDir()
	good := testBuilders(sink, one)
	cfg := testGraph(t, dir, good, graphOfThree, one)
	run := func(cfg *Config, b Builders) error { return Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}) }

	one.trips = 100
	if err := run(cfg, good); err == nil || !strings.Contains(err.Error(), "source one: row 100: disk on fire") {
		t.Errorf("a source that fails: %v", err)
	}
	one.trips = 0

	bad := testBuilders(sink, one)
	bad.Stages["b"] = Build(noSettings{}, Work{}, func(context.Context, noSettings, Env) (Stage, error) {
		return stageFunc(func(context.Context, []*Sample) ([]Result, error) { return nil, ErrFatal }), nil
	})
	if err := run(cfg, bad); !errors.Is(err, ErrFatal) || !strings.Contains(err.Error(), "stage b") {
		t.Errorf("a stage with a fatal error: %v", err)
	}

	other := *cfg
	other.Line = "other"
	if err := run(&other, good); err == nil || !strings.Contains(err.Error(), `belongs to line "test"`) {
		t.Errorf("another line in the same folder: %v", err)
	}
	more := *cfg
	more.Sources = []SourceAt{{Name: "one", Kind: "one", Lanes: 3}}
	if err := run(&more, good); err == nil || !strings.Contains(err.Error(), "lanes never change hands") {
		t.Errorf("another number of lanes: %v", err)
	}

	if err := run(cfg, good); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 2), wanted(2, one))
}
