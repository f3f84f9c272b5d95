package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Work that ends within this time shows no progress.
const progressAfter = 2 * time.Second

// progress shows how far long work is: one line that changes on a terminal, a plain line each few seconds elsewhere.
type progress struct {
	w     io.Writer
	tty   bool
	every time.Duration

	mu    sync.Mutex
	label string
	start time.Time
	last  time.Time
	drawn bool
	begun bool
	first int64     // done at the first update, which came at since: the rate is of what was done from there on, so that
	since time.Time // work that goes on where it was stopped does not count what it found
}

func newProgress(w io.Writer, label string) *progress {
	p := &progress{w: w, label: label, start: time.Now(), every: 5 * time.Second}
	if isTerminal(w) {
		p.tty, p.every = true, 200*time.Millisecond
	}
	return p
}

// update may be called as often as the work likes, from any goroutine. total is 0 if it is not known.
func (p *progress) update(done, total int64, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if !p.begun {
		p.begun, p.first, p.since = true, done, now
	}
	if now.Sub(p.start) < progressAfter || now.Sub(p.last) < p.every {
		return
	}
	p.last = now
	line := progressLine(p.label, done, total, done-p.first, now.Sub(p.since), note)
	if p.tty {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		p.drawn = true
	} else {
		fmt.Fprintln(p.w, line)
	}
}

// finish clears the line on a terminal.
func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.drawn = false
	}
}

// progressLine: fresh is what was done in the time that it took.
func progressLine(label string, done, total, fresh int64, took time.Duration, note string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d", label, done)
	if total > 0 {
		fmt.Fprintf(&b, " of %d (%d %%)", total, 100*done/total)
	}
	if fresh > 0 && took > 0 {
		rate := float64(fresh) / took.Seconds()
		if rate < 1000 {
			fmt.Fprintf(&b, ", %.3g/s", rate)
		} else {
			fmt.Fprintf(&b, ", %.0f/s", rate) // not 1.27e+05
		}
		if total > done {
			left := time.Duration(float64(total-done) / rate * float64(time.Second))
			fmt.Fprintf(&b, ", %s left", left.Round(time.Second))
		}
	}
	if note != "" {
		fmt.Fprintf(&b, ", %s", note)
	}
	return b.String()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
