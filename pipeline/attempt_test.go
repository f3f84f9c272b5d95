package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"
)

// testItems are items as they come from a topic.
func testItems(t *testing.T, n int) []*item {
	t.Helper()
	out := make([]*item, n)
	for i := range out {
		r := testRecord()
		r.Seq = uint64(i)
		r.GetSample().Source = &Origin{Dataset: "d", Key: fmt.Sprint(i)}
		v, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = newItem(&accepted{Record: r, value: v})
	}
	return out
}

func outcomes(items []*item) string {
	var out []string
	for _, it := range items {
		if it.Skip != nil {
			out = append(out, fmt.Sprintf("%s/%s:%d", it.Skip.Stage, it.Skip.Reason, it.Skip.Attempts))
		} else {
			out = append(out, it.Sample.Parts[0].Text)
		}
	}
	return strings.Join(out, " ")
}

// TestAttempts plays what stages may do, with time standing still where nobody works.
func TestAttempts(t *testing.T) {
	work := Work{Concurrency: 2, Batch: 4, Window: 8, WindowMB: 1, Deadline: 30 * time.Second, Retries: 3, Backoff: time.Second}
	key := func(s *Sample) string { return s.Source.Key }
	for _, tt := range []struct {
		name  string
		work  func(*Work)
		stage func(calls *atomic.Int64) func(ctx context.Context, in []*Sample) ([]Result, error)
		want  string
		took  time.Duration
		calls int
	}{
		{
			name: "carries on",
			stage: func(*atomic.Int64) func(context.Context, []*Sample) ([]Result, error) {
				return func(_ context.Context, in []*Sample) ([]Result, error) { return keepAll(in), nil }
			},
			want: "x! x! x! x! x! x!", calls: 2,
		},
		{
			name: "a skip that passes",
			stage: func(calls *atomic.Int64) func(context.Context, []*Sample) ([]Result, error) {
				return func(_ context.Context, in []*Sample) ([]Result, error) {
					out := keepAll(in)
					if calls.Load() <= 3 {
						for i, s := range in {
							if key(s) == "1" {
								out[i] = DropRetryable("busy", "")
							}
						}
					}
					return out, nil
				}
			},
			want: "x! x! x! x! x! x!", took: 3 * time.Second, calls: 4,
		},
		{
			name: "a skip that stays",
			stage: func(*atomic.Int64) func(context.Context, []*Sample) ([]Result, error) {
				return func(_ context.Context, in []*Sample) ([]Result, error) {
					out := keepAll(in)
					for i, s := range in {
						switch key(s) {
						case "1":
							out[i] = DropRetryable("busy", "")
						case "2":
							out[i] = Drop("bad", "")
						}
					}
					return out, nil
				}
			},
			want: "x! s/busy:4 s/bad:1 x! x! x!", took: 7 * time.Second, calls: 5,
		},
		{
			name: "one bad sample in a batch",
			stage: func(*atomic.Int64) func(context.Context, []*Sample) ([]Result, error) {
				return func(_ context.Context, in []*Sample) ([]Result, error) {
					out := keepAll(in)
					for _, s := range in {
						if key(s) == "1" {
							return nil, errors.New("no")
						}
					}
					return out, nil
				}
			},
			// Two batches; then the failed one again; then its four alone; then the bad one a last time.
			want: "x! s/stage-error:4 x! x! x! x!", took: 7 * time.Second, calls: 2 + 1 + 4 + 1,
		},
		{
			name: "a panic, no retries",
			work: func(w *Work) { w.Retries = 0 },
			stage: func(*atomic.Int64) func(context.Context, []*Sample) ([]Result, error) {
				return func(_ context.Context, in []*Sample) ([]Result, error) {
					for _, s := range in {
						if key(s) == "5" {
							panic("broken")
						}
					}
					return keepAll(in), nil
				}
			},
			want: "x! x! x! x! x! s/stage-error:2", took: time.Second, calls: 2 + 2,
		},
		{
			name: "too few results",
			work: func(w *Work) { w.Batch, w.Retries = 1, 0 },
			stage: func(*atomic.Int64) func(context.Context, []*Sample) ([]Result, error) {
				return func(_ context.Context, in []*Sample) ([]Result, error) {
					if key(in[0]) == "0" {
						return nil, nil
					}
					return keepAll(in), nil
				}
			},
			want: "s/stage-error:2 x! x! x! x! x!", took: time.Second, calls: 7,
		},
		{
			name: "hangs until the deadline",
			work: func(w *Work) { w.Batch, w.Concurrency = 1, 6 },
			stage: func(*atomic.Int64) func(context.Context, []*Sample) ([]Result, error) {
				return func(ctx context.Context, in []*Sample) ([]Result, error) {
					if key(in[0]) == "3" {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return keepAll(in), nil
				}
			},
			// The batch of six has six times the time of one; its one call hangs for 30 s, and again.
			want: "x! x! x! s/deadline:4 x! x!", took: 4*30*time.Second + 7*time.Second, calls: 9,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, calls := work, new(atomic.Int64)
				if tt.work != nil {
					tt.work(&w)
				}
				f := tt.stage(calls)
				c := newCrew("s", nil, newMemory(1<<30))
				count := newCounter("s")
				c.add("s", stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
					calls.Add(1)
					return f(ctx, in)
				}), w, count)
				items := testItems(t, 6)
				start := time.Now()
				if err := c.do(t.Context(), 0, items, func() {}); err != nil {
					t.Fatal(err)
				}
				if got := outcomes(items); got != tt.want {
					t.Errorf("outcomes %s, want %s", got, tt.want)
				}
				if took := time.Since(start); took != tt.took || int(calls.Load()) != tt.calls {
					t.Errorf("%d calls in %s, want %d in %s", calls.Load(), took, tt.calls, tt.took)
				}
				if s := count.state(); s.In != 6 || s.Out+int64(strings.Count(tt.want, "s/")) != 6 {
					t.Errorf("counted %+v", s)
				}
			})
		})
	}
}

