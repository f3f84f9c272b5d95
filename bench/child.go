package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/imglish/imglish/pipeline"
)

// A process that finds this variable runs a part of an imglish line, as the JSON in it says.
const childVariable = "IMGLISH_BENCH_CHILD"

// role is what a child does.
type role struct {
	Broker  string        // empty: the embedded one
	Dir     string        // data folder
	Line    string        //
	Lanes   int           //
	Stage   string        // name of the stage between source and sink: its topic is new for each run
	Run     []string      // segments of this process
	Records int64         // of the source
	Bytes   int           // of a record, about
	LogMB   int           //
	Profile string        // file for a CPU profile; empty: none
	Pause   time.Duration // of the stage, a batch
	First   bool          // say a line when the stage gets its first record
	Serve   bool          // be an embedded broker, and nothing else
	Synced  bool          // that syncs every write
	Touch   int64         // bytes of memory: take them, and nothing else
}

// command is a process of ours in that role.
func (r role) command(ctx context.Context) (*exec.Cmd, error) {
	if err := os.MkdirAll(r.Dir, 0o755); err != nil {
		return nil, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(data))
	cmd.Stderr = os.Stderr
	return cmd, nil
}

func runChild(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if r.Profile != "" {
		f, err := os.Create(r.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	switch {
	case r.Touch > 0:
		return touch(r.Touch)
	case r.Serve:
		return r.serve(ctx)
	}
	b := r.builders()
	cfg, err := pipeline.Parse(filepath.Join(r.Dir, "graph.yaml"), []byte(r.graph()), b)
	if err != nil {
		return err
	}
	return pipeline.Run(ctx, cfg, b, pipeline.Options{Stages: r.Run})
}

func (r role) graph() string {
	brokers := "[]"
	if r.Broker != "" {
		brokers = fmt.Sprintf("[%q]", r.Broker)
	}
	return fmt.Sprintf(`line: %s
data: %s
lanes: %d
kafka: {brokers: %s, replication: 1, log_mb: %d}
sources: [{numbers: {}}]
graph: [[source], [%s], [sink]]
`, r.Line, r.Dir, r.Lanes, brokers, r.LogMB, r.Stage)
}

// work drives the stage: as fast as it goes, or for one that pauses with as many calls at once as there are lanes.
func (r role) work() pipeline.Work {
	if r.Pause > 0 {
		return pipeline.Work{Batch: 8, Window: 32, Concurrency: r.Lanes}
	}
	return pipeline.Work{Batch: 64, Window: 4096}
}

// same is a stage that returns what it gets.
type same struct {
	pause time.Duration
	quiet bool
	first sync.Once
}

func (s *same) Process(ctx context.Context, in []*pipeline.Sample) ([]pipeline.Result, error) {
	if !s.quiet {
		s.first.Do(func() { fmt.Println("first record") })
	}
	out := make([]pipeline.Result, len(in))
	for i, x := range in {
		out[i] = pipeline.Keep(x)
	}
	if s.pause > 0 {
		time.Sleep(s.pause)
	}
	return out, ctx.Err()
}

type noSettings struct{}

func (noSettings) Validate() error { return nil }

// builders is the line of a benchmark: numbered records, a stage that returns what it gets, and a sink that counts.
func (r role) builders() pipeline.Builders {
	return pipeline.Builders{
		Sources: map[string]pipeline.Builder[pipeline.Source]{
			"numbers": pipeline.Build(noSettings{}, pipeline.Work{}, func(context.Context, noSettings, pipeline.Env) (pipeline.Source, error) {
				return numbers{r.Records, r.Bytes}, nil
			}),
		},
		Stages: map[string]pipeline.Builder[pipeline.Stage]{
			r.Stage: pipeline.Build(noSettings{}, r.work(),
				func(context.Context, noSettings, pipeline.Env) (pipeline.Stage, error) {
					return &same{pause: r.Pause, quiet: !r.First}, nil
				}),
		},
		Sinks: map[string]pipeline.Builder[pipeline.Sink]{
			"sink": pipeline.Build(noSettings{}, pipeline.Work{}, func(context.Context, noSettings, pipeline.Env) (pipeline.Sink, error) {
				return nil, fmt.Errorf("no benchmark runs the sink")
			}),
		},
	}
}

// numbers is a source of records of one size.
type numbers struct {
	records int64
	bytes   int
}

func (numbers) Dataset() string { return "numbers" }

func (n numbers) Files(context.Context) ([]pipeline.File, error) {
	return []pipeline.File{{Name: "numbers", Size: n.records, Fingerprint: "x"}}, nil
}

// overhead is about what a record has besides the ballast: the lane's fields, the sample's id and its origin.
const overhead = 170

func (n numbers) Open(_ context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	noise := make([]byte, n.bytes+64<<10)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	return &numberRows{numbers: n, next: after.Row, noise: noise}, nil
}

type numberRows struct {
	numbers
	next  int64
	noise []byte
}

func (r *numberRows) Next(context.Context) (pipeline.Row, error) {
	g := r.next
	if g >= r.records {
		return pipeline.Row{}, io.EOF
	}
	r.next++
	key := strconv.FormatInt(g, 10)
	at := int(g % (64 << 10)) // records differ, though nobody compresses them
	return pipeline.Row{
		After: pipeline.Cursor{Row: g + 1, Place: key},
		Result: pipeline.Keep(&pipeline.Sample{
			Id: pipeline.SampleID("numbers", key, "1"), Kind: pipeline.Kind_IMAGE,
			Source: &pipeline.Origin{Dataset: "numbers", Key: key, Revision: "1"},
			Views:  []*pipeline.View{{Encoded: r.noise[at : at+r.bytes-overhead], Encoding: "none"}},
		}),
	}, nil
}

func (r *numberRows) Left() (int64, int64, string) { return r.next, r.records, "rows" }
func (r *numberRows) Close() error                 { return nil }
