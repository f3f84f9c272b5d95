package demo

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/imglish/imglish/trainer/probe"
)

// What the model must have learned for the demo to pass. Chance gives a difference of 0; a model that looks at the
// picture reaches about twice this within the demo's few hundred steps.
const minDifference = 0.2

func printLearned(w io.Writer, r probe.Result) error {
	fmt.Fprintln(w, "What was learned, on held-out scenes (share of first choices that are right):")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(what string, n int, model float64, others ...any) {
		fmt.Fprintf(tw, "  %s\t(%d)\tmodel %.3f", what, n, model)
		for i := 0; i+1 < len(others); i += 2 {
			fmt.Fprintf(tw, "\t%s %.3f", others[i], others[i+1])
		}
		fmt.Fprintln(tw)
	}
	for _, c := range []struct {
		what string
		probe.Codes
	}{{"masked patches of images", r.Image}, {"masked patches of pairs", r.PairImage}} {
		line(c.what, c.Patches, c.Model, "view's commonest", c.CommonestOwnCode, "commonest at the place", c.PositionMajority,
			"commonest", c.Majority)
	}
	for _, t := range []struct {
		what string
		probe.Pieces
	}{{"masked pieces of texts", r.Text}, {"masked pieces of captions", r.PairText}} {
		line(t.what, t.Pieces.Pieces, t.Model, "bigram", t.Bigram, "commonest", t.Majority)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "  masked colours and shapes of captions (%d): right image %.3f, wrong image %.3f, no image %.3f\n",
		r.Words.Words, r.Words.Right, r.Words.Wrong, r.Words.None)
	return nil
}

// judge says why the demo fails, or nil.
func judge(r probe.Result) error {
	if d := r.Words.Right - r.Words.Wrong; d < minDifference {
		return fmt.Errorf("the model does not look at its pictures: masked words are right in %.3f with the right one and %.3f with a wrong one, a difference of %.3f, want %.1f",
			r.Words.Right, r.Words.Wrong, d, minDifference)
	}
	if r.Image.Model <= r.Image.CommonestOwnCode {
		return fmt.Errorf("the model knows no more of pictures than their commonest code: %.3f of masked patches against %.3f",
			r.Image.Model, r.Image.CommonestOwnCode)
	}
	return nil
}
