package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/audit/dead"
	"github.com/imglish/imglish/pipeline"
)

func newDeadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "List what was skipped and why, and have it taken once more",
		Long: `What a line cannot use it skips, with the stage and the reason; nothing is lost. These commands list the skips of a
line, tell what happened to one, and have the line take samples once more when what was in the way is gone.`,
		Example: "  imglish dead list data\n  imglish dead show data 3:1017\n  imglish dead replay graph.yaml --retryable --yes",
	}
	cmd.AddCommand(newDeadListCommand(), newDeadShowCommand(), newDeadReplayCommand())
	return cmd
}

// skipFlags are the flags that say which skips are meant.
type skipFlags struct {
	dead.Filter
	fates        []string
	since, until string
}

func (o *skipFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.Stages, "stage", nil, "only these stages, such as fetch or source; * and ? stand for any characters")
	f.StringSliceVar(&o.Reasons, "reason", nil, "only these reasons, such as http-404 or http-5*")
	f.StringSliceVar(&o.Sources, "source", nil, "only these sources of the graph; replay for what was skipped again")
	f.StringVar(&o.since, "since", "", "only what was committed from then on: a date, a time as 2026-01-31T12:00:00Z, or 36h for so long ago")
	f.StringVar(&o.until, "until", "", "only what was committed before")
	f.BoolVar(&o.Retryable, "retryable", false, "only where the reason may pass, such as a host that was away")
}

// filter reads the flags.
func (o *skipFlags) filter() (dead.Filter, error) {
	f := o.Filter
	var err error
	if f.Since, err = parseWhen("since", o.since); err != nil {
		return f, err
	}
	if f.Until, err = parseWhen("until", o.until); err != nil {
		return f, err
	}
	for _, fate := range o.fates {
		at := slices.IndexFunc(dead.Fates, func(d dead.Fate) bool { return strings.ReplaceAll(string(d), " ", "-") == fate })
		if at < 0 {
			return f, usageError{fmt.Errorf("--fate %q: want open, under-way, recovered or failed-again", fate)}
		}
		f.Fates = append(f.Fates, dead.Fates[at])
	}
	if err := f.Validate(); err != nil {
		return f, usageError{err}
	}
	return f, nil
}

// parseWhen reads a time: a date, a time, or a duration before now.
func parseWhen(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("--%s %q: want a date such as 2026-01-31, a time such as 2026-01-31T12:00:00Z (UTC), or a duration such as 36h", flag, text)}
}

// openDead opens the skips of a data folder, of a URL, or of the line that a graph file describes. cfg is nil without a
// graph file.
func openDead(ctx context.Context, where string) (l *dead.Letters, cfg *pipeline.Config, err error) {
	if info, e := os.Stat(where); e == nil && info.Mode().IsRegular() {
		if cfg, err = pipeline.Load(where, builders()); err != nil {
			return nil, nil, err
		}
		where = cfg.StoreURL()
	}
	st, err := openStore(ctx, where)
	if err != nil {
		return nil, nil, err
	}
	l, err = dead.Open(ctx, st)
	return l, cfg, err
}