// keepAll marks each sample once: a retry must begin with the sample as it came.
func keepAll(in []*Sample) []Result {
	out := make([]Result, len(in))
	for i, s := range in {
		s.Parts[0].Text += "!"
		out[i] = Keep(s)
	}
	return out
}

func TestFatalErrorStopsTheWork(t *testing.T) {
	c := newCrew("s", nil, newMemory(1<<30))
	c.add("s", stageFunc(func(context.Context, []*Sample) ([]Result, error) {
		return nil, fmt.Errorf("wrong tokenizer: %w", ErrFatal)
	}), DefaultWork(), newCounter("s"))
	if err := c.do(t.Context(), 0, testItems(t, 3), func() {}); !errors.Is(err, ErrFatal) {
		t.Errorf("do = %v, want %v", err, ErrFatal)
	}
}

func TestJournalBlamesTheGuilty(t *testing.T) {
	dir := t.TempDir()
	crash := func(report string, alone bool, first, last uint64) {
		t.Helper()
		j, err := openJournal(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		j.begin("s", 3, 100, 101, false)() // ended in time
		j.begin("s", 3, first, last, alone)
		if _, err := j.note.WriteString(report); err != nil {
			t.Fatal(err)
		}
		j.file.Close() // the lock goes with the process
		j.note.Close()
	}
	judge := func(seq uint64) verdict {
		t.Helper()
		j, err := openJournal(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		defer j.close()
		return j.judge("s", 3, seq)
	}
	crash("", false, 10, 13)
	crash("", false, 10, 13)
	if v := judge(10); v != innocent {
		t.Errorf("behind two kills from outside: %v, want innocent", v)
	}
	crash("SIGSEGV", false, 12, 15)
	for seq, want := range map[uint64]verdict{11: innocent, 12: suspect, 15: suspect, 16: innocent, 100: innocent} {
		if v := judge(seq); v != want {
			t.Errorf("seq %d behind a reported crash: %v, want %v", seq, v, want)
		}
	}
	crash("SIGSEGV", true, 14, 14)
	if v := judge(14); v != guilty {
		t.Errorf("behind a reported crash alone: %v, want guilty", v)
	}
	if v := judge(12); v != suspect {
		t.Errorf("seq 12: %v, want suspect", v)
	}
	j, err := openJournal(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	if err := j.settled("s", 3, []*item{{seq: 14}, {seq: 99}}); err != nil {
		t.Fatal(err)
	}
	if v := judge(14); v != innocent {
		t.Errorf("settled: %v, want innocent", v)
	}
}
