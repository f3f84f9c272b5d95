package pipeline

import (
	"fmt"
	"time"
)

// Work says how the runner drives a stage. The keys stand in the stage's own section of the graph file.
type Work struct {
	// Concurrency is how many Process calls run at once in this process, over all lanes.
	Concurrency int `yaml:"concurrency"`
	// Batch is the most samples that one call gets.
	Batch int `yaml:"batch"`
	// Window is how many records of a lane may be read and not yet written. Work inside it runs in parallel and is
	// written in order: lanes × window should exceed rate × deadline, else one slow sample holds up the rest.
	Window int `yaml:"window"`
	// WindowMB bounds the same window by the size of its records, in MiB.
	WindowMB int `yaml:"window_mb"`
	// Deadline is the time that a sample may take, retries included. A batch has it once for each of its samples.
	Deadline time.Duration `yaml:"deadline"`
	// Retries is how often a sample whose skip may pass, or whose batch failed, is tried again.
	Retries int `yaml:"retries"`
	// Backoff is the pause before the first retry; it doubles with each.
	Backoff time.Duration `yaml:"backoff"`
}

// DefaultWork drives a stage whose builder and section say nothing.
func DefaultWork() Work {
	return Work{
		Concurrency: 2,                // the smallest machine of interest has two cores
		Batch:       16,               // pays off where a stage crosses into C once a batch
		Window:      256,              // samples that wait for work have no need of more
		WindowMB:    16,               // views are tens of KiB each
		Deadline:    30 * time.Second, // longer than any host that is worth waiting for
		Retries:     3,                // with the backoff below the last try comes 3.5 s after the first
		Backoff:     500 * time.Millisecond,
	}
}

// over fills in the settings that w leaves at 0 from the defaults.
func (w Work) over(d Work) Work {
	if w.Concurrency == 0 {
		w.Concurrency = d.Concurrency
	}
	if w.Batch == 0 {
		w.Batch = d.Batch
	}
	if w.Window == 0 {
		w.Window = d.Window
	}
	if w.WindowMB == 0 {
		w.WindowMB = d.WindowMB
	}
	if w.Deadline == 0 {
		w.Deadline = d.Deadline
	}
	if w.Retries == 0 {
		w.Retries = d.Retries
	}
	if w.Backoff == 0 {
		w.Backoff = d.Backoff
	}
	return w
}

// patience is how long a batch may be in work by the settings: the deadline of each of its samples. It is doubled: the
// last try may begin just before the end.
func (w Work) patience() time.Duration {
	return 2 * time.Duration(max(1, w.Batch)) * w.Deadline
}

// Validate says what is wrong with the settings.
func (w Work) Validate() error {
	for _, c := range []struct {
		name    string
		v, a, b int
	}{
		{"concurrency", w.Concurrency, 1, 10000},
		{"batch", w.Batch, 1, 100000},
		{"window", w.Window, 1, 1000000},
		{"window_mb", w.WindowMB, 1, 100000},
		{"retries", w.Retries, 0, 100},
	} {
		if c.v < c.a || c.v > c.b {
			return fmt.Errorf("%s: %d, want %d to %d", c.name, c.v, c.a, c.b)
		}
	}
	if w.Deadline <= 0 {
		return fmt.Errorf("deadline: %s, want more than 0", w.Deadline)
	}
	if w.Backoff < 0 {
		return fmt.Errorf("backoff: %s, want 0 or more", w.Backoff)
	}
	return nil
}
