package dead

import (
	"context"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
)

// Letters are the skips of one line.
type Letters struct {
	folder shards.Folder
	lists  replay.Lists
	line   string // UUID
}

// Open returns the skips of the line whose shards a store holds.
func Open(ctx context.Context, st store.Store) (*Letters, error) {
	f, err := shards.Find(ctx, st)
	if err != nil {
		return nil, err
	}
	line, _, _, err := f.Settings(ctx)
	if err != nil {
		return nil, err
	}
	return &Letters{folder: f, lists: replay.Open(st), line: line.Line}, nil
}

// Skip is one skip.
type Skip struct {
	replay.Place
	Source    string    // the source of the line; replay.Source for one that was skipped again
	Committed time.Time // when the commit that holds it was written
	Fate      Fate
	Row       shards.DroppedRow
}

// Filter says which skips are meant. A field that is empty allows all. Stages, Reasons and Sources may be patterns as
// path.Match takes them, such as http-5*.
type Filter struct {
	Stages, Reasons, Sources []string
	Since, Until             time.Time // of the commit; Until is not included
	Retryable                bool      // only those whose reason may pass
	Fates                    []Fate
}

// Validate says which pattern cannot be read.
func (f Filter) Validate() error {
	for _, p := range slices.Concat(f.Stages, f.Reasons, f.Sources) {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", p, err)
		}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return fmt.Errorf("since %s is not before until %s", f.Since.Format(time.RFC3339), f.Until.Format(time.RFC3339))
	}
	return nil
}

func matches(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// commit says whether a commit may hold skips that are meant.
func (f Filter) commit(c shards.Dated) bool {
	if !matches(f.Sources, c.Source) || c.At.Before(f.Since) || !f.Until.IsZero() && !c.At.Before(f.Until) {
		return false
	}
	for name := range c.Skips {
		if f.named(name) {
			return true
		}
	}
	return false
}

// named says whether "stage/reason" is meant.
func (f Filter) named(name string) bool {
	stage, reason, _ := strings.Cut(name, "/")
	return matches(f.Stages, stage) && matches(f.Reasons, reason)
}

func (f Filter) skip(s Skip) bool {
	return f.named(s.Row.Stage+"/"+s.Row.Reason) && (!f.Retryable || s.Row.Retryable) &&
		(len(f.Fates) == 0 || slices.Contains(f.Fates, s.Fate))
}

// Progress is told how many commits have been looked at. It may be nil.
type Progress func(done, total int64, note string)

func (p Progress) tell(done int64, note string) {
	if p != nil {
		p(done, 0, note)
	}
}

// Each yields the skips that are meant, by lane and seq.
func (l *Letters) Each(ctx context.Context, f Filter, p Progress) iter.Seq2[Skip, error] {
	return func(yield func(Skip, error) bool) {
		fates, err := l.fates(ctx)
		if err != nil {
			yield(Skip{}, err)
			return
		}
		done := int64(0)
		for c, err := range l.folder.Each(ctx) {
			if err != nil {
				yield(Skip{}, err)
				return
			}
			done++
			p.tell(done, "commits")
			if !f.commit(c) {
				continue
			}
			for s, err := range l.skips(ctx, c) {
				if err == nil {
					s.Fate = fates.of(s)
					if !f.skip(s) {
						continue
					}
				}
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// skips yields the skips of one commit; their fate is not known yet.
func (l *Letters) skips(ctx context.Context, c shards.Dated) iter.Seq2[Skip, error] {
	return func(yield func(Skip, error) bool) {
		file, ok := c.File(shards.Dropped)
		if !ok {
			return
		}
		for row, err := range rows[shards.DroppedRow](ctx, l.folder, file) {
			s := Skip{Source: c.Source, Committed: c.At}
			if err == nil {
				s.Row, s.Place = *row, replay.Place{Lane: c.Lane, Seq: uint64(row.Seq)}
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// rows yields the rows of a file, a row group at a time. A row is valid until the next.
func rows[T any](ctx context.Context, folder shards.Folder, file shards.File) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		r, err := shards.OpenFile[T](ctx, folder, file)
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		for at := 0; at < r.Len(); {
			buf := make([]T, min(shards.DefaultRowGroup, r.Len()-at)) // what is kept of a row must not be overwritten
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if err := r.At(at, buf); err != nil {
				yield(nil, err)
				return
			}
			for i := range buf {
				if !yield(&buf[i], nil) {
					return
				}
			}
			at += len(buf)
		}
	}
}
