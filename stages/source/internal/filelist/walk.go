package filelist

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/imglish/imglish/pipeline"
)

// Reader reads the rows of one file.
type Reader interface {
	// Next returns the next row and the place behind it in the source's own notation, or io.EOF behind the last.
	Next(ctx context.Context) (row pipeline.Result, place string, err error)
	// Done is how many of the file's bytes lie behind the reader.
	Done() int64
	Close() error
}

// Walk reads files one behind another. open opens file number file behind a place; an empty place is the file's start.
func Walk(list []pipeline.File, after pipeline.Cursor, open func(file int, place string) (Reader, error)) (pipeline.Rows, error) {
	if after.Row < 0 || after.File < 0 || after.File > len(list) || (after.File == len(list) && after.Place != "") {
		return nil, fmt.Errorf("cursor %+v does not fit the source's %d files", after, len(list))
	}
	w := &walk{list: list, open: open, at: after}
	for i, f := range list {
		w.total += f.Size
		if i < after.File {
			w.before += f.Size
		}
	}
	if after.Place != "" { // a place that does not fit is told at once, not at the first row
		if err := w.enter(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

type walk struct {
	list   []pipeline.File
	open   func(int, string) (Reader, error)
	at     pipeline.Cursor
	r      Reader // of file at.File; nil if it is not open
	before int64  // bytes of the files before at.File
	total  int64
}

func (w *walk) enter() error {
	r, err := w.open(w.at.File, w.at.Place)
	if err != nil {
		return fmt.Errorf("open %s: %w", w.list[w.at.File].Name, err)
	}
	w.r = r
	return nil
}

func (w *walk) Next(ctx context.Context) (pipeline.Row, error) {
	for {
		if err := ctx.Err(); err != nil {
			return pipeline.Row{}, err
		}
		if w.at.File >= len(w.list) {
			return pipeline.Row{}, io.EOF
		}
		if w.r == nil {
			if err := w.enter(); err != nil {
				return pipeline.Row{}, err
			}
		}
		res, place, err := w.r.Next(ctx)
		switch {
		case err == nil:
			w.at.Row++
			w.at.Place = place
			return pipeline.Row{Result: res, After: w.at, File: w.at.File}, nil
		case !errors.Is(err, io.EOF):
			return pipeline.Row{}, fmt.Errorf("read %s behind row %d: %w", w.list[w.at.File].Name, w.at.Row, err)
		}
		w.before += w.list[w.at.File].Size
		w.at.File, w.at.Place = w.at.File+1, ""
		if err := w.Close(); err != nil {
			return pipeline.Row{}, err
		}
	}
}

// Left counts bytes of the files as they lie on disk.
func (w *walk) Left() (done, total int64, unit string) {
	done = w.before
	if w.r != nil {
		done += w.r.Done()
	}
	return done, w.total, "bytes"
}

func (w *walk) Close() error {
	if w.r == nil {
		return nil
	}
	err := w.r.Close()
	w.r = nil
	return err
}
