package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/audit/dead"
)

type deadListOptions struct {
	skipFlags
	by   []string
	rows bool
	json bool
}

func newDeadListCommand() *cobra.Command {
	var o deadListOptions
	cmd := &cobra.Command{
		Use:   "list DIR|GRAPH",
		Short: "Count skips by stage and reason, or list them",
		Long: `list counts what the shards of a data folder, or of a graph file's line, have skipped. What became of a skip:
  open          nobody has asked for it to be taken once more
  under way     imglish dead replay has put it into a list; no commit has it yet
  recovered     the sample is in the shards
  failed again  it was skipped once more; that is a skip of its own, of the source replay

Shards hold no times, so the time of a skip is when its commit was written. Skips that are in the topics and in no commit
yet are not counted; imglish run and imglish status show how many samples those are.`,
		Example: "  imglish dead list data\n" +
			"  imglish dead list data --by stage,reason,day --since 2026-01-31\n" +
			"  imglish dead list graph.yaml --stage fetch --reason 'http-5*' --rows --json > skips.jsonl",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runDeadList(cmd, args[0], o) },
	}
	o.add(cmd)
	f := cmd.Flags()
	f.StringSliceVar(&o.fates, "fate", nil, "only what is open, under-way, recovered or failed-again")
	f.StringSliceVar(&o.by, "by", []string{"stage", "reason"}, "count by these, of "+strings.Join(dead.Columns, ", "))
	f.BoolVar(&o.rows, "rows", false, "one line a skip")
	f.BoolVar(&o.json, "json", false, "one JSON line a count or skip")
	cmd.MarkFlagsMutuallyExclusive("rows", "by")
	return cmd
}

func runDeadList(cmd *cobra.Command, where string, o deadListOptions) error {
	f, err := o.filter()
	if err != nil {
		return err
	}
	letters, _, err := openDead(cmd.Context(), where)
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr(), "skips")
	w := cmd.OutOrStdout()
	if o.rows {
		for s, err := range letters.Each(cmd.Context(), f, p.update) {
			if err == nil && o.json {
				err = printJSON(w, deadRow(s))
			} else if err == nil {
				err = printDeadRow(w, s)
			}
			if err != nil {
				p.finish()
				return err
			}
		}
		p.finish()
		return nil
	}
	groups, err := letters.Count(cmd.Context(), f, o.by, p.update)
	p.finish()
	if err != nil {
		return err
	}
	if !o.json {
		return printGroups(w, o.by, groups)
	}
	for _, g := range groups {
		if err := printJSON(w, g); err != nil {
			return err
		}
	}
	return nil
}

func printGroups(w io.Writer, by []string, groups []dead.Group) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	line := func(first []string, rest ...any) {
		for i, r := range rest {
			if i > 0 || len(first) > 0 {
				first = append(first, fmt.Sprint(r))
			} else {
				first = []string{fmt.Sprint(r)}
			}
		}
		fmt.Fprintln(t, strings.Join(first, "\t"))
	}
	head := []string{}
	for _, column := range by {
		head = append(head, strings.ToUpper(column))
	}
	line(head, "SKIPS", "OPEN", "UNDER WAY", "RECOVERED", "FAILED AGAIN")
	all := dead.Group{Fates: map[dead.Fate]int64{}}
	show := func(first []string, g dead.Group) {
		line(first, g.Skips, g.Fates[dead.NotReplayed], g.Fates[dead.UnderWay], g.Fates[dead.Recovered], g.Fates[dead.Again])
	}
	for _, g := range groups {
		values := []string{}
		for _, column := range by {
			values = append(values, g.By[column])
		}
		show(values, g)
		all.Skips += g.Skips
		for fate, n := range g.Fates {
			all.Fates[fate] += n
		}
	}
	if len(by) > 0 && len(groups) != 1 {
		show(append([]string{"all"}, make([]string, len(by)-1)...), all)
	}
	return t.Flush()
}

// skipLine is a skip as JSON.
type skipLine struct {
	Lane      int       `json:"lane"`
	Seq       uint64    `json:"seq"`
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Dataset   string    `json:"dataset"`
	Key       string    `json:"key"`
	Revision  string    `json:"revision"`
	URL       string    `json:"url"`
	Title     string    `json:"title"`
	Licence   string    `json:"licence"`
	Labels    []string  `json:"labels"`
	Kind      string    `json:"kind"`
	Stage     string    `json:"stage"`
	Reason    string    `json:"reason"`
	Detail    string    `json:"detail"`
	Retryable bool      `json:"retryable"`
	Committed time.Time `json:"committed"`
	Fate      dead.Fate `json:"fate"`
}

func deadRow(s dead.Skip) skipLine {
	r := s.Row
	return skipLine{s.Lane, s.Seq, hex.EncodeToString(r.ID[:]), s.Source, r.Origin.Source.Dataset, r.Origin.Source.Key, r.Origin.Source.Revision,
		r.URL, r.Title, r.Licence, append([]string{}, r.Labels...), r.Kind, r.Stage, r.Reason, r.Detail, r.Retryable, s.Committed.UTC(), s.Fate}
}

// printDeadRow prints a skip for people. What a foreign host or file has sent is quoted.
func printDeadRow(w io.Writer, s dead.Skip) error {
	what := s.Row.URL
	if what == "" {
		what = s.Row.Origin.Source.Dataset + " " + s.Row.Origin.Source.Key
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s/%s\t%s\t%q\t%q\n", s.Place, s.Committed.UTC().Format(time.RFC3339), s.Row.Stage, s.Row.Reason, s.Fate, what, s.Row.Detail)
	return err
}
