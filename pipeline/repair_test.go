package pipeline

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

func planRepair(t *testing.T, cfg *Config, r Ranges) (*RepairPlan, *Inspector) {
	t.Helper()
	i, err := Inspect(t.Context(), cfg, r, testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	p, err := i.PlanRepair(t.Context(), func(int, int) {})
	if err != nil {
		i.Close()
		t.Fatal(err)
	}
	return p, i
}

// lostBook says whether the line's book of sources is empty.
func lostBook(t *testing.T, cfg *Config, r Ranges) bool {
	t.Helper()
	i, err := Inspect(t.Context(), cfg, r, testLogger(t))
	if err != nil {
		t.Logf("status says: %v", err)
		return true
	}
	i.Close()
	return false
}

// repair mends a line and says how many lanes were damaged.
func repair(t *testing.T, cfg *Config, r Ranges) int {
	t.Helper()
	p, i := planRepair(t, cfg, r)
	defer i.Close()
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	if err := i.Repair(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	again, err := i.PlanRepair(t.Context(), func(int, int) {})
	if err != nil || len(again.Lanes) > 0 || again.Finish {
		t.Errorf("behind the repair: %+v, %v, want nothing to repair", again, err)
	}
	return len(p.Lanes)
}

// cutTail takes bytes off the end of files that follow one another, the last ones wholly, as a lost tail would.
func cutTail(t *testing.T, files []string, part float64) (cut int64) {
	t.Helper()
	slices.Sort(files)
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	total := int64(0)
	for _, f := range files {
		total += size(f)
	}
	left := max(1, int64(part*float64(total)))
	for _, f := range slices.Backward(files) {
		n := min(left, size(f))
		if err := os.Truncate(f, size(f)-n); err != nil {
			t.Fatal(err)
		}
		left -= n
		cut += n
	}
	return cut
}

// embeddedPartitions are the segment files of each partition of the embedded log.
func embeddedPartitions(t *testing.T, cfg *Config) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(cfg.Data, "broker", "log", "records", "*", "*", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no segments in %s: %v", cfg.Data, err)
	}
	out := map[string][]string{}
	for _, f := range files {
		dir := filepath.Dir(f)
		name := filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir)
		out[name] = append(out[name], f)
	}
	return out
}

// runFor runs a line until stage b has been given so many samples, or it ends by itself: a moment in the middle of the work,
// however fast the machine is.
func runFor(t *testing.T, cfg *Config, b Builders, samples int64) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	err := Run(ctx, cfg, b, Options{Logger: testLogger(t), Every: 5 * time.Millisecond, Progress: func(s Snapshot) {
		for _, st := range s.Stages {
			if st.Stage == "b" && st.In >= samples {
				cancel()
			}
		}
	}})
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("the line has not worked on %d samples within %s", samples, hangs)
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// testCuts runs lines, cuts the tails of random partitions at random places while nothing runs, and repairs them: each
// seq must be in the ranges once, with the content of a line that nobody has hurt. Between cut and repair the line may
// run, and may mend by itself what it can. It goes on behind the rounds until a cut has done damage.
func testCuts(t *testing.T, rounds int, begin func(*Config), cut func(*Config, *rand.Rand)) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, 1))
	damaged, healed := 0, 0
	for round := 0; round < rounds || damaged == 0; round++ {
		one := &numbers{name: "one", rows: []int{500, 300}}
		if round%2 == 1 {
			one = &numbers{name: "one", rows: []int{2500}, pad: 5000} // so much that the log drops its head
		}
		sink := newMemorySink("")
		b := testBuilders(sink, one)
		fast := b.Stages["b"]
		b.Stages["b"] = Build(noSettings{}, Work{Concurrency: 4, Batch: 8, Window: 64, Backoff: 1e6}, func(ctx context.Context, s noSettings, e Env) (Stage, error) {
			inner, err := fast.build(ctx, s, e)
			return stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
				pause(ctx, 20*time.Millisecond) // so that the line is hurt in the middle
				return inner.Process(ctx, in)
			}), err
		})
		cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
		cfg.Kafka.LogMB = 16
		begin(cfg)
		run := func(limit time.Duration) error {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			return Run(ctx, cfg, b, Options{Logger: testLogger(t)})
		}
		if err := runFor(t, cfg, b, 1+r.Int64N(int64(one.total()))); err != nil {
			t.Fatalf("seed %d, round %d: before anything is hurt: %v", seed, round, err)
		}
		cut(cfg, r)
		for range r.IntN(3) { // perhaps run, which may find that it cannot go on, and hurt again
			if err := run(time.Duration(200+r.IntN(1500)) * time.Millisecond); err != nil {
				t.Logf("round %d: %v", round, err)
			}
			cut(cfg, r)
		}
		if r.IntN(2) == 0 {
			if err := run(3 * time.Second); err == nil {
				healed++
			} else if !errors.Is(err, context.DeadlineExceeded) {
				t.Logf("round %d: the run says: %v", round, err)
			}
		}
		if lostBook(t, cfg, memoryRanges{sink}) { // run it again, as it says
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- Run(ctx, cfg, b, Options{Logger: testLogger(t)}) }()
			eventually(t, "the book is entered anew", func() bool { return !lostBook(t, cfg, memoryRanges{sink}) })
			pause(ctx, time.Duration(r.IntN(1000))*time.Millisecond)
			cancel()
			if err := <-ended; err != nil {
				t.Logf("round %d: %v", round, err)
			}
		}
		damaged += repair(t, cfg, memoryRanges{sink})
		if err := run(hangs); err != nil {
			t.Fatalf("seed %d, round %d: behind the repair: %v", seed, round, err)
		}
		compareContent(t, sink.content(t, 2), wanted(2, one))
		if s := statusOf(t, cfg, sink); !s.Done {
			t.Errorf("status is not done: %+v", s.Segments)
		}
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, round)
		}
	}
	t.Logf("%d lanes were damaged and repaired, %d lines mended themselves", damaged, healed)
}

