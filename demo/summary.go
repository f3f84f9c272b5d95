package demo

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
)

// StageRow is one stage of the summary. Counts are of the whole line, read from the commits, so that a line that was
// interrupted shows the same as one that was not.
type StageRow struct {
	Stage string         `json:"stage"`
	In    int64          `json:"in"`
	Out   int64          `json:"out"`
	Skips map[string]int `json:"skips"` // by reason
	Rate  float64        `json:"rate"`  // samples a second while this process worked; 0 if it did nothing
}

// summarize counts what went into each stage and what came out. stages are in the graph's order, without source.
func summarize(set *shards.Set, stages []string, last pipeline.Snapshot) []StageRow {
	var total int64
	skips := map[string]map[string]int{}
	for _, c := range set.Commits {
		total += int64(c.To - c.From + 1)
		for where, n := range c.Skips {
			stage, reason, _ := strings.Cut(where, "/")
			if skips[stage] == nil {
				skips[stage] = map[string]int{}
			}
			skips[stage][reason] += n
		}
	}
	rates := map[string]float64{}
	for _, s := range last.Stages {
		rates[s.Stage] = s.Rate(last.Elapsed)
	}
	var rows []StageRow
	in := total
	for _, stage := range append([]string{"source"}, stages...) {
		row := StageRow{Stage: stage, In: in, Out: in, Skips: skips[stage], Rate: rates[stage]}
		for _, n := range row.Skips {
			row.Out -= int64(n)
		}
		in = row.Out
		rows = append(rows, row)
	}
	return rows
}

func printSummary(w io.Writer, rows []StageRow, took time.Duration) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "stage\tin\tout\tskipped\tper second\t")
	for _, r := range rows {
		rate := ""
		if r.Rate > 0 {
			rate = fmt.Sprintf("%.0f", r.Rate)
		}
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%s\t\n", r.Stage, r.In, r.Out, r.In-r.Out, rate)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if len(r.Skips) > 0 {
			fmt.Fprintf(w, "  skipped by %s: %s\n", r.Stage, reasons(r.Skips))
		}
	}
	if took > 0 {
		fmt.Fprintf(w, "  the line took %s\n", took.Round(time.Second/10))
	}
	return nil
}

// reasons lists counts by reason, the commonest first.
func reasons(m map[string]int) string {
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Or(m[b]-m[a], cmp.Compare(a, b)) })
	for i, k := range keys {
		keys[i] = fmt.Sprintf("%d %s", m[k], k)
	}
	return strings.Join(keys, ", ")
}
