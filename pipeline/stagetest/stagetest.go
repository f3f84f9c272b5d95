package stagetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline"
	"google.golang.org/protobuf/proto"
)

// Run tests a stage. newStage is called for each test; a stage that has Close is closed. samples should show what the
// stage does: some that it carries on, some that it skips, and one of each kind. Without samples the stage gets Plain().
func Run(t *testing.T, newStage func(t testing.TB) pipeline.Stage, samples ...*pipeline.Sample) {
	t.Helper()
	if len(samples) == 0 {
		samples = Plain()
	}
	s := suite{newStage: newStage, samples: samples}
	for _, tt := range []struct {
		name string
		test func(*testing.T)
	}{
		{"EmptyBatch", s.emptyBatch},
		{"OneForOne", s.oneForOne},
		{"SameBytes", s.sameBytes},
		{"BatchDoesNotMatter", s.batchDoesNotMatter},
		{"ParallelCalls", s.parallelCalls},
		{"Cancel", s.cancel},
		{"NothingLeftRunning", s.nothingLeftRunning},
	} {
		t.Run(tt.name, tt.test)
	}
}

// Plain returns one sample of each kind as a source makes them, without bytes behind them.
func Plain() []*pipeline.Sample {
	var out []*pipeline.Sample
	for _, kind := range []pipeline.Kind{pipeline.Kind_IMAGE, pipeline.Kind_TEXT, pipeline.Kind_PAIR} {
		key := strings.ToLower(kind.String())
		s := &pipeline.Sample{
			Id:     pipeline.SampleID("stagetest", key, "1"),
			Kind:   kind,
			Source: &pipeline.Origin{Dataset: "stagetest", Key: key, Revision: "1"},
		}
		if kind != pipeline.Kind_TEXT {
			s.Image = &pipeline.Image{}
		}
		if kind != pipeline.Kind_IMAGE {
			s.Parts = []*pipeline.Part{{Text: "a red circle on a blue square"}}
		}
		out = append(out, s)
	}
	return out
}

type suite struct {
	newStage func(testing.TB) pipeline.Stage
	samples  []*pipeline.Sample
}

// fresh returns copies, since a stage may change what it gets.
func (s suite) fresh() []*pipeline.Sample {
	out := make([]*pipeline.Sample, len(s.samples))
	for i, x := range s.samples {
		out[i] = proto.Clone(x).(*pipeline.Sample)
	}
	return out
}

func (s suite) stage(t testing.TB) pipeline.Stage {
	t.Helper()
	st := s.newStage(t)
	t.Cleanup(func() { closeStage(t, st) })
	return st
}

func closeStage(t testing.TB, st pipeline.Stage) {
	t.Helper()
	if c, ok := st.(io.Closer); ok {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

func process(t *testing.T, st pipeline.Stage, in []*pipeline.Sample) []pipeline.Result {
	t.Helper()
	out, err := st.Process(t.Context(), in)
	if err != nil {
		t.Fatalf("Process of %d samples: %v", len(in), err)
	}
	return out
}

func (s suite) emptyBatch(t *testing.T) {
	if out := process(t, s.stage(t), nil); len(out) != 0 {
		t.Errorf("Process of an empty batch gives %d results, want none", len(out))
	}
}

func (s suite) oneForOne(t *testing.T) {
	out := process(t, s.stage(t), s.fresh())
	if len(out) != len(s.samples) {
		t.Fatalf("Process of %d samples gives %d results", len(s.samples), len(out))
	}
	for i, r := range out {
		in := s.samples[i]
		switch {
		case (r.Sample == nil) == (r.Skip == nil):
			t.Errorf("sample %d: result %v, want exactly one of sample and skip", i, r)
		case r.Skip != nil && (r.Skip.Reason == "" || strings.ContainsAny(r.Skip.Reason, " \t\n")):
			t.Errorf("sample %d: reason %q, want a short fixed word", i, r.Skip.Reason)
		case r.Sample != nil && !bytes.Equal(r.Sample.Id, in.Id):
			t.Errorf("sample %d: id %x, want %x: out of order, or changed", i, r.Sample.Id, in.Id)
		case r.Sample != nil && (r.Sample.Kind != in.Kind || !proto.Equal(r.Sample.Source, in.Source)):
			t.Errorf("sample %d: kind or source changed", i)
		}
	}
}

// encode gives the bytes of results. Reasons count, details are for people.
func encode(t *testing.T, results []pipeline.Result) []string {
	t.Helper()
	out := make([]string, len(results))
	for i, r := range results {
		if r.Skip != nil {
			out[i] = fmt.Sprintf("skip %s %v", r.Skip.Reason, r.Skip.Retryable)
			continue
		}
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(r.Sample)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = string(b)
	}
	return out
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("%s: sample %d has other bytes", what, i)
		}
	}
}

func (s suite) sameBytes(t *testing.T) {
	st := s.stage(t)
	want := encode(t, process(t, st, s.fresh()))
	compare(t, "the same call again", encode(t, process(t, st, s.fresh())), want)
	compare(t, "another stage of the same settings", encode(t, process(t, s.stage(t), s.fresh())), want)
}

func (s suite) batchDoesNotMatter(t *testing.T) {
	st := s.stage(t)
	want := encode(t, process(t, st, s.fresh()))
	var alone []string
	for _, x := range s.fresh() {
		alone = append(alone, encode(t, process(t, st, []*pipeline.Sample{x}))...)
	}
	compare(t, "one by one", alone, want)

	back := s.fresh()
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	got := encode(t, process(t, st, back))
	for i, j := 0, len(got)-1; i < j; i, j = i+1, j-1 {
		got[i], got[j] = got[j], got[i]
	}
	compare(t, "in the other order", got, want)
}

func (s suite) parallelCalls(t *testing.T) {
	st := s.stage(t)
	want := encode(t, process(t, st, s.fresh()))
	var wg sync.WaitGroup
	results := make([][]pipeline.Result, 4)
	errs := make([]error, len(results))
	for i := range results {
		in := s.fresh()
		wg.Go(func() { results[i], errs[i] = st.Process(t.Context(), in) })
	}
	wg.Wait()
	for i := range results {
		if errs[i] != nil {
			t.Fatalf("parallel call %d: %v", i, errs[i])
		}
		compare(t, fmt.Sprintf("parallel call %d", i), encode(t, results[i]), want)
	}
}

// hangs is when what must end is given up. It measures nothing: machines may be slow and busy.
const hangs = 2 * time.Minute

func (s suite) cancel(t *testing.T) {
	st := s.stage(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := st.Process(ctx, s.fresh())
		ended <- err
	}()
	var err error
	select {
	case err = <-ended:
	case <-time.After(hangs):
		t.Fatal("Process does not heed a cancelled context")
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Process with a cancelled context: %v, want context.Canceled or no error", err)
	}
	if err == nil {
		return
	}
	// A cancelled call must leave the stage usable.
	process(t, st, s.fresh())
}

func (s suite) nothingLeftRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	st := s.newStage(t)
	process(t, st, s.fresh())
	closeStage(t, st)
	deadline := time.Now().Add(hangs)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines before, %d behind Close:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(5 * time.Millisecond)
	}
}
