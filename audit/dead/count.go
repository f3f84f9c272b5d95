package dead

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Columns are what skips can be counted by. A day is that of the commit, in UTC.
var Columns = []string{"stage", "reason", "source", "lane", "day"}

// Group is how many skips have the same values of the columns that were asked for.
type Group struct {
	By    map[string]string `json:"by"`
	Skips int64             `json:"skips"`
	Fates map[Fate]int64    `json:"fates"` // they sum up to Skips
}

// Count counts the skips that are meant, the largest group first. by names columns. As long as nothing was replayed it
// reads the commits alone, unless the filter needs the rows.
func (l *Letters) Count(ctx context.Context, f Filter, by []string, p Progress) ([]Group, error) {
	for _, column := range by {
		if !slices.Contains(Columns, column) {
			return nil, fmt.Errorf("skips cannot be counted by %q: the columns are %s", column, strings.Join(Columns, ", "))
		}
	}
	t := tally{by: by, groups: map[string]*Group{}}
	replayed, err := l.lists.Any(ctx)
	if err != nil {
		return nil, err
	}
	if !replayed && !f.Retryable {
		err = t.commits(ctx, l, f, p)
	} else {
		err = t.rows(ctx, l, f, p)
	}
	return t.sorted(), err
}

type tally struct {
	by     []string
	groups map[string]*Group
}

func (t tally) commits(ctx context.Context, l *Letters, f Filter, p Progress) error {
	if len(f.Fates) > 0 && !slices.Contains(f.Fates, NotReplayed) {
		return nil
	}
	done := int64(0)
	for c, err := range l.folder.Each(ctx) {
		if err != nil {
			return err
		}
		done++
		p.tell(done, "commits")
		if !f.commit(c) {
			continue
		}
		for name, n := range c.Skips {
			if stage, reason, _ := strings.Cut(name, "/"); f.named(name) {
				t.add(c.Source, c.Lane, c.At, stage, reason, NotReplayed, int64(n))
			}
		}
	}
	return nil
}

func (t tally) rows(ctx context.Context, l *Letters, f Filter, p Progress) error {
	for s, err := range l.Each(ctx, f, p) {
		if err != nil {
			return err
		}
		t.add(s.Source, s.Lane, s.Committed, s.Row.Stage, s.Row.Reason, s.Fate, 1)
	}
	return nil
}

func (t tally) add(source string, lane int, at time.Time, stage, reason string, fate Fate, n int64) {
	values := make([]string, len(t.by))
	for i, column := range t.by {
		switch column {
		case "stage":
			values[i] = stage
		case "reason":
			values[i] = reason
		case "source":
			values[i] = source
		case "lane":
			values[i] = fmt.Sprintf("%03d", lane)
		case "day":
			values[i] = at.UTC().Format(time.DateOnly)
		}
	}
	key := strings.Join(values, "\x00")
	g := t.groups[key]
	if g == nil {
		g = &Group{By: map[string]string{}, Fates: map[Fate]int64{}}
		for i, column := range t.by {
			g.By[column] = values[i]
		}
		t.groups[key] = g
	}
	g.Skips += n
	g.Fates[fate] += n
}

func (t tally) sorted() []Group {
	out := []Group{}
	for _, g := range t.groups {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Group) int {
		order := cmp.Compare(b.Skips, a.Skips)
		for _, column := range t.by {
			order = cmp.Or(order, cmp.Compare(a.By[column], b.By[column]))
		}
		return order
	})
	return out
}
