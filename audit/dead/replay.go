package dead

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/imglish/imglish/pipeline"
)

// Report is what Replay has done.
type Report struct {
	Skips      int64 `json:"skips"`      // that the filter means
	Listed     int64 `json:"listed"`     // of these: stood in a list already
	Unreadable int64 `json:"unreadable"` // of these: rows that their source could not read, so there is no sample to take
	// NoSource counts those whose source the graph file no longer names, by source.
	NoSource map[string]int64 `json:"no_source"`
	NotFound map[string]int64 `json:"not_found"` // of which their source has no sample any more, by source
	Added    int64            `json:"added"`     // are in a list now; in a rehearsal: would be
}

// Sources gives a source of the line by name, or ok = false if the graph file does not name it.
type Sources func(ctx context.Context, name string) (src pipeline.Source, ok bool, err error)

// Replay appends the samples of the skips that are meant to the lists from which the line takes them once more. Each skip
// gets into the lists once, however often and wherever Replay is called, and whatever stops it. A skip has no caption
// and no text, so samples come from their sources, which are read again. With rehearse nothing is read and appended.
func (l *Letters) Replay(ctx context.Context, f Filter, sources Sources, rehearse bool, p Progress) (Report, error) {
	r := Report{NoSource: map[string]int64{}, NotFound: map[string]int64{}}
	w, err := l.lists.Writer(ctx, l.line)
	if err != nil {
		return r, err
	}
	wanted := map[string][]want{}
	from := map[string]pipeline.Source{}
	for s, err := range l.Each(ctx, f, p) {
		if err != nil {
			return r, err
		}
		if s.Fate == DoneAgain {
			continue // no skip of its own
		}
		r.Skips++
		switch {
		case w.Has(s.Place):
			r.Listed++
			continue
		case s.Row.Stage == sourceStage:
			r.Unreadable++
			continue
		}
		src, known := from[s.Source]
		if !known {
			var ok bool
			if src, ok, err = sources(ctx, s.Source); err != nil {
				return r, err
			} else if !ok {
				src = nil
			}
			from[s.Source] = src
		}
		if src == nil {
			r.NoSource[s.Source]++
			continue
		}
		wanted[s.Source] = append(wanted[s.Source], newWant(s))
	}
	if rehearse {
		for _, list := range wanted {
			r.Added += int64(len(list))
		}
		return r, nil
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		list := wanted[name]
		// Row g of a source of L lanes is seq g div L of lane g mod L: this is the order of its rows.
		slices.SortFunc(list, func(a, b want) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Lane, b.Lane)) })
		c := collector{source: from[name], list: list, progress: p, name: name,
			add: func(x want, s *pipeline.Sample) error { return w.Add(ctx, x.Place, x.stage, s) }}
		missing, err := c.collect(ctx)
		if err != nil {
			return r, fmt.Errorf("read source %s again: %w", name, err)
		}
		if missing > 0 {
			r.NotFound[name] = missing
		}
	}
	added, others, err := w.Close(ctx)
	r.Added, r.Listed = int64(added), r.Listed+int64(others)
	return r, err
}

// sourceStage is the stage of skips that the source itself has made.
const sourceStage = "source"
