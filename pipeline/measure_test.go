package pipeline

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestPressure(t *testing.T) {
	p := newPressure()
	over := p.begin(workLane{"a", 0})
	p.begin(workLane{"b", 0})
	if d := p.of("a", time.Now().Add(time.Minute)); d < time.Minute || d > 2*time.Minute {
		t.Errorf("a wait that goes on: %s a minute later", d)
	}
	over()
	if d := p.of("a", time.Now().Add(time.Hour)); d > time.Minute {
		t.Errorf("a wait that is over: %s an hour later", d)
	}
}

func TestHistogram(t *testing.T) {
	var h Histogram
	h.observe(100*time.Microsecond, 1) // a bound belongs to its bucket
	h.observe(3*time.Millisecond, 4)
	h.observe(time.Hour, 1)
	c := h.Cumulative()
	if h.Count() != 6 || h.Sum() != time.Hour+12100*time.Microsecond {
		t.Errorf("count %d, sum %s", h.Count(), h.Sum())
	}
	for le, want := range map[float64]uint64{0.0001: 1, 0.0025: 1, 0.005: 5, 30: 5} {
		if c[le] != want {
			t.Errorf("at most %g s: %d, want %d", le, c[le], want)
		}
	}
	if len(c) != len(latencyBounds) {
		t.Errorf("%d buckets, want %d", len(c), len(latencyBounds))
	}
}

// oneTopic is a log whose reads and writes give what the test says.
type oneTopic struct {
	lanelog
	entries []entry
	err     error
}

func (o *oneTopic) read(context.Context, string, int, int64, time.Duration) (chunk, error) {
	return chunk{entries: o.entries}, o.err
}

func (o *oneTopic) write(context.Context, string, int, []value) (int64, error) { return 0, o.err }

func TestMeasuredLog(t *testing.T) {
	o := &oneTopic{}
	m := newMeasuredLog(o)
	m.read(t.Context(), "t", 0, 0, 0) // nothing there: not counted
	o.entries = []entry{{0, make([]byte, 10), nil}, {1, make([]byte, 5), nil}}
	m.read(t.Context(), "t", 0, 0, 0)
	m.write(t.Context(), "t", 1, whole(make([]byte, 7)))
	o.err = errors.New("away")
	m.write(t.Context(), "t", 1, whole(make([]byte, 7)))
	stopped, stop := context.WithCancel(t.Context())
	stop()
	m.write(stopped, "t", 1, nil)
	s := m.states()
	if len(s) != 2 || s[0].Operation != "fetch" || s[1].Operation != "produce" {
		t.Fatalf("states %+v", s)
	}
	if f := s[0]; f.Records != 2 || f.Bytes != 15 || f.Errors != 0 || f.Latency.Count() != 1 {
		t.Errorf("fetch %+v", f)
	}
	if p := s[1]; p.Records != 1 || p.Bytes != 7 || p.Errors != 1 || p.Latency.Count() != 1 {
		t.Errorf("produce %+v", p)
	}
}

// What counting costs: a request to the log, and a call of a stage. Both stand beside work of tens of microseconds at
// the least.
func BenchmarkMeasure(b *testing.B) {
	b.Run("request", func(b *testing.B) {
		o := &oneTopic{entries: make([]entry, 64)}
		m := newMeasuredLog(o)
		b.ReportAllocs()
		for b.Loop() {
			m.read(b.Context(), "t", 0, 0, 0)
		}
	})
	b.Run("call", func(b *testing.B) {
		c := newCounter("a")
		b.ReportAllocs()
		for b.Loop() {
			began := time.Now()
			c.busy(time.Since(began), 16)
		}
	})
}
