package pipeline

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// memoryRanges shows a memorySink to the commands that look after a line.
type memoryRanges struct{ sink *memorySink }

func (m memoryRanges) Tally(context.Context) (Tally, error) {
	m.sink.mu.Lock()
	defer m.sink.mu.Unlock()
	t := Tally{Skips: map[string]int64{}, Lanes: map[int]Position{}, Sources: map[int]string{}}
	for lane, ranges := range m.sink.ranges {
		for _, r := range ranges {
			t.Ranges++
			t.Line, t.Lanes[lane] = r.Line, r.At
			for _, row := range r.Rows {
				t.Records++
				if what, ok := strings.CutPrefix(row, "skip "); ok {
					reason, _, _ := strings.Cut(what, " ")
					t.Skips[reason]++
				}
			}
		}
	}
	return t, nil
}

func (m memoryRanges) Forget(context.Context, string, []string) error {
	m.sink.mu.Lock()
	defer m.sink.mu.Unlock()
	clear(m.sink.ranges)
	return nil
}

func statusOf(t *testing.T, cfg *Config, sink *memorySink) *Status {
	t.Helper()
	i, err := Inspect(t.Context(), cfg, memoryRanges{sink}, testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	s, err := i.Status(t.Context(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := s.Write(&out, true); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	return s
}

// hangs is when what should end, or happen, is given up. It bounds a test that hangs and measures nothing: machines may be
// slow and busy.
const hangs = 5 * time.Minute

// eventually looks again and again until want holds.
func eventually(t *testing.T, what string, want func() bool) {
	t.Helper()
	for deadline := time.Now().Add(hangs); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if want() {
			return
		}
	}
	t.Fatalf("not within %s: %s", hangs, what)
}

func TestStatusOfALineThatHasNeverRun(t *testing.T) {
	one := &numbers{name: "one", rows: []int{10}}
	sink := newMemorySink("")
	b := testBuilders(sink, one)
	dir := t.TempDir()
	cfg := testGraph(t, dir, b, graphOfThree, one)
	cfg.Data = dir + "/never"
	if _, err := Inspect(t.Context(), cfg, memoryRanges{sink}, nil); !errors.Is(err, ErrNeverRun) {
		t.Errorf("Inspect = %v, want ErrNeverRun", err)
	}
	if has, err := embeddedHasRun(cfg); has || err != nil {
		t.Errorf("looking has made a log: %v, %v", has, err)
	}
}

func TestStatusAtRest(t *testing.T) {
	one, two := &numbers{name: "one", rows: []int{700}}, &numbers{name: "two", rows: []int{300}}
	sink := newMemorySink("")
	b := testBuilders(sink, one, two)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one, two)
	// Only the first two segments run, so the third has work that nobody does.
	if err := Run(t.Context(), cfg, b, Options{Stages: []string{"source", "a"}, Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	s := statusOf(t, cfg, sink)
	if s.Done || s.Standing != 4 || len(s.Processes) != 0 || s.Segments[2].Lag != 1000 || s.Segments[1].Taken != 1000 {
		t.Errorf("status: %+v, want 1000 waiting in 4 lanes that nobody works on", s)
	}
	for _, l := range s.Lanes {
		if l.Segment == "c" && (l.State != LaneStanding || !strings.Contains(l.Cause, "no process")) {
			t.Errorf("lane %+v, want that no process works on it", l)
		}
	}
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	s = statusOf(t, cfg, sink)
	if !s.Done || s.Standing != 0 || s.Segments[3].Taken != 1000 || s.Skips["source/bad-row"] == 0 || s.Sources[1].Rows != 300 {
		t.Errorf("status at the end: %+v", s)
	}
}

// A lane that stands still says why, from the process that knows.
func TestStatusNamesCauses(t *testing.T) {
	one := &numbers{name: "one", rows: []int{400}}
	for _, tt := range []struct {
		name  string
		stage func(ctx context.Context, in []*Sample) ([]Result, error)
		sink  error
		want  string
	}{
		{"a slow sample", func(ctx context.Context, in []*Sample) ([]Result, error) {
			for _, s := range in {
				if s.Source.Key == "37" {
					<-ctx.Done()
				}
			}
			out := make([]Result, len(in))
			for i, s := range in {
				out[i] = Keep(s)
			}
			return out, ctx.Err()
		}, nil, "waits for"},
		{"a sink that cannot write", nil, errors.New("the bucket is gone"), "the bucket is gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sink := newMemorySink("")
			b := testBuilders(sink, one)
			if tt.stage != nil {
				b.Stages["a"] = Build(noSettings{}, Work{Concurrency: 4, Batch: 1, Window: 64},
					func(context.Context, noSettings, Env) (Stage, error) { return stageFunc(tt.stage), nil })
			}
			if tt.sink != nil {
				b.Sinks["sink"] = Build(noSettings{}, Work{}, func(context.Context, noSettings, Env) (Sink, error) { return failingSink{sink, tt.sink}, nil })
			}
			cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- Run(ctx, cfg, b, Options{Logger: testLogger(t)}) }()
			defer func() { stop(); <-ended }()
			eventually(t, "a line that has begun", func() bool {
				if has, _ := embeddedHasRun(cfg); !has {
					return false
				}
				i, err := Inspect(t.Context(), cfg, memoryRanges{sink}, testLogger(t))
				if err == nil {
					i.Close()
				} else if !errors.Is(err, ErrNeverRun) {
					t.Fatal(err)
				}
				return err == nil
			})
			var last *Status
			eventually(t, "a lane that stands still because it "+tt.want, func() bool {
				last = statusOf(t, cfg, sink)
				for _, l := range last.Lanes {
					if l.State == LaneStanding && strings.Contains(l.Cause, tt.want) {
						return l.Worker != "" && len(last.Processes) == 1 && l.Since != nil
					}
				}
				return false
			})
			stop()
			<-ended
			ended <- nil
			// At rest nobody works on it, and what the process said is wiped out.
			for _, l := range statusOf(t, cfg, sink).Lanes {
				if strings.Contains(l.Cause, tt.want) {
					t.Errorf("lane %+v still gives a cause of a process that is gone", l)
				}
			}
		})
	}
}

type failingSink struct {
	*memorySink
	err error
}

func (f failingSink) Append(context.Context, Lane, []Outcome) (Position, error) {
	return noPosition(), f.err
}
