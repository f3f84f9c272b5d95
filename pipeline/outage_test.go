package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.buf.String()), "\n")
}

func (l *lines) has(text string) bool { return strings.Contains(strings.Join(l.all(), "\n"), text) }

// warnings is a logger as a user has it.
func (l *lines) warnings() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// TestBrokerAway starts a line before its broker, and kills the broker in the middle. The line waits both times, says so
// in a few lines, and loses nothing.
func TestBrokerAway(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	c := kafkatest.Start(t, kafkatest.Options{})
	if err := c.Stop(0); err != nil {
		t.Fatal(err)
	}
	one, two := &numbers{name: "one", rows: []int{9000}}, &numbers{name: "two", rows: []int{3000}}
	sink := newMemorySink("")
	b := testBuilders(sink, one, two)
	b.Stages["a"] = slowStage("a", 31, 20*time.Millisecond)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one, two)
	cfg.Kafka.Brokers, cfg.Kafka.Replication = c.Addrs(), 1
	var said lines
	start, done := time.Now(), make(chan error, 1)
	go func() { done <- Run(t.Context(), cfg, b, Options{Logger: said.warnings()}) }()
	eventually(t, "the line says that it waits", func() bool { return said.has("waiting for them") })
	if err := c.Restart(0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the line goes on", func() bool { return said.has("the brokers answer: going on") && sink.rows() > 1000 })
	if err := c.Kill(0); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the line says that it waits again", func() bool { return said.has("do not do what is asked") && said.has("still waiting") })
	if err := c.Restart(0); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(said.all(), "\n"))
	}
	compareContent(t, sink.content(t, 4), wanted(2, one, two))
	t.Logf("the log:\n%s", strings.Join(said.all(), "\n"))
	if !said.has("the brokers answer again") {
		t.Error("nothing says that the brokers are back")
	}
	// Each of four lanes in each of three segments asks once a second and oftener. On a slow machine outages last longer.
	if n, most := len(said.all()), 10+int(time.Since(start)/(10*time.Second)); n > most {
		t.Errorf("%d lines, want %d at most", n, most)
	}
}

// TestStoppedWhileWaiting stops a line whose brokers never come.
func TestStoppedWhileWaiting(t *testing.T) {
	one := &numbers{name: "one", rows: []int{10}}
	b := testBuilders(newMemorySink(""), one)
	cfg := testGraph(t, t.TempDir(), b, graphOfThree, one)
	cfg.Kafka.Brokers = []string{"127.0.0.1:1"}
	var said lines
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- Run(ctx, cfg, b, Options{Logger: said.warnings()}) }()
	eventually(t, "the line says that it waits", func() bool { return said.has("waiting for them") })
	cancel()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want context.Canceled", err)
		}
	case <-time.After(hangs):
		t.Fatal("the line does not heed its context")
	}
}

// TestOutage plays trouble of 100 lanes for an hour: one line at its beginning, a few in between, one at its end.
func TestOutage(t *testing.T) {
	var said lines
	o := newOutage(said.warnings(), []string{"a:1", "b:2"})
	gone := errors.New("gone")
	for lane := range 100 {
		o.result(fmt.Sprint("read ", lane), gone)
	}
	start := o.since
	o.look(start.Add(outageGrace / 2))
	if got := said.all(); got[0] != "" {
		t.Fatalf("said %q within the grace", got)
	}
	for s := time.Duration(2); s < 3600; s++ {
		for what := range o.failing {
			o.failing[what] = trouble{gone, start.Add(s * time.Second)}
		}
		o.look(start.Add(s * time.Second))
	}
	n := len(said.all())
	if n < 8 || n > 20 {
		t.Errorf("%d lines in an hour, want 8 to 20:\n%s", n, strings.Join(said.all(), "\n"))
	}
	for lane := range 99 {
		o.result(fmt.Sprint("read ", lane), nil)
	}
	o.look(start.Add(time.Hour))
	if said.has("again") {
		t.Error("says that all is well while a lane still waits")
	}
	o.look(start.Add(2 * time.Hour)) // nobody has spoken of the last lane since: it is somebody else's now
	if !said.has("the brokers answer again") || o.any.Load() {
		t.Errorf("nothing at the end:\n%s", strings.Join(said.all(), "\n"))
	}
}

// TestRefused names errors that no waiting mends, and some that it does.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		err   error
		fatal bool
	}{
		{kafka.TopicAuthorizationFailed, true},
		{kafka.GroupAuthorizationFailed, true},
		{kafka.PolicyViolation, true},
		{kafka.SASLAuthenticationFailed, false}, // kafka-go says so of a broken connection too
		{kafka.NotLeaderForPartition, false},
		{kafka.NotEnoughReplicas, false},
		{io.EOF, false},
	} {
		err := refused(fmt.Errorf("read a/0: %w", tt.err))
		if errors.Is(err, ErrFatal) != tt.fatal {
			t.Errorf("refused(%v) is fatal: %v, want %v", tt.err, !tt.fatal, tt.fatal)
		}
		if !errors.Is(err, tt.err) {
			t.Errorf("refused(%v) hides its cause", tt.err)
		}
	}
}

// TestBrokenConnectionIsNoEnd has a read whose connection breaks: io.EOF would mean that the lane has ended.
func TestBrokenConnectionIsNoEnd(t *testing.T) {
	k := &kafkaLog{}
	err := k.noted(t.Context(), "read", "a", 0, fmt.Errorf("read a/0 at 5: %w", io.EOF))
	if errors.Is(err, io.EOF) || !errors.Is(err, io.ErrUnexpectedEOF) || !fromBroker(err) {
		t.Errorf("noted(EOF) = %v, want an error of the broker that is no io.EOF", err)
	}
}
