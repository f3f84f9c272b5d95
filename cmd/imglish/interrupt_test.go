package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Only commands that go on where they were say so.
func TestInterruptedCommandsPromiseNoMoreThanTheyDo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"image", "codes", "--tokenizer", imageData + "vqkd_tiny.pth", "--heads", "3", imageFiles + "v-224.jpg"}, "interrupted\n"},
		{[]string{"image", "train", "--out", filepath.Join(dir, "t"), "--scenes", "9", "--side", "32", "--codes", "2", "--width", "8"}, "interrupted: the same command goes on"},
	} {
		var out, errs bytes.Buffer
		if code := execute(ctx, tt.args, &out, &errs); code != exitInterrupted || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%v: exit code %d without %q: %s", tt.args, code, tt.want, errs.String())
		}
	}
}

// A command that waits for a pipe which nobody writes to ends at the second Ctrl-C.
func TestSecondInterruptEndsAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for more than a second")
	}
	pipe := filepath.Join(t.TempDir(), "pipe.jpg")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	cmd := self("image", "codes", "--tokenizer", imageData+"vqkd_tiny.pth", "--heads", "3", pipe)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	deadline := time.After(time.Minute)
	for reads := false; !reads; { // a pipe takes a writer that does not wait only where somebody reads
		w, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if reads = err == nil; reads {
			defer w.Close()
		}
		select {
		case <-ended:
			t.Fatalf("it reads nothing: %v", cmd.ProcessState)
		case <-deadline:
			_ = cmd.Process.Kill()
			t.Fatal("it reads nothing")
		case <-time.After(time.Millisecond):
		}
	}
	for again := time.NewTicker(300 * time.Millisecond); ; {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
			if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGINT {
				t.Errorf("it ended by %v", cmd.ProcessState)
			}
			return
		case <-again.C:
		case <-deadline:
			_ = cmd.Process.Kill()
			t.Fatal("Ctrl-C again and again ends nothing")
		}
	}
}

// A flag that is missing is a wrong command line.
func TestMissingFlagIsWrongUsage(t *testing.T) {
	if code, _, errs := imglish(t, "image", "codes", "photo.jpg"); code != exitUsage || !strings.Contains(errs, `required flag(s) "tokenizer" not set`) {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// The result of a training is renamed to its name: a device must not be replaced by it.
func TestTrainingReplacesNoDevice(t *testing.T) {
	for _, args := range [][]string{{"image", "train", "--scenes", "9"}, {"text", "train", "texts.txt"}} {
		link := filepath.Join(t.TempDir(), "null")
		if err := os.Symlink(os.DevNull, link); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := imglish(t, append(args, "--out", link)...); code != exitUsage || !strings.Contains(errs, "no ordinary file") {
			t.Errorf("%v: exit code %d: %s", args, code, errs)
		}
	}
}
