package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/gc"
)

func newGCCommand() *cobra.Command {
	cfg := gc.Defaults()
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:         "gc DIR|URL|GRAPH.yaml",
		Annotations: goesOn,
		Short:       "Free what a store holds for nothing",
		Long: `gc removes what a store holds for nothing, once it is older than the grace: files of shards that no commit names, as
crashes and resets leave them, and uploads to S3 that nobody finished. With a retention of blobs (--blobs, or store.blobs
of a graph file) it removes blobs of committed samples that are older too: shards hold the views, so only a line that
works its stages again from the log (imglish reset) and audits of the original pictures need them.

It prints what it would free; --yes frees it. It touches nothing that it does not know, and may run beside the line.`,
		Example: "  imglish gc data\n  imglish gc graph.yaml --yes\n  imglish gc 's3://bucket/prefix?region=eu-central-1' --blobs 720h --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			where := args[0]
			if info, err := os.Stat(where); err == nil && info.Mode().IsRegular() {
				g, err := pipeline.Load(where, builders())
				if err != nil {
					return err
				}
				where = g.StoreURL()
				if !cmd.Flags().Changed("blobs") {
					cfg.Blobs = g.Store.Blobs
				}
			}
			if err := cfg.Validate(); err != nil {
				return usageError{err}
			}
			return runGC(cmd, where, cfg, yes, asJSON)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&cfg.Grace, "grace", cfg.Grace, "leave what is younger: a range that is being written has no commit yet")
	f.DurationVar(&cfg.Blobs, "blobs", cfg.Blobs, "keep blobs of committed samples for so long; 0 for ever (default: store.blobs of the graph file)")
	f.BoolVar(&yes, "yes", false, "remove it; without, only say what would be")
	f.BoolVar(&asJSON, "json", false, "print the report as one JSON line")
	return cmd
}

func runGC(cmd *cobra.Command, where string, cfg gc.Config, yes, asJSON bool) error {
	st, err := openStore(cmd.Context(), where)
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr(), "gc")
	report, err := gc.Collect(cmd.Context(), st, cfg, yes, p.update)
	p.finish()
	if report == nil {
		return err
	}
	w := cmd.OutOrStdout()
	if asJSON {
		if e := printJSON(w, report); err == nil {
			err = e
		}
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	verb := "to free"
	if report.Removed {
		verb = "freed"
	}
	fmt.Fprintf(t, "%s\tobjects\tMB\ttoo young\tMB\t\n", verb)
	for _, kind := range gc.Kinds {
		free, young := report.Free[kind], report.Young[kind]
		fmt.Fprintf(t, "%s\t%d\t%.1f\t%d\t%.1f\t\n", kind, free.Objects, float64(free.Bytes)/1e6, young.Objects, float64(young.Bytes)/1e6)
	}
	if e := t.Flush(); err == nil {
		err = e
	}
	if cfg.Blobs == 0 {
		fmt.Fprintln(w, "blobs are kept for ever: --blobs 720h, or store.blobs in the graph file, gives a time")
	}
	if !report.Removed {
		fmt.Fprintln(w, "nothing was removed: add --yes")
	}
	return err
}
