package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/pipeline/kafkatest"
)

// A test process that finds this variable is a child that runs a line in the folder that it names.
const childVariable = "IMGLISH_TEST_LINE"

// A child on a cluster finds its brokers (comma-separated) and the line's name in these.
const (
	brokersVariable = "IMGLISH_TEST_BROKERS"
	lineVariable    = "IMGLISH_TEST_LINE_NAME"
	pauseVariable   = "IMGLISH_TEST_PAUSE" // that a batch takes
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	kafkatest.CloseShared()
	os.Exit(code)
}

func childSources() []*numbers {
	return []*numbers{{name: "one", rows: []int{1200, 5, 900}}, {name: "two", rows: []int{1000}}}
}

func runChild(dir string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	batchPause := 2 * time.Millisecond
	if p, err := time.ParseDuration(os.Getenv(pauseVariable)); err == nil {
		batchPause = p
	}
	sources := childSources()
	for _, n := range sources {
		n.gate = func(row int) bool { return row*100 < n.total()*openShare(dir) }
	}
	sink := newMemorySink(filepath.Join(dir, "sink"))
	b := testBuilders(sink, sources...)
	for _, s := range tags { // slow enough to be killed in the middle
		b.Stages[s.name] = Build(noSettings{}, Work{Concurrency: 4, Batch: 8, Window: 64, Backoff: 1e6},
			func(context.Context, noSettings, Env) (Stage, error) {
				inner := tag(s.name, s.each)
				return stageFunc(func(ctx context.Context, in []*Sample) ([]Result, error) {
					pause(ctx, batchPause)
					if file := os.Getenv("IMGLISH_TEST_CRASH"); file != "" && s.name == "b" {
						crashOn(in, "77")
					}
					return inner.Process(ctx, in)
				}), nil
			})
	}
	cfg, err := Parse(filepath.Join(dir, "graph.yaml"), []byte("line: test\nlanes: 2\nkafka: {log_mb: 64}\ngraph: "+graphOfThree+
		"\nsources: [{one: {}}, {two: {}}]\n"), b)
	if err != nil {
		return err
	}
	if brokers := os.Getenv(brokersVariable); brokers != "" {
		cfg.Line, cfg.Kafka.Brokers, cfg.Kafka.Replication = os.Getenv(lineVariable), strings.Split(brokers, ","), 1
	}
	return Run(ctx, cfg, b, Options{Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
}

// openGate lets children read a share of each source, in percent, and no more: the line cannot be done before the test is.
func openGate(t *testing.T, dir string, share int) {
	t.Helper()
	if err := durable.WriteFile(filepath.Join(dir, "gate"), []byte(strconv.Itoa(share))); err != nil {
		t.Fatal(err)
	}
}

// openShare is what the gate lets through; everything if there is none.
func openShare(dir string) int {
	data, err := os.ReadFile(filepath.Join(dir, "gate"))
	if share, e := strconv.Atoi(string(data)); err == nil && e == nil {
		return share
	}
	return 100
}

// crashOn takes the process down as C code might: no recover can catch it.
func crashOn(in []*Sample, key string) {
	for _, s := range in {
		if s.Source.Dataset == "one" && s.Source.Key == key {
			var m map[string]int
			done := make(chan struct{})
			go func() { defer close(done); m[key] = 1 }() // a panic in a goroutine of its own
			<-done
			select {}
		}
	}
}

type child struct {
	cmd  *exec.Cmd
	err  bytes.Buffer
	done chan error
}

func startChild(t *testing.T, dir string, env ...string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0]), done: make(chan error, 1)}
	c.cmd.Env = append(append(os.Environ(), childVariable+"="+dir), env...)
	c.cmd.Stderr = &c.err
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.done <- c.cmd.Wait() }()
	t.Cleanup(func() { c.kill(); <-c.done })
	return c
}

func (c *child) kill() { _ = c.cmd.Process.Signal(syscall.SIGKILL) }

// wait returns the child's error; it is put back for the clean-up.
func (c *child) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-c.done:
		c.done <- nil
		return err
	case <-time.After(hangs):
		c.kill()
		c.done <- <-c.done // then nobody writes what it said any more
		t.Fatalf("the child has not ended within %s:\n%s", hangs, c.err.String())
		return nil
	}
}

// childRows is how many rows the sink has.
func childRows(t *testing.T, dir string) int {
	n := 0
	for _, rows := range newMemorySink(filepath.Join(dir, "sink")).content(t, 4) {
		n += len(rows)
	}
	return n
}

func checkChildren(t *testing.T, dir string) {
	t.Helper()
	compareContent(t, newMemorySink(filepath.Join(dir, "sink")).content(t, 4), wanted(2, childSources()...))
}

func childDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sink"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestKilledAtRandom kills the process with SIGKILL at ten random moments; then it runs to the end.
func TestKilledAtRandom(t *testing.T) {
	dir := childDir(t)
	r := rand.New(rand.NewPCG(3, 4))
	for range 10 {
		c := startChild(t, dir)
		time.Sleep(time.Duration(100+r.IntN(500)) * time.Millisecond)
		c.kill()
		if err := c.wait(t); err == nil {
			t.Log("the line ended before the last kill")
		}
	}
	if err := startChild(t, dir).wait(t); err != nil {
		t.Fatal(err)
	}
	checkChildren(t, dir)
}

// TestProcessesShare runs three processes on one line, kills the one that runs the broker, stops another, and lets a
// fourth join.
func TestProcessesShare(t *testing.T) {
	dir := childDir(t)
	first := startChild(t, dir)
	time.Sleep(300 * time.Millisecond)
	second, third := startChild(t, dir), startChild(t, dir)
	time.Sleep(700 * time.Millisecond)
	first.kill() // the broker goes with it; one of the others takes over
	time.Sleep(700 * time.Millisecond)
	_ = second.cmd.Process.Signal(os.Interrupt)
	fourth := startChild(t, dir)
	if err := second.wait(t); err == nil {
		t.Log("the line ended before the interrupt")
	}
	for _, c := range []*child{third, fourth} {
		if err := c.wait(t); err != nil {
			t.Fatalf("%v\n%s", err, c.err.String())
		}
	}
	checkChildren(t, dir)
}

// TestCrashingSample has a stage that takes the process down at one sample: after two crashes the sample is a skip,
// and the samples that shared its batch are not.
func TestCrashingSample(t *testing.T) {
	dir := childDir(t)
	crashes := 0
	for ; ; crashes++ {
		if err := startChild(t, dir, "IMGLISH_TEST_CRASH=1").wait(t); err == nil {
			break
		}
		if crashes == 4 {
			t.Fatal("the line crashes for ever")
		}
	}
	if crashes != 2 {
		t.Errorf("%d crashes, want 2", crashes)
	}
	want := wanted(2, childSources()...)
	want[77%2][77/2] = "skip c/crashed-worker 77"
	compareContent(t, newMemorySink(filepath.Join(dir, "sink")).content(t, 4), want)
}
