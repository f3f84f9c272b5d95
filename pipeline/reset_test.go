package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
)

// countedLine is a line of the three tags whose stages a and b count what they are given. word is b's setting.
func countedLine(t *testing.T, dir string, sink *memorySink, word string, cfg *Config, one *numbers) (*Config, Builders, *[2]atomic.Int64) {
	t.Helper()
	b := testBuilders(sink, one)
	var calls [2]atomic.Int64
	for i, s := range tags[:2] {
		name := s.name
		if name == "b" {
			name = word
		}
		inner := tag(name, s.each)
		b.Stages[s.name] = Build(noSettings{}, Work{Concurrency: 4, Batch: 8, Window: 64, Backoff: 1e6},
			func(context.Context, noSettings, Env) (Stage, error) {
				return stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
					calls[i].Add(int64(len(in)))
					return inner.Process(ctx, in)
				}), nil
			})
	}
	next := testGraph(t, dir, b, graphOfThree, one)
	if cfg != nil {
		next.Line, next.Kafka, next.Data = cfg.Line, cfg.Kafka, cfg.Data
	}
	return next, b, &calls
}

func reset(t *testing.T, cfg *Config, r Ranges, stage string) (*ResetPlan, error) {
	t.Helper()
	i, err := Inspect(t.Context(), cfg, r, testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	p, err := i.PlanReset(t.Context(), stage)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", out.String())
	return p, i.Reset(t.Context(), p)
}

// afresh is the content of a line that was never reset.
func afresh(t *testing.T, word string, one *numbers) [][]string {
	t.Helper()
	sink := newMemorySink("")
	cfg, b, _ := countedLine(t, t.TempDir(), sink, word, nil, one)
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	return sink.content(t, 2)
}

// testReset resets a line to another setting of stage b, from b on and from the source on, and again to the first one.
func testReset(t *testing.T, at func(*Config)) {
	one := &numbers{name: "one", rows: []int{500, 200}}
	want := map[string][][]string{"b": afresh(t, "b", one), "other": afresh(t, "other", one)}
	sink, dir := newMemorySink(""), t.TempDir()
	ranges := memoryRanges{sink}
	cfg, b, calls := countedLine(t, dir, sink, "b", nil, one)
	at(cfg)
	run := func() {
		t.Helper()
		if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
			t.Fatal(err)
		}
	}
	run()
	compareContent(t, sink.content(t, 2), want["b"])

	if _, err := reset(t, cfg, ranges, "nonsense"); err == nil || !strings.Contains(err.Error(), "has no stage") {
		t.Errorf("reset from a stage that is not there: %v", err)
	}
	p, err := reset(t, cfg, ranges, "c") // c and b share a segment
	if err != nil || strings.Join(p.Stages, ",") != "b,c,sink" || p.Ranges == 0 {
		t.Fatalf("plan %+v, %v, want stages b, c, sink", p, err)
	}
	cfg, b, calls = countedLine(t, dir, sink, "other", cfg, one)
	poison(t, cfg, "other record, late")
	if s := statusOf(t, cfg, sink); s.Segments[1].Taken != 700 || s.Segments[2].Taken != 0 || s.Segments[3].Taken != 0 || s.Done {
		t.Errorf("status behind the reset: %+v, want that a has taken all and those behind it nothing", s.Segments)
	}
	run()
	compareContent(t, sink.content(t, 2), want["other"])
	if a, b := calls[0].Load(), calls[1].Load(); a != 0 || b == 0 {
		t.Errorf("behind a reset from c, stage a has worked on %d samples and b on %d, want 0 and all", a, b)
	}

	if _, err := reset(t, cfg, ranges, "source"); err != nil {
		t.Fatal(err)
	}
	cfg, b, calls = countedLine(t, dir, sink, "b", cfg, one)
	poison(t, cfg, "record of two lives ago")
	run()
	compareContent(t, sink.content(t, 2), want["b"])
	if calls[0].Load() == 0 {
		t.Error("behind a reset from the source, stage a has not worked")
	}
	if s := statusOf(t, cfg, sink); !s.Done || s.Standing != 0 || s.Segments[3].Taken != 700 {
		t.Errorf("status behind two resets: %+v", s)
	}
}

func TestReset(t *testing.T) { testReset(t, func(*Config) {}) }

func TestResetOnARealBroker(t *testing.T) {
	addrs, _ := realBrokers(t)
	testReset(t, onKafka(addrs, "reset"))
}

// onKafka moves a line to brokers, under a name of its own.
func onKafka(addrs []string, name string) func(*Config) {
	return func(cfg *Config) {
		cfg.Line = fmt.Sprintf("%s-%d", name, time.Now().UnixNano())
		cfg.Kafka.Brokers, cfg.Kafka.Replication = addrs, 1
	}
}

