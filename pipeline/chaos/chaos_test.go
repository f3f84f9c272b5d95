package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// TestMain makes the test binary a worker where the program would be one.
func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func needKafka(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("long: runs a real Kafka and kills processes for a minute")
	}
	if err := kafkatest.Missing(); err != nil {
		t.Skip(err)
	}
}

// testWriter makes what is said go into the test's log.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(b), "\n"))
	return len(b), nil
}

func playTest(t *testing.T, s settings) (string, *outcome, error) {
	t.Helper()
	s.dir = t.TempDir()
	line, o, err := run(t.Context(), s, testWriter{t})
	if err != nil && s.broken == "" {
		for _, stage := range chain {
			text, _ := os.ReadFile(filepath.Join(s.dir, stage+".log"))
			t.Logf("%s:\n%s", stage, text[max(0, len(text)-4<<10):])
		}
	}
	return line, o, err
}

// TestChaos makes every kind of fault at least once and counts.
func TestChaos(t *testing.T) {
	needKafka(t)
	s := settings{kills: 2, records: 20000, seed: 11}
	line, o, err := playTest(t, s)
	if err != nil {
		t.Error(err)
	}
	if want := fmt.Sprintf("lost 0, twice 0, out of order 0 of %d records, %d kills", s.records, s.kills); line != want {
		t.Errorf("seed %d: the last line is %q, want %q", s.seed, line, want)
	}
	for kind, n := range map[string]int64{
		"zombies": o.zombies, "cuts": o.cuts, "broker restarts": o.restarts, "old positions": o.rewinds,
	} {
		if n == 0 {
			t.Errorf("seed %d: no %s: the test does not test what it is for", s.seed, kind)
		}
	}
}

// TestCheckerSeesBrokenPromises lets the line break a promise, and wants the run to fail with the right count.
func TestCheckerSeesBrokenPromises(t *testing.T) {
	needKafka(t)
	for _, tt := range []struct {
		broken string
		says   func(tally) bool
	}{
		// A source whose rows move loses some and has others twice, in every topic and the sink.
		{"moving", func(c tally) bool { return c.lost > 0 && c.twice > 0 }},
		{"drop", func(c tally) bool { return c.lost == 1 && c.twice == 0 }},
	} {
		t.Run(tt.broken, func(t *testing.T) {
			line, o, err := playTest(t, settings{records: 5000, seed: 1, broken: tt.broken})
			if err == nil || !tt.says(o.found) || line == "" {
				t.Errorf("%q, %v, want an error and its count in the line", line, err)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []settings{{kills: -1, records: 1000}, {kills: 1, records: 10}, {records: 1000, dir: t.TempDir()}} {
		if line, err := play(context.Background(), s); err == nil || line != "" {
			t.Errorf("play(%+v) = %q, %v, want an error", s, line, err)
		}
	}
}
