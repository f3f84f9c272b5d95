package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// start measures how long a line on the embedded broker takes from its process's start to the first record in a stage,
// with a log of about 300 MB in the data folder.
func start(ctx context.Context, h *host) error {
	r := role{
		Dir: filepath.Join(h.dir, "start"), Line: "start", Lanes: h.lanes, Stage: "pass", Run: []string{"source", "pass"},
		Records: 2_000_000, Bytes: 1 << 10, LogMB: 440,
	}
	cmd, err := r.command(ctx)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	// The stage goes on until half of its topic is full; nobody reads that.
	size, stable := int64(0), time.Now()
	for time.Since(stable) < 3*time.Second {
		time.Sleep(100 * time.Millisecond)
		if n := treeSize(r.Dir); n != size {
			size, stable = n, time.Now()
		}
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait() // it was told to stop
	var took []float64
	for round := range h.rounds {
		r.First = true
		cmd, err := r.command(ctx)
		if err != nil {
			return err
		}
		began := time.Now()
		if _, err := firstLine(cmd); err != nil {
			return err
		}
		took = append(took, time.Since(began).Seconds())
		_ = cmd.Process.Kill() // so the next one starts behind a crash
		_ = cmd.Wait()
		fmt.Fprintf(os.Stderr, "bench: round %d of %d: %.2f s\n", round+1, h.rounds, took[round])
	}
	fmt.Printf("Start to the first record in a stage, embedded log of %.0f MB, behind a kill, %d rounds: %.2f s (%.2f-%.2f)\n\n",
		float64(treeSize(r.Dir))/1e6, h.rounds, median(took), slices.Min(took), slices.Max(took))
	return nil
}

func treeSize(dir string) int64 {
	n := int64(0)
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // files come and go
		}
		if info, err := d.Info(); err == nil {
			n += info.Size()
		}
		return nil
	})
	return n
}
