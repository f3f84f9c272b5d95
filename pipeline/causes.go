package pipeline

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"
)

// causes knows why lanes of this process stand still. It writes that down on the broker, as notes of a group without
// members, so that `imglish status` can say it from any machine; what moves again is wiped out. All methods may be called
// on nil.
type causes struct {
	mu   sync.Mutex
	of   map[workLane]Cause
	told map[workLane]string // what the broker has been told, "" behind a wipe
}

// workLane is a segment's work on a lane.
type workLane struct {
	segment string
	lane    int
}

// Cause is why a lane stands still, as the process says that works on it.
type Cause struct {
	Kind  string    `json:"kind"` // "retry", "room", "sample" or "source"
	Text  string    `json:"text"`
	Since time.Time `json:"since"` // by that process's clock
}

const (
	causeRetry  = "retry"  // an error, and what it did is tried again
	causeRoom   = "room"   // the next stage is behind, and the topic is full
	causeSample = "sample" // everything waits for one slow sample
	causeSource = "source" // the source gives no row

	causePause = time.Second     // between two looks whether the broker must be told
	roomAfter  = 2 * time.Second // when a wait counts as standing still
	stallAfter = 5 * time.Second // the same for one sample, or one row of a source
	maxCause   = 600             // bytes of a text
)

func newCauses() *causes {
	return &causes{of: map[workLane]Cause{}, told: map[workLane]string{}}
}

// CauseKinds are the values of Cause.Kind.
func CauseKinds() []string { return []string{causeRetry, causeRoom, causeSample, causeSource} }

// begin makes sure that what a process before may have left is wiped out.
func (c *causes) begin(at workLane) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[at] = "unknown"
}

func (c *causes) set(at workLane, kind, text string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setLocked(at, kind, text)
}

func (c *causes) setLocked(at workLane, kind, text string) {
	if len(text) > maxCause {
		text = text[:maxCause]
	}
	was := c.of[at]
	if was.Kind != kind {
		was.Since = time.Now().UTC()
	}
	c.of[at] = Cause{Kind: kind, Text: text, Since: was.Since}
}

// at is why a lane stands still now; ok is false if it does not.
func (c *causes) at(lane workLane) (cause Cause, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cause, ok = c.of[lane]
	return cause, ok
}

// clear forgets a cause of a kind.
func (c *causes) clear(at workLane, kind string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[at].Kind == kind {
		delete(c.of, at)
	}
}

// after sets a cause if the end that it returns is not called within limit; end clears it.
func (c *causes) after(at workLane, limit time.Duration, kind string, text func() string) (end func()) {
	if c == nil {
		return func() {}
	}
	ended := false
	t := time.AfterFunc(limit, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !ended {
			c.setLocked(at, kind, text())
		}
	})
	return func() {
		t.Stop()
		c.mu.Lock()
		defer c.mu.Unlock()
		ended = true
		if c.of[at].Kind == kind {
			delete(c.of, at)
		}
	}
}

// changed returns what the broker has not been told yet.
func (c *causes) changed(all bool) map[workLane]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := map[workLane]string{}
	for at := range c.told {
		now[at] = ""
	}
	if !all {
		for at, x := range c.of {
			// A text has no field that cannot be encoded.
			text, _ := json.Marshal(x)
			now[at] = string(text)
		}
	}
	maps.DeleteFunc(now, func(at workLane, text string) bool { return c.told[at] == text })
	return now
}

// noteTopic is the topic under whose partitions a segment's notes stand.
func noteTopic(s Segment) string {
	if s.Input == "" {
		return s.Output
	}
	return s.Input
}

func (k *kafkaLog) causeGroup(segment string) string { return k.line + "." + segment + ".cause" }

// tell writes to the broker what has changed. With wipe nothing stands still any more: the process ends.
func (c *causes) tell(ctx context.Context, log *kafkaLog, segments []Segment, wipe bool) error {
	changed := c.changed(wipe)
	for _, s := range segments {
		notes := map[topicLane]note{}
		for at, text := range changed {
			if at.segment == s.Name() {
				notes[topicLane{noteTopic(s), at.lane}] = note{0, text}
			}
		}
		if len(notes) == 0 {
			continue
		}
		if err := log.saveNotes(ctx, log.causeGroup(s.Name()), notes); err != nil {
			return err
		}
		c.mu.Lock()
		for tl, n := range notes {
			c.told[workLane{s.Name(), tl.lane}] = n.text
		}
		c.mu.Unlock()
	}
	return nil
}

// causes reads what processes have said of a segment's lanes.
func (k *kafkaLog) causes(ctx context.Context, s Segment, lanes int) (map[int]Cause, error) {
	var of []topicLane
	for n := range lanes {
		of = append(of, topicLane{noteTopic(s), n})
	}
	notes, err := k.savedNotes(ctx, k.causeGroup(s.Name()), of)
	if err != nil {
		return nil, err
	}
	out := map[int]Cause{}
	for tl, n := range notes {
		var x Cause
		if json.Unmarshal([]byte(n.text), &x) == nil && x.Kind != "" {
			out[tl.lane] = x
		}
	}
	return out, nil
}