func TestRepairOfCutTails(t *testing.T) {
	rounds := 8
	if testing.Short() {
		rounds = 3
	}
	testCuts(t, rounds, func(*Config) {}, func(cfg *Config, r *rand.Rand) {
		parts := embeddedPartitions(t, cfg)
		for range 1 + r.IntN(3) {
			name := names(parts)[r.IntN(len(parts))]
			part := []float64{0, 0.1, 0.5, 1}[r.IntN(4)] * r.Float64()
			if r.IntN(4) == 0 && !strings.Contains(name, "sources") {
				part = 1 // a lost volume
			}
			t.Logf("cut %s by %d bytes", name, cutTail(t, parts[name], part))
		}
		if r.IntN(5) == 0 {
			groups := filepath.Join(cfg.Data, "broker", "log", "control", "groups.log")
			t.Logf("cut the saved positions by %d bytes", cutTail(t, []string{groups}, r.Float64()))
		}
	})
}

func TestRepairOfCutTailsOnARealBroker(t *testing.T) {
	if testing.Short() {
		t.Skip("stops and starts a broker again and again")
	}
	cluster := kafkatest.Start(t, kafkatest.Options{})
	testCuts(t, 6, onKafka(cluster.Addrs(), "cut"), func(cfg *Config, r *rand.Rand) {
		if err := cluster.Stop(0); err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(cluster.Data(0), "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		parts := map[string][]string{}
		for _, f := range files {
			dir := filepath.Base(filepath.Dir(f))
			if !strings.HasPrefix(dir, cfg.base()) && !strings.HasPrefix(dir, "__consumer_offsets") {
				continue
			}
			switch filepath.Ext(f) {
			case ".log":
				if info, err := os.Stat(f); err == nil && info.Size() > 0 {
					parts[dir] = append(parts[dir], f)
				}
			case ".index", ".timeindex", ".snapshot": // made again from the log
				if err := os.Remove(f); err != nil {
					t.Fatal(err)
				}
			}
		}
		// As behind a crash: the broker looks at its files again, and takes what is whole in them. One that was too slow to
		// stop has been killed, and leaves no mark.
		if err := os.Remove(filepath.Join(cluster.Data(0), ".kafka_cleanshutdown")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for range 1 + r.IntN(3) {
			if len(parts) == 0 {
				break // stopped before it has written anything
			}
			name := names(parts)[r.IntN(len(parts))]
			t.Logf("cut %s by %d bytes", name, cutTail(t, parts[name], []float64{0, 0.1, 0.5, 1}[r.IntN(4)]*r.Float64()))
		}
		if err := cluster.Restart(0); err != nil {
			t.Fatal(err)
		}
	})
}

// A line that was only stopped, however often, has nothing to repair.
func TestNothingToRepair(t *testing.T) {
	one := &numbers{name: "one", rows: []int{2000}, pad: 5000}
	sink := newMemorySink("")
	b := testBuilders(sink, one)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
	cfg.Kafka.LogMB = 16
	r := rand.New(rand.NewPCG(7, 8))
	for range 6 {
		if err := runFor(t, cfg, b, 1+r.Int64N(500)); err != nil {
			t.Fatal(err)
		}
		if n := repair(t, cfg, memoryRanges{sink}); n != 0 {
			t.Errorf("%d lanes of a sound line are said to be damaged", n)
		}
	}
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 2), wanted(2, one))
}