// poison writes what a process from before the reset might still write: records of the first life, in the place of those
// that come next.
func poison(t *testing.T, cfg *Config, text string) {
	t.Helper()
	i, err := Inspect(t.Context(), cfg, memoryRanges{newMemorySink("")}, testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for _, topic := range []string{"a", "c"} {
		for lane := range 2 {
			var values [][]byte
			for seq := range uint64(3) {
				rec := &Record{Schema: RecordSchema, Line: uuidBytes(i.line.first), Writer: make([]byte, 16), Seq: seq, InputOffset: int64(seq), InputWriter: make([]byte, 16)}
				rec.setOutcome(Keep(&Sample{Source: &Origin{Key: text}}))
				v, err := proto.Marshal(rec)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, v)
			}
			if _, err := i.conn.log.write(t.Context(), cfg.base()+"."+topic, lane, whole(values...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	// A paused process saves its positions when it wakes up.
	log := *i.conn.log
	log.lives = nil
	old := map[topicLane]Position{{cfg.base() + ".c", 0}: {LastSeq: 349, InputOffset: 349, InputWriter: make([]byte, 16)}}
	for _, segment := range []string{"c", "sink"} {
		if err := log.save(t.Context(), segment, old); err != nil {
			t.Fatal(err)
		}
	}
}

// tripRanges cannot take the ranges away the first time.
type tripRanges struct {
	memoryRanges
	trips *int
}

func (r tripRanges) Forget(ctx context.Context, line string, stages []string) error {
	if *r.trips > 0 {
		*r.trips--
		return errors.New("the store is away")
	}
	return r.memoryRanges.Forget(ctx, line, stages)
}

// A reset that is cut off leaves a line that does not run until it is finished.
func TestResetCutOff(t *testing.T) {
	one := &numbers{name: "one", rows: []int{300}}
	sink, dir := newMemorySink(""), t.TempDir()
	trips := 1
	ranges := tripRanges{memoryRanges{sink}, &trips}
	cfg, b, _ := countedLine(t, dir, sink, "b", nil, one)
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	if _, err := reset(t, cfg, ranges, "a"); err == nil || !strings.Contains(err.Error(), "the store is away") {
		t.Fatalf("reset = %v", err)
	}
	want := "imglish reset " + cfg.File + " --from a"
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("run behind a reset that was cut off: %v, want %q", err, want)
	}
	if s := statusOf(t, cfg, sink); s.Open != want {
		t.Errorf("status names %q, want %q", s.Open, want)
	}
	if _, err := reset(t, cfg, ranges, "sink"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("another reset: %v, want %q", err, want)
	}
	if _, err := reset(t, cfg, ranges, "a"); err != nil {
		t.Fatal(err)
	}
	cfg, b, _ = countedLine(t, dir, sink, "other", cfg, one)
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	compareContent(t, sink.content(t, 2), afresh(t, "other", one))
}

// A reset is refused while the line runs, and a process that finds that the line was reset behind its back stops.
func TestResetOfARunningLine(t *testing.T) {
	one := &numbers{name: "one", rows: []int{300}}
	sink := newMemorySink("")
	cfg, b, _ := countedLine(t, t.TempDir(), sink, "b", nil, one)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg, b, Options{Follow: true, Logger: testLogger(t)}) }()
	eventually(t, "the line is drained", func() bool {
		tally, _ := memoryRanges{sink}.Tally(ctx)
		return tally.Records == 300
	})
	if _, err := reset(t, cfg, memoryRanges{sink}, "a"); err == nil || !strings.Contains(err.Error(), "stop every process") {
		t.Errorf("reset of a running line: %v", err)
	}
	i, err := Inspect(ctx, cfg, memoryRanges{sink}, testLogger(t))
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	next, err := i.begin(ctx, nil, cfg.Segments()[1:], []int{0, 1}, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.line.book.change(ctx, 0, next.with(nil), false); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "has been reset") {
			t.Errorf("the run ended with %v, want that the line has been reset", err)
		}
	case <-time.After(hangs):
		t.Error("the process works on in a line that was reset")
	}
}

// Where the log no longer has the beginning, a reset goes back to the sources.
func TestResetOfWhatHasExpired(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a log until it drops its head")
	}
	one := &numbers{name: "one", rows: []int{6000}, pad: 5000}
	sink, dir := newMemorySink(""), t.TempDir()
	cfg, b, _ := countedLine(t, dir, sink, "b", nil, one)
	cfg.Kafka.LogMB = 16
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	cfg, b, calls := countedLine(t, dir, sink, "other", cfg, one)
	p, err := reset(t, cfg, memoryRanges{sink}, "b")
	if err != nil || p.Stages[0] != sourceStage || len(p.Why) != 4-1 {
		t.Fatalf("plan %+v, %v, want that it begins at the source and says why", p, err)
	}
	if err := Run(t.Context(), cfg, b, Options{Logger: testLogger(t)}); err != nil {
		t.Fatal(err)
	}
	if calls[0].Load() < 5000 {
		t.Errorf("stage a has worked on %d samples, want all again", calls[0].Load())
	}
	compareContent(t, sink.content(t, 2), afresh(t, "other", one))
}
