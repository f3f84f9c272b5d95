package pipeline

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Write prints what the stages have done in this process, as a table for people.
func (s Snapshot) Write(w io.Writer) error {
	var out bytes.Buffer
	t := tabwriter.NewWriter(&out, 0, 0, 3, ' ', tabwriter.AlignRight)
	width := len("STAGE")
	for _, st := range s.Stages {
		width = max(width, len(st.Stage))
	}
	fmt.Fprintf(t, "%-*s", width, "STAGE")
	fmt.Fprintln(t, "\tIN\tOUT\tSKIPPED\tRETRIES\tIN/S\tMB OUT\t WHY SKIPPED")
	for _, st := range s.Stages {
		skipped, why := int64(0), []string{}
		for _, r := range byCount(st.Skipped) {
			skipped += st.Skipped[r]
			why = append(why, fmt.Sprintf("%s %d", r, st.Skipped[r]))
		}
		mb := ""
		if st.Bytes > 0 {
			mb = fmt.Sprintf("%.1f", float64(st.Bytes)/1e6)
		}
		fmt.Fprintf(t, "%-*s\t%d\t%d\t%d\t%d\t%.3g\t%s\t %s\n", width, st.Stage, st.In, st.Out, skipped, st.Retries, st.Rate(s.Elapsed), mb, strings.Join(why, ", "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(out.String()) {
		line = strings.TrimPrefix(line, "   ") // the padding of the first column
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// byCount returns the reasons, the commonest first.
func byCount(skipped map[string]int64) []string {
	out := names(skipped)
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(skipped[b], skipped[a]) })
	return out
}

// String is the state in one line, for progress: how many samples have passed each segment for good, in all processes,
// and how many wait in front of it.
func (s Snapshot) String() string {
	parts := []string{}
	for _, seg := range s.Segments {
		p := fmt.Sprintf("%s %d", seg.Segment, seg.Taken)
		if seg.Lag > 0 {
			p += fmt.Sprintf(" (%d waiting)", seg.Lag)
		}
		parts = append(parts, p)
	}
	skipped := int64(0)
	for _, st := range s.Stages {
		for _, n := range st.Skipped {
			skipped += n
		}
	}
	if skipped > 0 {
		parts = append(parts, fmt.Sprintf("skipped %d", skipped))
	}
	for _, src := range s.Sources {
		if !src.Ended && src.Total > 0 {
			parts = append(parts, fmt.Sprintf("%s read %d %%", src.Name, 100*src.Done/src.Total))
		}
	}
	return strings.Join(parts, ", ")
}

// Progress is how much of the line is done, for a bar: samples that have reached the last segment, of all that the
// sources are known to have. total is 0 as long as a source is not read to its end.
func (s Snapshot) Progress() (done, total int64) {
	if len(s.Segments) == 0 {
		return 0, 0
	}
	done = s.Segments[len(s.Segments)-1].Taken
	for _, src := range s.Sources {
		if !src.Ended {
			return done, 0
		}
		total += src.Rows
	}
	return done, total
}
