package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/audit"
	"github.com/imglish/imglish/audit/codes"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/vqkd"
)

func newAuditCommand() *cobra.Command {
	var asJSON, verify bool
	o, c := tokenizerOptions{Options: vqkd.Defaults()}, codes.Defaults()
	cmd := &cobra.Command{
		Use:   "audit DIR",
		Short: "Count what the shards hold: kinds, sources, skips, codes and pieces",
		Long: `audit reads the committed shards of a data folder and counts samples by kind, source and reason of a skip, and
how much of the visual and the text vocabulary they use. A skip whose sample was taken once more (imglish dead replay) is
recovered if the sample is in the shards now; one that was skipped again counts there. It needs no server and changes nothing.

With --verify-codes it computes the codes of the stored views again instead, and lists the views whose stored codes are
others. The tokenizer must be the one that the shards were made with: another one is refused by its fingerprint.
Processors of different kinds round differently, so a patch that lies between two codes may get the other one; a code
that is not further than the nearest by more than the bound of the tokenizer's tier (squared distance: exact 1e-4, fast
1e-3) counts as rounding, every other as a fault. --share verifies a sample that depends on --seed and the shards alone.

Exit codes: 0 all is well, 1 faults were found, or the shards cannot be read.`,
		Example: "  imglish audit data\n  imglish audit data --json\n" +
			"  imglish audit s3://bucket/data --verify-codes --tokenizer vqkd.pth --share 0.01",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if verify {
				return runAuditCodes(cmd, args[0], o, c, asJSON)
			}
			for _, name := range []string{"share", "seed", "tokenizer", "heads", "side", "precision", "batch", "threads"} {
				if cmd.Flags().Changed(name) {
					return usageError{fmt.Errorf("--%s is for --verify-codes", name)}
				}
			}
			st, err := openStore(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), "files audited")
			report, err := audit.Run(cmd.Context(), st, p.update)
			p.finish()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), report)
			}
			return printAudit(cmd.OutOrStdout(), report)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print the report as one JSON line")
	f.BoolVar(&verify, "verify-codes", false, "compute the codes of the stored views again and compare")
	f.Float64Var(&c.Share, "share", c.Share, "of --verify-codes: which share of the views is verified")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "of --verify-codes: seed of the sample")
	o.flags(f, "of --verify-codes: views")
	return cmd
}

func printAudit(w io.Writer, r *audit.Report) error {
	fmt.Fprintf(w, "%s: line %s, %d records in %d commits of %d lanes, set %.16s\n\n", r.URL, r.Line, r.Seq, r.Commits, r.Lanes, r.Set)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "source\timages\ttexts\tpairs\tdropped\t")
	line := func(name string, counts map[shards.Kind]audit.Count) {
		fmt.Fprintf(t, "%s\t", name)
		for _, k := range shards.Kinds {
			fmt.Fprintf(t, "%d\t", counts[k].Samples)
		}
		fmt.Fprintln(t)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Sources)) {
		line(name, r.Sources[name])
	}
	line("all", r.Kinds)
	fmt.Fprint(t, "rows\t")
	for _, k := range shards.Kinds {
		fmt.Fprintf(t, "%d\t", r.Kinds[k].Rows)
	}
	fmt.Fprint(t, "\nMB\t")
	for _, k := range shards.Kinds {
		fmt.Fprintf(t, "%.1f\t", float64(r.Kinds[k].Bytes)/1e6)
	}
	fmt.Fprint(t, "\n\n")
	if len(r.Skips) > 0 {
		fmt.Fprintln(t, "skipped by\tskips\trecovered\tmissing\t")
		for _, reason := range slices.Sorted(maps.Keys(r.Skips)) {
			fmt.Fprintf(t, "%s\t%d\t%d\t%d\t\n", reason, r.Skips[reason], r.Recovered[reason], r.Missing[reason])
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintln(t, "vocabulary\ttokens\tdistinct\tof\tperplexity\tcommonest\t")
	for _, u := range []struct {
		name string
		audit.Usage
	}{{"codes", r.Codes}, {"pieces", r.Pieces}} {
		commonest := "-"
		if len(u.Top) > 0 {
			commonest = fmt.Sprintf("%d (%.1f %%)", u.Top[0].ID, 100*u.Top[0].Share)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.1f\t%s\t\n", u.name, u.Tokens, u.Distinct, u.Vocab, u.Perplexity, commonest)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nunknown pieces: %d\n", r.Unknown)
	return err
}
