package main

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imglish/imglish/pipeline"
)

type runOptions struct {
	stages  []string
	follow  bool
	json    bool
	verbose bool
	metrics string // empty: as the file says
}

func newRunCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:         "run GRAPH",
		Annotations: map[string]string{goesOn: "yes"},
		Short:       "Run a line, or some of its stages",
		Long: `Runs the line that a graph file describes until every source is read to its end and everything is in shards.
Stopped, killed or crashed, the same command goes on where it was: no sample is lost, none is there twice.

Started several times, on one machine or on many, it shares the work. --stages takes whole segments of the graph:
stages between which no topic lies run in one process.`,
		Example: "  imglish run graph.yaml\n" +
			"  imglish run graph.yaml --stages fetch          # this process only fetches\n" +
			"  imglish run graph.yaml --stages clean,view &   # another one, beside it",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runRun(cmd, args[0], o) },
	}
	o.flags(cmd.Flags())
	return cmd
}

func (o *runOptions) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.stages, "stages", nil, "run only these stages (comma-separated); default all")
	f.BoolVar(&o.follow, "follow", false, "go on when the sources are read, and read files that are appended to them")
	f.BoolVar(&o.json, "json", false, "print the closing table as JSON")
	f.StringVar(&o.metrics, "metrics", "", metricsUsage+" (default: metrics: of the file)")
	f.BoolVar(&o.verbose, "verbose", false, "log what happens to lanes and broker")
}

func runRun(cmd *cobra.Command, path string, o runOptions) error {
	b := builders()
	cfg, err := pipeline.Load(path, b)
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	if o.metrics != "" {
		cfg.Metrics = o.metrics
	}
	p := newProgress(cmd.ErrOrStderr(), cfg.Line)
	var last pipeline.Snapshot
	r, err := pipeline.New(cfg, b, pipeline.Options{
		Stages: o.stages, Follow: o.follow,
		Logger: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level})),
		Progress: func(s pipeline.Snapshot) {
			last = s
			done, total := s.Progress()
			p.update(done, total, s.String())
		},
	})
	if err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	server, err := serveLine(cmd, cfg, r)
	if err != nil {
		return err
	}
	err = errors.Join(r.Run(cmd.Context()), server.Close())
	p.finish()
	if last.ID != "" { // what was done counts, also where the run was stopped
		if o.json {
			if e := printJSON(cmd.OutOrStdout(), last); e != nil && err == nil {
				err = e
			}
		} else if e := last.Write(cmd.OutOrStdout()); e != nil && err == nil {
			err = e
		}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", path, err)
	}
	return nil
}
