package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/audit/codes"
	"github.com/imglish/imglish/vqkd"
)

// shownDifferences is how many views that differ are listed; --json has more.
const shownDifferences = 20

func runAuditCodes(cmd *cobra.Command, dir string, o tokenizerOptions, c codes.Config, asJSON bool) error {
	if o.tokenizer == "" {
		return usageError{errors.New("--verify-codes needs --tokenizer, the file that the codes were made with")}
	}
	c.Batch = o.Batch
	if err := c.Validate(); err != nil {
		return usageError{err}
	}
	st, err := openStore(cmd.Context(), dir)
	if err != nil {
		return err
	}
	return o.use(cmd.ErrOrStderr(), func(t *vqkd.Tokenizer) error {
		p := newProgress(cmd.ErrOrStderr(), "views verified")
		start := time.Now()
		report, err := codes.Verify(cmd.Context(), st, t, o.tokenizer, c, p.update)
		p.finish()
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(cmd.OutOrStdout(), report)
		} else {
			err = printAuditCodes(cmd.OutOrStdout(), report, time.Since(start))
		}
		if err == nil && report.Faults > 0 {
			return errReported
		}
		return err
	})
}

func printAuditCodes(w io.Writer, r *codes.Report, took time.Duration) error {
	for _, d := range r.Differences[:min(len(r.Differences), shownDifferences)] {
		fmt.Fprintf(w, "%s row %d, id %s view %d: ", d.Shard, d.Row, d.ID, d.View)
		switch {
		case d.What != "":
			fmt.Fprintln(w, d.What)
		case d.Fault:
			fmt.Fprintf(w, "%d of %d codes differ, by up to %.2g: the tokenizer does not make them of the stored view\n", d.Differ, d.Of, d.Gap)
		default:
			fmt.Fprintf(w, "%d of %d codes differ, by up to %.2g: rounding\n", d.Differ, d.Of, d.Gap)
		}
	}
	if more := r.Differ - shownDifferences; more > 0 {
		fmt.Fprintf(w, "… and %d views more, --json lists up to %d\n", more, codes.MaxDifferences)
	}
	fmt.Fprintf(w, "%s: %d of %d views verified, %.1f/s; %d codes: %d equal, %d differ within rounding (%g); %d faults\n",
		r.URL, r.Views, r.Stored, float64(r.Views)/took.Seconds(), r.Codes, r.Equal, r.Rounding, r.Bound, r.Faults)
	if r.Faults > 0 {
		fmt.Fprintf(w, "imglish shards verify %s says whether the files are whole; imglish retoken makes the codes anew from the stored views\n", r.URL)
	}
	return nil
}
