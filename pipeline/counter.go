package pipeline

import (
	"maps"
	"sync"
	"time"
)

// counter counts what one stage does in this process.
type counter struct {
	mu sync.Mutex
	s  StageState
}

func newCounter(stage string) *counter {
	return &counter{s: StageState{Stage: stage, Skipped: map[string]int64{}}}
}

// took counts a sample that is decided. skip is the stage's if it is the last one that the sample came to.
func (c *counter) took(skip *Skip, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.In++
	if skip != nil && last {
		c.s.Skipped[skip.Reason]++
	} else {
		c.s.Out++
	}
}

func (c *counter) retried() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Retries++
}

func (c *counter) busy(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Busy += d
}

func (c *counter) wrote(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Bytes += bytes
}

func (c *counter) state() StageState {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Skipped = maps.Clone(s.Skipped)
	return s
}
