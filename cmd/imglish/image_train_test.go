package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// onnxRuntime is where build/onnxruntime/install.sh puts the library.
func onnxRuntime(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../.cache/onnxruntime/libonnxruntime.so")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skip("ONNX Runtime is not there: run build/onnxruntime/install.sh .cache/onnxruntime")
	}
	return path
}

// A small training: a second or two.
const smallTraining = `
side: 32
patch: 8
width: 32
depth: 1
heads: 2
codes: 16
code_dim: 8
steps: 200
batch: 16
micro_batch: 6
views: 40
eval_every: 1000
save_every: 4
min_usage: 0
min_perplexity: 0
min_stability: 0
`

// trainImages is the command of a small training into dir.
func trainImages(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	config := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(config, []byte(smallTraining), 0o600); err != nil {
		t.Fatal(err)
	}
	return self(append([]string{"image", "train", "--out", filepath.Join(dir, "t.safetensors"), "--config", config, "--scenes", "200"}, args...)...)
}

// A training that is killed by SIGKILL and stopped by Ctrl-C, on other numbers of threads each time, writes the bytes of
// one that nobody disturbed. The moments are drawn from a seed that a failure prints.
func TestKilledImageTrainingHasTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program a dozen times")
	}
	for _, teacher := range []string{"colours", "onnx"} {
		t.Run(teacher, func(t *testing.T) {
			var args []string
			if teacher == "onnx" {
				args = []string{"--onnxruntime", onnxRuntime(t), "--teacher", "../../vqkd/teacher/onnx/testdata/tokens.onnx"}
			}
			calm, rough := t.TempDir(), ""
			if out, err := trainImages(t, calm, append(args, "--threads", "1")...).CombinedOutput(); err != nil {
				t.Fatalf("undisturbed: %v\n%s", err, out)
			}
			seed := uint64(time.Now().UnixNano())
			r := rand.New(rand.NewPCG(seed, 0))
			ended, signals := map[os.Signal]int{}, []os.Signal{syscall.SIGKILL, os.Interrupt, syscall.SIGKILL, os.Interrupt}
			// Where the training was through before all signals came, these come too late on this machine: shorter moments.
			for within := 60 * time.Millisecond; ended[syscall.SIGKILL]+ended[os.Interrupt] < len(signals); within /= 2 {
				rough = t.TempDir()
				clear(ended)
				for i, sig := range signals {
					cmd := trainImages(t, rough, append(args, "--threads", fmt.Sprint(1+i%3))...)
					if !endBySignal(t, cmd, filepath.Join(rough, "t.safetensors.state"), sig, time.Duration(r.Int64N(int64(within)+1))) {
						break
					}
					ended[sig]++
				}
			}
			out, err := trainImages(t, rough, append(args, "--threads", "2")...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), "going on behind step") {
				t.Fatalf("seed %d: the last run: %v\n%s", seed, err, out)
			}
			for _, name := range []string{"t.safetensors", "t.safetensors.json"} {
				want, err := os.ReadFile(filepath.Join(calm, name))
				if err != nil {
					t.Fatal(err)
				}
				got, err := os.ReadFile(filepath.Join(rough, name))
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("seed %d, %v: %s differs from that of an undisturbed run", seed, ended, name)
				}
			}
		})
	}
}

// endBySignal starts a training, waits until it has saved its state and for a moment more, and sends it a signal. It says
// whether that ended it.
func endBySignal(t *testing.T, cmd *exec.Cmd, state string, sig os.Signal, moment time.Duration) bool {
	t.Helper()
	modified := func() time.Time {
		st, err := os.Stat(state)
		if err != nil {
			return time.Time{}
		}
		return st.ModTime()
	}
	before := modified()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	saved := time.NewTicker(2 * time.Millisecond)
	defer saved.Stop()
	for modified().Equal(before) {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("a run ended by itself: %v\n%s", err, out.String())
			}
			return false
		case <-saved.C:
		}
	}
	time.Sleep(moment)
	_ = cmd.Process.Signal(sig)
	err := <-done
	if err == nil {
		return false
	}
	if sig == os.Interrupt && (cmd.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(out.String(), "the same command goes on")) {
		t.Fatalf("Ctrl-C: %v\n%s", err, out.String())
	}
	return true
}
