package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Write prints the status for people. With lanes each lane has a line; lanes that stand still are always named, with
// their cause.
func (s *Status) Write(w io.Writer, lanes bool) error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "line %s   %s   %s\n", s.Line, s.running(), s.At.Format("2006-01-02 15:04:05 UTC"))
	if s.Open != "" {
		fmt.Fprintf(&out, "a reset or repair is under way or was cut off; finish it: %s\n", s.Open)
	}
	fmt.Fprintln(&out)
	t := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tLANES\tFILES\tROWS READ\tOF")
	for _, x := range s.Sources {
		of := "not known yet"
		if x.Rows >= 0 {
			of = fmt.Sprint(x.Rows)
		}
		fmt.Fprintf(t, "%s\t%d-%d\t%d\t%d\t%s\n", x.Name, x.First, x.First+x.Lanes-1, x.Files, x.Read, of)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "STAGES\tTAKEN\tLAG\tA SECOND\tLEFT\tPROCESSES\tSTANDING")
	for _, x := range s.Segments {
		lag := "?"
		if x.Lag >= 0 {
			lag = fmt.Sprint(x.Lag)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%d\t%s\n", strings.Join(x.Stages, ","), x.Taken, lag, s.rate(x.Rate), lasts(x.Left), x.Workers, count(x.Stand))
	}
	if len(s.Processes) > 0 {
		fmt.Fprintln(t)
		fmt.Fprintln(t, "PROCESS\tWORKS ON")
		for _, p := range s.Processes {
			fmt.Fprintf(t, "%s\t%s\n", p.Name, s.worksOn(p))
		}
	}
	if lanes {
		fmt.Fprintln(t)
		fmt.Fprintln(t, "STAGES\tLANE\tSOURCE\tTAKEN\tLAG\tSTATE\tPROCESS")
		for _, x := range s.Lanes {
			lag := "?"
			if x.Lag >= 0 {
				lag = fmt.Sprint(x.Lag)
			}
			fmt.Fprintf(t, "%s\t%d\t%s\t%d\t%s\t%s\t%s\n", x.Segment, x.Lane, x.Source, x.Taken, lag, x.State, x.Worker)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(&out)
	total, why := int64(0), []string{}
	for _, r := range byCount(s.Skips) {
		total += s.Skips[r]
		why = append(why, fmt.Sprintf("%s %d", r, s.Skips[r]))
	}
	fmt.Fprintf(&out, "skipped %d in %d durable ranges", total, s.Ranges)
	if total > 0 {
		fmt.Fprintf(&out, ": %s", strings.Join(why, ", "))
	}
	fmt.Fprintln(&out)
	for _, line := range s.standing() {
		fmt.Fprintln(&out, line)
	}
	for line := range strings.Lines(out.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// running says in a few words what goes on.
func (s *Status) running() string {
	switch {
	case s.Done:
		return "done"
	case len(s.Processes) == 0:
		return "not running"
	case s.Left != nil && *s.Left > 0:
		return fmt.Sprintf("%d running, about %s left", len(s.Processes), lasts(s.Left))
	}
	return fmt.Sprintf("%d running", len(s.Processes))
}

func (s *Status) worksOn(p ProcessStatus) string {
	var parts []string
	for _, x := range s.Segments {
		what := "lanes"
		if x.Stages[0] == sourceStage {
			what = "sources"
		}
		if n := p.Lanes[x.Segment]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s (%d %s)", x.Segment, n, what))
		}
	}
	return strings.Join(parts, ", ")
}

// standing has a line for each cause, with the lanes that it holds.
func (s *Status) standing() []string {
	type group struct{ segment, cause string }
	var order []group
	of := map[group][]LaneStatus{}
	for _, x := range s.Lanes {
		if x.State != LaneStanding {
			continue
		}
		g := group{x.Segment, x.Cause}
		if of[g] == nil {
			order = append(order, g)
		}
		of[g] = append(of[g], x)
	}
	var out []string
	for _, g := range order {
		lag, unknown, since := int64(0), false, ""
		var lanes []int
		for _, x := range of[g] {
			lanes = append(lanes, x.Lane)
			lag += max(0, x.Lag)
			unknown = unknown || x.Lag < 0
			if x.Since != nil && since == "" {
				since = fmt.Sprintf(", since %s", x.Since.Format("15:04:05"))
			}
		}
		wait := fmt.Sprintf("%d wait", lag)
		if unknown {
			wait = "not read to the end"
		}
		out = append(out, fmt.Sprintf("standing still: %s lane %s (%s%s): %s", g.segment, spans(lanes), wait, since, g.cause))
	}
	return out
}

// spans writes numbers in ascending order as "0-3,7".
func spans(n []int) string {
	var parts []string
	for i := 0; i < len(n); {
		j := i
		for j+1 < len(n) && n[j+1] == n[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(n[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", n[i], n[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

func (s *Status) rate(r float64) string {
	if s.Over == 0 {
		return ""
	}
	return fmt.Sprintf("%.3g", r)
}

// lasts shows seconds until an end, "" if nobody knows or it is reached.
func lasts(seconds *float64) string {
	if seconds == nil || *seconds == 0 {
		return ""
	}
	return time.Duration(max(1, *seconds) * float64(time.Second)).Round(time.Second).String()
}

func count(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
