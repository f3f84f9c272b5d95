package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// brokenVariable makes the test binary the program, with a line that breaks a promise.
const brokenVariable = "IMGLISH_CHAOS_TEST_BROKEN"

// TestMain makes the test binary a worker where the program would be one.
func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		main()
		return
	}
	if how := os.Getenv(brokenVariable); how != "" {
		dir := filepath.Join(os.Getenv("IMGLISH_CHAOS_TEST_DIR"), how)
		os.Exit(command(context.Background(), settings{records: 5000, seed: 1, dir: dir, broken: how}))
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
	if err != nil {
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

// TestCheckerSeesBrokenPromises lets the line break a promise, and wants the program to say so in its last line and to
// exit with 1.
func TestCheckerSeesBrokenPromises(t *testing.T) {
	needKafka(t)
	for _, tt := range []struct{ broken, want string }{
		// A source whose rows move loses some and has others twice, in every topic and the sink.
		{"moving", `^lost [1-9]\d*, twice [1-9]\d*, out of order \d+ of 5000 records, 0 kills$`},
		{"drop", `^lost 1, twice 0, out of order 0 of 5000 records, 0 kills$`},
	} {
		t.Run(tt.broken, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), brokenVariable+"="+tt.broken, "IMGLISH_CHAOS_TEST_DIR="+t.TempDir())
			cmd.Stderr = testWriter{t}
			out, err := cmd.Output()
			if cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("exit code %d (%v), want 1", cmd.ProcessState.ExitCode(), err)
			}
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			if last := lines[len(lines)-1]; !regexp.MustCompile(tt.want).MatchString(last) {
				t.Errorf("the last line is %q, want one like %s", last, tt.want)
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
