package dead

import (
	"context"
	"errors"
	"io"
	"strings"
	"unique"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/replay"
)

// want is a skip whose sample is looked for.
type want struct {
	replay.Place
	id            [16]byte
	stage         string
	dataset       string
	key, revision string
}

func newWant(s Skip) want {
	one := func(text string) string { return unique.Make(text).Value() } // a million skips have a few of these
	from := s.Row.Origin.Source
	return want{s.Place, s.Row.ID, one(s.Row.Stage), one(from.Dataset), strings.Clone(from.Key), one(from.Revision)}
}

func (w want) origin() *pipeline.Origin {
	return &pipeline.Origin{Dataset: w.dataset, Key: w.key, Revision: w.revision}
}

// collector finds the samples of one source.
type collector struct {
	name     string
	source   pipeline.Source
	list     []want // in the order of the source's rows
	add      func(want, *pipeline.Sample) error
	progress Progress
	rows     int64 // read
}

func (c *collector) next(ctx context.Context, rows pipeline.Rows) (pipeline.Row, error) {
	r, err := rows.Next(ctx)
	if err == nil {
		if c.rows++; c.rows%256 == 0 {
			c.progress.tell(c.rows, "rows of "+c.name)
		}
	}
	return r, err
}

// collect returns how many samples were not found.
func (c *collector) collect(ctx context.Context) (missing int64, err error) {
	if f, ok := c.source.(pipeline.Finder); ok {
		return c.lookUp(ctx, f)
	}
	return c.scan(ctx)
}

// readOn is how many rows are read before a row is looked up instead: opening a file for a row costs about as much.
const readOn = 64

// lookUp reads on from row to row where they lie close together, and looks up where they do not.
func (c *collector) lookUp(ctx context.Context, f pipeline.Finder) (missing int64, err error) {
	var rows pipeline.Rows
	defer func() {
		if rows != nil {
			err = errors.Join(err, rows.Close())
		}
	}()
	for _, w := range c.list {
		hit := false
		for range readOn {
			if rows == nil {
				break
			}
			r, err := c.next(ctx, rows)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return missing, err
			}
			if hit = isRow(r, w); hit {
				if missing, err = c.take(r, w, missing); err != nil {
					return missing, err
				}
				break
			}
		}
		if hit {
			continue
		}
		if rows != nil {
			if err := rows.Close(); err != nil {
				return missing, err
			}
			rows = nil
		}
		at, ok, err := f.Find(ctx, w.origin())
		if err != nil {
			return missing, err
		}
		if !ok {
			missing++
			continue
		}
		if rows, err = c.source.Open(ctx, at); err != nil {
			return missing, err
		}
		r, err := c.next(ctx, rows)
		switch {
		case errors.Is(err, io.EOF) || err == nil && !isRow(r, w):
			missing++
		case err != nil:
			return missing, err
		default:
			if missing, err = c.take(r, w, missing); err != nil {
				return missing, err
			}
		}
	}
	return missing, nil
}

func isRow(r pipeline.Row, w want) bool { return string(rowID(r)) == string(w.id[:]) }

func rowID(r pipeline.Row) []byte {
	if r.Skip != nil {
		return r.Skip.Id
	}
	return r.Sample.GetId()
}

// take adds the sample of a row, unless the source cannot make one any more.
func (c *collector) take(r pipeline.Row, w want, missing int64) (int64, error) {
	if r.Sample == nil {
		return missing + 1, nil
	}
	r.Sample.History = nil // what the list that it may come from says of itself
	return missing, c.add(w, r.Sample)
}

// scan reads the files that may hold the rows from their start.
func (c *collector) scan(ctx context.Context) (missing int64, err error) {
	left := make(map[[16]byte][]want, len(c.list))
	revisions := map[string]bool{}
	for _, w := range c.list {
		left[w.id] = append(left[w.id], w)
		revisions[w.revision] = true
	}
	files, err := c.source.Files(ctx)
	if err != nil {
		return 0, err
	}
	ranges := [][2]int{{0, len(files)}}
	if only := affected(files, revisions); only != nil {
		ranges = only
	}
	for _, files := range ranges {
		more, err := c.scanFiles(ctx, files, left)
		missing += more
		if err != nil {
			return missing, err
		}
	}
	for _, list := range left {
		missing += int64(len(list))
	}
	return missing, nil
}

// affected returns ranges of the files whose fingerprints are among revisions. Where there is none, revisions are
// something else, as in Wikipedia's dumps, and any file may hold a row: nil.
func affected(files []pipeline.File, revisions map[string]bool) (ranges [][2]int) {
	for i, f := range files {
		if !revisions[f.Fingerprint] {
			continue
		}
		if n := len(ranges); n > 0 && ranges[n-1][1] == i {
			ranges[n-1][1]++
		} else {
			ranges = append(ranges, [2]int{i, i + 1})
		}
	}
	return ranges
}

func (c *collector) scanFiles(ctx context.Context, files [2]int, left map[[16]byte][]want) (missing int64, err error) {
	if len(left) == 0 {
		return 0, nil
	}
	rows, err := c.source.Open(ctx, pipeline.Cursor{File: files[0]})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for len(left) > 0 {
		r, err := c.next(ctx, rows)
		if errors.Is(err, io.EOF) || err == nil && r.File >= files[1] {
			return missing, nil
		}
		if err != nil {
			return missing, err
		}
		id := rowID(r)
		if len(id) != 16 {
			continue
		}
		for _, w := range left[[16]byte(id)] {
			if missing, err = c.take(r, w, missing); err != nil {
				return missing, err
			}
		}
		delete(left, [16]byte(id))
	}
	return missing, nil
}
