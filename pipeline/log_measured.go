package pipeline

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// measuredLog counts what the lanes of this process read from the log and write to it. One request carries many records,
// so a lock a request is nothing beside it.
type measuredLog struct {
	lanelog

	mu    sync.Mutex
	state map[logUse]*LogState
}

type logUse struct{ topic, operation string }

func newMeasuredLog(l lanelog) *measuredLog {
	return &measuredLog{lanelog: l, state: map[logUse]*LogState{}}
}

func (m *measuredLog) read(ctx context.Context, topic string, lane int, offset int64, wait time.Duration) (chunk, error) {
	began := time.Now()
	c, err := m.lanelog.read(ctx, topic, lane, offset, wait)
	if err == nil && len(c.entries) == 0 {
		return c, nil // the end of the log was waited at: that says nothing of the broker
	}
	bytes := 0
	for _, e := range c.entries {
		bytes += len(e.value)
	}
	m.count(ctx, topic, "fetch", len(c.entries), bytes, time.Since(began), err)
	return c, err
}

func (m *measuredLog) write(ctx context.Context, topic string, lane int, values []value) (int64, error) {
	began := time.Now()
	base, err := m.lanelog.write(ctx, topic, lane, values)
	bytes := 0
	for _, v := range values {
		bytes += v.size()
	}
	m.count(ctx, topic, "produce", len(values), bytes, time.Since(began), err)
	return base, err
}

func (m *measuredLog) count(ctx context.Context, topic, operation string, records, bytes int, took time.Duration, err error) {
	if ctx.Err() != nil {
		return // told to stop: no fault of the log
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	use := logUse{topic, operation}
	s := m.state[use]
	if s == nil {
		s = &LogState{Topic: topic, Operation: operation}
		m.state[use] = s
	}
	if err != nil {
		s.Errors++
		return
	}
	s.Records += int64(records)
	s.Bytes += int64(bytes)
	s.Latency.observe(took, 1)
}

// states returns the counts by topic and operation.
func (m *measuredLog) states() []LogState {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]LogState, 0, len(m.state))
	for _, s := range m.state {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b LogState) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Operation, b.Operation))
	})
	return out
}
