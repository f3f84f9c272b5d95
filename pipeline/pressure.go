package pipeline

import (
	"sync"
	"time"
)

// pressure adds up how long writers of this process have waited for room, by segment. All methods may be called on nil.
type pressure struct {
	mu     sync.Mutex
	waited map[string]time.Duration // waits that are over
	since  map[workLane]time.Time   // those that are not
}

func newPressure() *pressure {
	return &pressure{waited: map[string]time.Duration{}, since: map[workLane]time.Time{}}
}

// begin notes a wait; end ends it.
func (p *pressure) begin(at workLane) (end func()) {
	if p == nil {
		return func() {}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	start := time.Now()
	p.since[at] = start
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.since, at)
		p.waited[at.segment] += time.Since(start)
	}
}

// of is how long the lanes of a segment have waited, all together.
func (p *pressure) of(segment string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.waited[segment]
	for at, start := range p.since {
		if at.segment == segment {
			sum += max(0, now.Sub(start))
		}
	}
	return sum
}
