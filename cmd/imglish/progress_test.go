package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	for _, tt := range []struct {
		done, total, fresh int64
		took               time.Duration
		note, want         string
	}{
		{50, 200, 50, 10 * time.Second, "3 skipped", "fetch: 50 of 200 (25 %), 5/s, 30s left, 3 skipped"},
		{50, 0, 50, 10 * time.Second, "", "fetch: 50, 5/s"},
		{1234567, 0, 1234567, 10 * time.Second, "", "fetch: 1234567, 123457/s"},
		{0, 200, 0, 10 * time.Second, "", "fetch: 0 of 200 (0 %)"},
		{200, 200, 200, 10 * time.Second, "", "fetch: 200 of 200 (100 %), 20/s"},
		{150, 200, 50, 10 * time.Second, "", "fetch: 150 of 200 (75 %), 5/s, 10s left"}, // 100 were there before
	} {
		if got := progressLine("fetch", tt.done, tt.total, tt.fresh, tt.took, tt.note); got != tt.want {
			t.Errorf("progressLine(%d of %d in %s) = %q, want %q", tt.done, tt.total, tt.took, got, tt.want)
		}
	}
}

// Work that goes on behind an earlier run has the rate of what it does itself.
func TestProgressOfResumedWork(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "train")
	p.update(501, 600, "")
	p.start, p.since = time.Now().Add(-10*time.Second), time.Now().Add(-10*time.Second)
	p.update(506, 600, "")
	if want := "train: 506 of 600 (84 %), 0."; !strings.HasPrefix(out.String(), want) { // 5 in 10 seconds or a little more
		t.Errorf("line %q, want one that begins %q", out.String(), want)
	}
}

func TestProgressIsQuietForShortWork(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, "fetch")
	p.start, p.every = time.Now().Add(time.Hour), time.Hour // however long this process is held up
	p.update(1, 2, "")
	if out.Len() > 0 {
		t.Errorf("after no time: %q, want nothing", out.String())
	}
	p.start = time.Now().Add(-10 * time.Second)
	p.update(1, 2, "")
	p.update(2, 2, "")
	p.finish()
	if got := strings.Count(out.String(), "\n"); got != 1 {
		t.Errorf("two updates at once printed %d lines, want 1: %q", got, out.String())
	}
}
