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

const (
	// maxReasons bounds what is counted by reason. The stages know about 120 words, half of them HTTP statuses with a
	// name; a stage that lets a host make up reasons breaks its contract, and must not cost memory and series for it.
	maxReasons = 200
	// otherReason counts what comes beyond that.
	otherReason = "other"
)

// took counts a sample that is decided. skip is the stage's if it is the last one that the sample came to.
func (c *counter) took(skip *Skip, last bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.In++
	if skip != nil && last {
		reason := skip.Reason
		if _, known := c.s.Skipped[reason]; !known && len(c.s.Skipped) >= maxReasons {
			reason = otherReason
		}
		c.s.Skipped[reason]++
	} else {
		c.s.Out++
	}
}

func (c *counter) retried() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Retries++
}

// busy counts a call of Process with n samples.
func (c *counter) busy(d time.Duration, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.Busy += d
	c.s.Latency.observe(d/time.Duration(n), int64(n))
}

// read counts the records that a segment takes in.
func (c *counter) read(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.s.BytesIn += bytes
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
