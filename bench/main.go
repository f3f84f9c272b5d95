package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// comparison is one table: what is measured beside what.
type comparison struct {
	name, about string
	run         func(ctx context.Context, h *host) error
	alone       bool // it needs no Kafka
}

var comparisons = append([]comparison{
	{"pass-1k", "a stage that passes records on, Kafka to Kafka, 1 KiB", passThrough(1<<10, 1_000_000), false},
	{"pass-150k", "the same, 150 KiB", passThrough(150<<10, 10_000), false},
	{"log-1k", "the embedded log beside Kafka's, without syncs and with one a request, 1 KiB", embeddedLog(1<<10, 256, 256*4*150), false},
	{"log-150k", "the same, 150 KiB", embeddedLog(150<<10, 6, 6*4*150), false},
	{"start", "start to first record with an embedded log of 300 MB", start, false},
	{"rebalance", "processes of a line join, stop and are killed under load: how long lanes stand still", rebalance, false},
	{"text", "text to ids: ours, Google's SentencePiece and Hugging Face's tokenizers", texts, true},
	{"resize", "the exact resampler and Pillow", resizes, true},
	{"stage", "stored views to visual words by the stage, and what bounds it", stage, true},
}, visionCells()...)

func main() {
	if role := os.Getenv(childVariable); role != "" {
		exit(runChild(role))
	}
	if paths := os.Getenv(textVariable); paths != "" {
		exit(encodeTexts(paths))
	}
	if task := os.Getenv(visionVariable); task != "" {
		exit(encodePictures(task))
	}
	if task := os.Getenv(resizeVariable); task != "" {
		exit(resizePicture(task))
	}
	rounds := flag.Int("rounds", 5, "how often each contestant runs; medians are shown")
	lanes := flag.Int("lanes", 4, "partitions")
	cache := flag.String("cache", ".cache/bench", "where peers are installed")
	only := flag.String("only", "", "contestants to run, comma-separated; empty: all")
	isa := flag.String("isa", "best", "best, or avx2: what ours and those peers that can be told may use, for pictures")
	profile := flag.String("profile", "", "folder for CPU profiles of our processes")
	flag.Usage = usage
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, &host{rounds: *rounds, lanes: *lanes, cache: *cache, only: *only, profile: *profile, isa: *isa}, flag.Args()))
}

func usage() {
	fmt.Fprintf(os.Stderr, "usage: go run ./bench [flags] [comparison …]\n\n")
	for _, c := range comparisons {
		fmt.Fprintf(os.Stderr, "  %-12s %s\n", c.name, c.about)
	}
	fmt.Fprintln(os.Stderr)
	flag.PrintDefaults()
}

func exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "error:", err)
	os.Exit(1)
}

func run(ctx context.Context, h *host, names []string) (err error) {
	var chosen []comparison
	for _, c := range comparisons {
		if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(c.name, n) }) {
			chosen = append(chosen, c)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no comparison is named %v: see go run ./bench -h", names)
	}
	alone := !slices.ContainsFunc(chosen, func(c comparison) bool { return !c.alone })
	if err := h.open(ctx, alone); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	h.describe(os.Stdout, alone)
	for _, c := range chosen {
		fmt.Fprintf(os.Stderr, "bench: %s: %s\n", c.name, c.about)
		if err := c.run(ctx, h); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}
