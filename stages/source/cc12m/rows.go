package cc12m

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// bom may stand before the first row of a list that went through a Windows editor.
var bom = []byte("\xef\xbb\xbf")

// rows reads the lines of one list.
type rows struct {
	f      *os.File
	r      *bufio.Reader
	file   pipeline.File
	cfg    Config
	offset int64 // of the next line
	line   []byte
}

func openList(path string, file pipeline.File, place string, cfg Config) (*rows, error) {
	var offset int64
	if place != "" {
		var err error
		if offset, err = strconv.ParseInt(place, 10, 64); err != nil || offset < 0 || offset > file.Size {
			return nil, fmt.Errorf("cursor place %q is no byte offset in a list of %d bytes", place, file.Size)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if offset > 0 && offset < file.Size {
		var before [1]byte
		if _, err := f.ReadAt(before[:], offset-1); err != nil || before[0] != '\n' {
			f.Close()
			return nil, fmt.Errorf("cursor place %q is not behind the end of a line (%v)", place, err)
		}
	}
	// The section ends where the list ended when it was described: bytes added while it is read are another list.
	section := io.NewSectionReader(f, offset, file.Size-offset)
	return &rows{f: f, r: bufio.NewReaderSize(section, 256<<10), file: file, cfg: cfg, offset: offset}, nil
}

func (r *rows) Done() int64  { return r.offset }
func (r *rows) Close() error { return r.f.Close() }

func (r *rows) Next(context.Context) (pipeline.Result, string, error) {
	start := r.offset
	tooLong, err := r.readLine()
	if err != nil {
		return pipeline.Result{}, "", err
	}
	from := &pipeline.Origin{
		Dataset:  r.cfg.Dataset,
		Key:      strconv.FormatInt(start, 10),
		Revision: r.file.Fingerprint,
		Licence:  r.cfg.Licence,
	}
	line := r.line
	if start == 0 {
		line = bytes.TrimPrefix(line, bom)
	}
	row := parse(line, tooLong, r.cfg.MaxRow, from)
	if row.Skip != nil {
		row = filelist.Reference(row, pipeline.Kind_PAIR, from)
	}
	return row, strconv.FormatInt(r.offset, 10), nil
}

// readLine reads the next line into r.line without its end. Of a line that is too long it keeps the head, and reads
// over the rest in pieces.
func (r *rows) readLine() (tooLong bool, err error) {
	r.line = r.line[:0]
	for {
		piece, err := r.r.ReadSlice('\n')
		r.offset += int64(len(piece))
		if room := r.cfg.MaxRow + len("\r\n") - len(r.line); len(piece) > room {
			piece, tooLong = piece[:room], true
		}
		r.line = append(r.line, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(r.line) == 0:
			return false, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return false, fmt.Errorf("at byte %d: %w", r.offset, err)
		}
		if !tooLong {
			r.line = bytes.TrimSuffix(bytes.TrimSuffix(r.line, []byte("\n")), []byte("\r"))
			tooLong = len(r.line) > r.cfg.MaxRow
		}
		return tooLong, nil
	}
}

// parse makes a row of a line. It writes the URL into from, also where the row is skipped, if it has one.
func parse(line []byte, tooLong bool, maxRow int, from *pipeline.Origin) pipeline.Result {
	if tooLong {
		return pipeline.Drop("row-too-long", fmt.Sprintf("the line has more than %d bytes", maxRow))
	}
	if !utf8.Valid(line) {
		return pipeline.Drop("malformed-row", "the line is not UTF-8")
	}
	url, caption, found := bytes.Cut(line, []byte("\t"))
	url, caption = bytes.TrimSpace(url), bytes.TrimSpace(caption)
	switch {
	case !found:
		return pipeline.Drop("malformed-row", "the line has no tab")
	case bytes.IndexByte(caption, '\t') >= 0:
		return pipeline.Drop("malformed-row", fmt.Sprintf("the line has %d fields, not 2", bytes.Count(line, []byte("\t"))+1))
	case len(url) == 0:
		return pipeline.Drop("malformed-row", "the URL is empty")
	}
	from.Url = string(url)
	if len(caption) == 0 {
		return pipeline.Drop("no-caption", "the caption is empty")
	}
	s := filelist.Sample(pipeline.Kind_PAIR, from)
	s.Image = &pipeline.Image{}
	s.Parts = []*pipeline.Part{{Text: string(caption)}}
	return pipeline.Keep(s)
}
