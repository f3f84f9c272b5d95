// Command chaos runs a line of three stages, with a source and a sink, over a real Apache Kafka; kills its processes
// again and again, stops some for longer than their session, cuts their connections, restarts the broker, and puts old
// positions in the place of new ones. Then it counts, from the records of the sink and of every topic, what is lost, what
// is there twice and what is out of order. The last line on stdout says so:
//
//	lost 0, twice 0, out of order 0 of 500000 records, 200 kills
//
// The kills are those of the stage that had the least. The exit code is 1 if a number in front is not 0, or if a stage
// has read another record than the one that counts. docs/exactly-once.md says what this shows.
//
// The workers are processes of this same program, one or more for each stage; proxy.go stands between them and the
// broker. Start with run.go; faults.go is the schedule, tail.go and audit.go are the checker, which uses nothing of the
// engine but the format of a record.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if text := os.Getenv(workerVariable); text != "" {
		if err := runWorker(text); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	var s settings
	flag.IntVar(&s.kills, "kills", 200, "SIGKILLs of each stage")
	flag.IntVar(&s.records, "records", 500000, "records of all sources")
	flag.Uint64Var(&s.seed, "seed", 0, "of the schedule; 0 draws one")
	flag.StringVar(&s.dir, "dir", "", "folder for the broker, the logs and the sink, kept; default: a temporary one, kept if the run fails")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(command(ctx, s))
}

// command runs the test, prints its last line, and returns the exit code.
func command(ctx context.Context, s settings) int {
	line, err := play(ctx, s)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	if line != "" {
		fmt.Println(line)
	}
	if err != nil {
		return 1
	}
	return 0
}

// play checks the settings and runs the test in its folder.
func play(ctx context.Context, s settings) (line string, err error) {
	switch {
	case s.kills < 0 || s.kills > 100000:
		return "", fmt.Errorf("kills: %d, want 0 to 100000", s.kills)
	case s.records < 100 || s.records > 100e6:
		return "", fmt.Errorf("records: %d, want 100 to 100000000", s.records)
	}
	if s.seed == 0 {
		s.seed = rand.Uint64N(1e9) + 1
	}
	kept := s.dir != ""
	if kept {
		if err := os.Mkdir(s.dir, 0o755); errors.Is(err, os.ErrExist) {
			return "", fmt.Errorf("%s exists: name a new folder", s.dir)
		} else if err != nil {
			return "", err
		}
	} else if s.dir, err = os.MkdirTemp("", "imglish-chaos-"); err != nil {
		return "", err
	}
	line, _, err = run(ctx, s, os.Stderr)
	if err != nil && ctx.Err() == nil {
		return line, fmt.Errorf("%w (the sink and the logs of all workers stand in %s)", err, s.dir)
	}
	if !kept {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return line, err
}
