package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/audit/dead"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/replay"
)

func newDeadShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show DIR|GRAPH ID|LANE:SEQ",
		Short: "Tell what happened to one sample that was skipped",
		Long: `show names the sample, where it comes from, why and where it was skipped, whether it was taken once more and what
became of it. With a graph file it also reads the row again, where the source can look one up (cc12m).`,
		Example: "  imglish dead show data 3:1017\n  imglish dead show graph.yaml 0123456789abcdef0123456789abcdef --json",
		Args:    cobra.ExactArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return runDeadShow(cmd, args[0], args[1], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as one JSON line")
	return cmd
}

func runDeadShow(cmd *cobra.Command, where, what string, asJSON bool) error {
	letters, cfg, err := openDead(cmd.Context(), where)
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr(), "skips")
	st, err := findStory(cmd.Context(), letters, what, p.update)
	p.finish()
	if err != nil {
		return err
	}
	row := ""
	if cfg != nil {
		if row, err = sourceRow(cmd.Context(), cfg, st.Skips[0]); err != nil {
			row = fmt.Sprintf("(cannot be read again: %v)", err)
		}
	}
	if !asJSON {
		return printStory(cmd.OutOrStdout(), st, row)
	}
	type kept struct {
		replay.Place
		File string `json:"file"`
	}
	out := struct {
		ID    string     `json:"id"`
		Skips []skipLine `json:"skips"`
		Kept  []kept     `json:"kept"`
		Text  string     `json:"text,omitempty"`
	}{ID: st.ID, Kept: []kept{}, Text: row}
	for _, s := range st.Skips {
		out.Skips = append(out.Skips, deadRow(s))
	}
	for _, k := range st.Kept {
		out.Kept = append(out.Kept, kept{k.Place, k.File})
	}
	return printJSON(cmd.OutOrStdout(), out)
}

// findStory reads an id of 32 hex digits, or lane:seq.
func findStory(ctx context.Context, letters *dead.Letters, what string, p dead.Progress) (dead.Story, error) {
	if lane, seq, ok := strings.Cut(what, ":"); ok {
		n, err1 := strconv.Atoi(lane)
		q, err2 := strconv.ParseUint(seq, 10, 64)
		if err1 == nil && err2 == nil && n >= 0 {
			return letters.At(ctx, replay.Place{Lane: n, Seq: q}, p)
		}
	} else if id, err := hex.DecodeString(what); err == nil && len(id) == 16 {
		return letters.Of(ctx, [16]byte(id), p)
	}
	return dead.Story{}, usageError{fmt.Errorf("%q is no skip: give a lane and a seq such as 3:1017, or a sample's id of 32 hex digits", what)}
}

// sourceRow reads the row that a skip comes from, "" where its source cannot look one up.
func sourceRow(ctx context.Context, cfg *pipeline.Config, s dead.Skip) (string, error) {
	src, ok, err := graphSources(cfg)(ctx, s.Source)
	if err != nil || !ok {
		return "", err
	}
	f, ok := src.(pipeline.Finder)
	if !ok {
		return "", nil
	}
	from := s.Row.Origin.Source
	at, ok, err := f.Find(ctx, &pipeline.Origin{Dataset: from.Dataset, Key: from.Key, Revision: from.Revision})
	if err != nil {
		return "", err
	}
	if !ok {
		return "", errors.New("the source's files no longer have it")
	}
	rows, err := src.Open(ctx, at)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	r, err := rows.Next(ctx)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, part := range r.Sample.GetParts() {
		texts = append(texts, part.Text)
	}
	return strings.Join(texts, "\n"), nil
}

// printStory prints a story for people. What a foreign host or file has sent is quoted.
func printStory(w io.Writer, st dead.Story, row string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	r := st.Skips[0].Row
	line("sample", "%s, %s", st.ID, r.Kind)
	line("from", "%s, key %q, revision %q", r.Origin.Source.Dataset, r.Origin.Source.Key, r.Origin.Source.Revision)
	for _, f := range []struct{ name, value string }{
		{"url", r.URL}, {"title", r.Title}, {"licence", r.Licence}, {"labels", strings.Join(r.Labels, ", ")}, {"text", row},
	} {
		if f.value != "" {
			line(f.name, "%q", f.value)
		}
	}
	for _, s := range st.Skips {
		line("skipped", "by %s: %s %q", s.Row.Stage, s.Row.Reason, s.Row.Detail)
		mayPass := "the reason stays"
		if s.Row.Retryable {
			mayPass = "the reason may pass"
		}
		line("", "lane %d, seq %d of source %s, committed %s; %s", s.Lane, s.Seq, s.Source, s.Committed.UTC().Format(time.RFC3339), mayPass)
		line("", "%s", s.Fate)
	}
	for _, k := range st.Kept {
		line("in the shards", "lane %d, seq %d, %s", k.Lane, k.Seq, k.File)
	}
	return t.Flush()
}
