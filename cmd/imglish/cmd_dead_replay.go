package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/audit/dead"
	"github.com/imglish/imglish/pipeline"
)

type deadReplayOptions struct {
	skipFlags
	yes  bool
	json bool
}

func newDeadReplayCommand() *cobra.Command {
	var o deadReplayOptions
	cmd := &cobra.Command{
		Use:         "replay GRAPH",
		Annotations: goesOn,
		Short:       "Have the line take skipped samples once more",
		Long: `replay reads the sources again, finds the samples that were skipped, and puts them into lists in the store. The line
takes them from there as a source of its own, replay, with lanes behind all others: at its next start, or within seconds
if it runs. Nothing has to be added to the graph file. Without --yes it only says what it would do.

A skip is taken once more at most once, however often, wherever and in how many processes at once this command runs, and
whatever stops it. A sample that is skipped again is a new skip, and may be replayed in turn. Rows that the source itself
could not read have no sample, so they cannot be replayed.

Exit codes: 0 done, 1 an error, or samples that their source no longer has.`,
		Example: "  imglish dead replay graph.yaml --retryable\n  imglish dead replay graph.yaml --stage fetch --reason 'http-5*,timeout' --yes",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return runDeadReplay(cmd, args[0], o) },
	}
	o.add(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.yes, "yes", false, "do it")
	f.BoolVar(&o.json, "json", false, "print what was done as one JSON line")
	return cmd
}

func runDeadReplay(cmd *cobra.Command, path string, o deadReplayOptions) error {
	f, err := o.filter()
	if err != nil {
		return err
	}
	letters, cfg, err := openDead(cmd.Context(), path)
	if err != nil {
		return err
	}
	if cfg == nil {
		return usageError{fmt.Errorf("%s is no graph file: samples are made again from the sources that it names", path)}
	}
	p := newProgress(cmd.ErrOrStderr(), "replay")
	r, err := letters.Replay(cmd.Context(), f, graphSources(cfg), !o.yes, p.update)
	p.finish()
	if err != nil {
		return err
	}
	if o.json {
		err = printJSON(cmd.OutOrStdout(), r)
	} else {
		err = printReplay(cmd, r, o.yes)
	}
	if err == nil && len(r.NotFound) > 0 {
		return errReported
	}
	return err
}

// graphSources builds the sources of a graph by name, the one of replayed samples included.
func graphSources(cfg *pipeline.Config) dead.Sources {
	return func(ctx context.Context, name string) (pipeline.Source, bool, error) {
		b := builders()
		all, err := cfg.Join(ctx, b)
		if err != nil {
			return nil, false, err
		}
		if !slices.ContainsFunc(all.Sources, func(s pipeline.SourceAt) bool { return s.Name == name }) {
			return nil, false, nil
		}
		src, err := all.Source(ctx, b, name)
		return src, true, err
	}
}

func printReplay(cmd *cobra.Command, r dead.Report, done bool) error {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%d skips are meant\n", r.Skips)
	if r.Listed > 0 {
		fmt.Fprintf(w, "%d of them were replayed before\n", r.Listed)
	}
	if r.Unreadable > 0 {
		fmt.Fprintf(w, "%d of them are rows that their source could not read: there is nothing to replay\n", r.Unreadable)
	}
	for _, name := range slices.Sorted(maps.Keys(r.NoSource)) {
		fmt.Fprintf(w, "%d of them are of source %s, which the graph file does not name: put it back to replay them\n", r.NoSource[name], name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.NotFound)) {
		fmt.Fprintf(w, "%d of them are not in source %s any more: its files have changed or gone\n", r.NotFound[name], name)
	}
	var err error
	switch {
	case r.Added == 0:
		_, err = fmt.Fprintln(w, "nothing is to be taken once more")
	case done:
		_, err = fmt.Fprintf(w, "%d samples will be taken once more: the line does so at its next start (imglish run), or soon if it runs\n", r.Added)
	default:
		_, err = fmt.Fprintf(w, "%d samples would be taken once more: add --yes to do it\n", r.Added)
	}
	return err
}
