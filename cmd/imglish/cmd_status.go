package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/shard"
	"github.com/imglish/imglish/store/shards"
)

type statusOptions struct {
	json, watch, lanes bool
	over               time.Duration
}

func newStatusCommand() *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status GRAPH",
		Short: "Show how far a line is, who works on it, and which lanes stand still and why",
		Long: `Shows a line from outside, whether it runs or not, on this machine or on others: how much each segment has taken and
how much waits in front of it (lag), both counted in samples; how fast, from two looks some seconds apart; how long it
will take, once the sources are read to their end; which processes work on it; what was skipped, from the commits of
the shards; and each lane that stands still, with its cause. It changes nothing and starts nothing.

Exit codes: 0 nothing stands still, 1 an error, 3 some lane stands still: there is work, and it does not move.`,
		Example: "  imglish status graph.yaml\n" +
			"  imglish status graph.yaml --watch          # again every few seconds, until Ctrl-C\n" +
			"  imglish status graph.yaml --lanes          # every lane\n" +
			"  imglish status graph.yaml --json | jq '.lanes[] | select(.state == \"standing\")'",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runStatus(cmd, args[0], o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the status as a JSON line; with --watch one line each time")
	f.BoolVar(&o.watch, "watch", false, "show it again and again, until interrupted")
	f.BoolVar(&o.lanes, "lanes", false, "show every lane")
	f.DurationVar(&o.over, "over", 3*time.Second, "time between two looks, from which rates come")
	return cmd
}

func runStatus(cmd *cobra.Command, path string, o statusOptions) error {
	if o.over < 0 || o.watch && o.over < 100*time.Millisecond {
		return usageError{fmt.Errorf("--over %s: too short", o.over)}
	}
	i, err := inspect(cmd, path)
	if err != nil {
		return err
	}
	defer i.Close()
	show := func(s *pipeline.Status) error { return printStatus(cmd.OutOrStdout(), s, o) }
	if o.watch {
		err := i.Watch(cmd.Context(), o.over, func(s *pipeline.Status) error {
			if !o.json && isTerminal(cmd.OutOrStdout()) {
				fmt.Fprint(cmd.OutOrStdout(), "\x1b[H\x1b[2J")
			}
			return show(s)
		})
		return err
	}
	s, err := i.Status(cmd.Context(), o.over)
	if err != nil {
		return fmt.Errorf("status of %s: %w", path, err)
	}
	if err := show(s); err != nil {
		return err
	}
	if s.Standing > 0 {
		return errStanding
	}
	return nil
}

func printStatus(w io.Writer, s *pipeline.Status, o statusOptions) error {
	if !o.json {
		return s.Write(w, o.lanes)
	}
	return printJSON(w, s)
}

// inspect opens a line to look at it or to look after it.
func inspect(cmd *cobra.Command, path string) (*pipeline.Inspector, error) {
	cfg, err := pipeline.Load(path, builders())
	if err != nil {
		return nil, err
	}
	st, err := openStore(cmd.Context(), cfg.StoreURL())
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return pipeline.Inspect(cmd.Context(), cfg, shard.Ranges{Folder: shards.In(st)}, logger)
}
