package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

// The demo's line is killed at ten random moments and then let finish: its shards must have the bytes of a line that
// nobody disturbed. The moments are drawn from a seed that a failure prints.
func TestKilledLineHasTheSameShards(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program a dozen times")
	}
	const kills = 10
	port := freePort(t)
	calm := filepath.Join(t.TempDir(), "calm")

	start := time.Now()
	if out, err := demoLine(calm, port).CombinedOutput(); err != nil {
		t.Fatalf("undisturbed: %v\n%s", err, out)
	}
	whole := time.Since(start)

	seed := uint64(time.Now().UnixNano())
	// Short enough that ten of them do not see the line through, long enough that most get to work.
	within, rough, cut := whole*3/10, "", 0
	for r := rand.New(rand.NewPCG(seed, 0)); cut < kills/2; within /= 2 {
		rough = filepath.Join(t.TempDir(), "rough")
		cut, _ = killAtRandom(t, seed, r, kills, within, func() *exec.Cmd { return demoLine(rough, port) })
	}
	if out, err := demoLine(rough, port).CombinedOutput(); err != nil {
		t.Fatalf("seed %d: the last run, behind %d kills: %v\n%s", seed, cut, err, out)
	}
	want, got := shardHashes(t, calm), shardHashes(t, rough)
	if len(want) < 4 {
		t.Fatalf("the undisturbed line wrote %d shards", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("seed %d: shards behind %d kills differ (-undisturbed +killed):\n%s", seed, cut, diff)
	}
	t.Logf("%d kills, %d shards, an undisturbed run takes %s", cut, len(want), whole.Round(time.Millisecond))

	if out, err := self("shards", "verify", rough).CombinedOutput(); err != nil {
		t.Errorf("shards verify: %v\n%s", err, out)
	}
}

// killAtRandom starts a line so many times and kills it each time at a moment drawn from r, and returns how often that came
// before the line's end, and what the line said. Where most moments come too late, which depends on the machine and what
// else it does, nothing is shown: then the caller tries again with shorter ones.
func killAtRandom(t *testing.T, seed uint64, r *rand.Rand, times int, within time.Duration, line func() *exec.Cmd) (cut int, said []byte) {
	t.Helper()
	var out bytes.Buffer
	for range times {
		cmd := line()
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-time.After(time.Duration(r.Float64() * float64(within))):
			_ = cmd.Process.Signal(syscall.SIGKILL)
			if err := <-done; err != nil {
				cut++
			}
		case err := <-done:
			if err != nil {
				t.Fatalf("seed %d: a run ended by itself: %v\n%s", seed, err, out.String())
			}
		}
	}
	return cut, out.Bytes()
}

// demoLine is the demo's line over about 200 samples, without training.
func demoLine(dir string, port int) *exec.Cmd {
	return self("demo", "--dir", dir, "--photos", "", "--samples", "200", "--no-train", "--port", strconv.Itoa(port))
}

// self starts this test binary as the program.
func self(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

func freePort(t *testing.T) int {
	t.Helper()
	port, err := kafkatest.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// shardHashes maps each Parquet file that a commit names to its SHA-256.
func shardHashes(t *testing.T, dir string) map[string]string {
	t.Helper()
	commits, err := filepath.Glob(filepath.Join(dir, "commits", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, c := range commits {
		data, err := os.ReadFile(c)
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(data), `"`) {
			if strings.HasSuffix(part, ".parquet") {
				named[part] = true
			}
		}
	}
	out := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(named)) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(key)))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		out[key] = hex.EncodeToString(sum[:])
	}
	return out
}

// Ctrl-C ends the line, with exit code 130, and the same command goes on.
func TestInterruptedLineGoesOn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program")
	}
	dir, port := filepath.Join(t.TempDir(), "line"), freePort(t)
	cmd := demoLine(dir, port)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitForCommit(t, dir)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	hangs := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	hangs.Stop()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted && code != 0 {
		t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, out.String())
	}
	if out, err := demoLine(dir, port).CombinedOutput(); err != nil {
		t.Fatalf("the same command again: %v\n%s", err, out)
	}
	if out, err := self("shards", "verify", dir).CombinedOutput(); err != nil {
		t.Errorf("shards verify: %v\n%s", err, out)
	}
}

// waitForCommit waits until the line has written something for good.
func waitForCommit(t *testing.T, dir string) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		entries, err := os.ReadDir(filepath.Join(dir, "commits"))
		if err == nil && len(entries) > 0 {
			return
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("no commit in %s", dir)
}
