package shards

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// row is a row of a file of any kind; View or Part is nil where the kind has none.
type row struct {
	*shards.Origin
	*shards.View
	*shards.Part
}

// stream reads the rows of one file.
type stream interface {
	// peek is the next row's origin, nil behind the last.
	peek() (*shards.Origin, error)
	// next returns the next row; peek has said that there is one. It is valid until the next call.
	next() row
	kind() shards.Kind
	meta() shards.Meta
	name() string
	close() error
}

// batch is how many rows are read at once: at 30 kB a view about 1 MB.
const batch = 32

type fileStream[T any] struct {
	file shards.File
	r    *shards.Reader[T]
	row  func(*T) row
	buf  []T
	at   int // of buf
	read int // rows of the file that are read
}

// open opens a file at the first row whose seq is not below a number.
func open[T any](ctx context.Context, folder shards.Folder, file shards.File, seq int64, as func(*T) row) (stream, error) {
	from, err := rowOf(ctx, folder, file, seq)
	if err != nil {
		return nil, err
	}
	r, err := shards.OpenFile[T](ctx, folder, file)
	if err != nil {
		return nil, err
	}
	return &fileStream[T]{file: file, r: r, row: as, read: from}, nil
}

// rowOf finds the first row whose seq is not below a number.
func rowOf(ctx context.Context, folder shards.Folder, file shards.File, seq int64) (int, error) {
	if seq == 0 {
		return 0, nil
	}
	type column struct {
		Seq int64 `parquet:"seq,delta"`
	}
	r, err := shards.OpenFile[column](ctx, folder, file)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	buf := make([]column, 1024)
	for at := 0; at < r.Len(); {
		buf = buf[:min(len(buf), r.Len()-at)]
		if err := r.At(at, buf); err != nil {
			return 0, err
		}
		if i := slices.IndexFunc(buf, func(c column) bool { return c.Seq >= seq }); i >= 0 {
			return at + i, nil
		}
		at += len(buf)
	}
	return r.Len(), nil
}

func (s *fileStream[T]) peek() (*shards.Origin, error) {
	if s.at == len(s.buf) {
		s.at, s.buf = 0, make([]T, min(batch, s.r.Len()-s.read)) // samples keep what rows point to
		if len(s.buf) == 0 {
			return nil, nil
		}
		if err := s.r.At(s.read, s.buf); err != nil {
			return nil, err
		}
		s.read += len(s.buf)
	}
	return s.row(&s.buf[s.at]).Origin, nil
}

func (s *fileStream[T]) next() row {
	s.at++
	return s.row(&s.buf[s.at-1])
}

func (s *fileStream[T]) kind() shards.Kind { return s.file.Kind }
func (s *fileStream[T]) meta() shards.Meta { return s.r.Meta() }
func (s *fileStream[T]) name() string      { return s.file.Key }
func (s *fileStream[T]) close() error      { return s.r.Close() }

var kinds = map[shards.Kind]pipeline.Kind{
	shards.Image: pipeline.Kind_IMAGE, shards.Text: pipeline.Kind_TEXT, shards.Pair: pipeline.Kind_PAIR,
}

// sample makes a sample of the next rows of one seq.
func sample(from stream, join bool) (*pipeline.Sample, error) {
	first := from.next()
	o := first.Origin
	s := filelist.Sample(kinds[from.kind()], &pipeline.Origin{
		Dataset: o.Source.Dataset, Key: o.Source.Key, Revision: o.Source.Revision,
		Url: o.URL, Title: o.Title, Licence: o.Licence, Labels: o.Labels,
	})
	if string(s.Id) != string(o.ID[:]) {
		return nil, fmt.Errorf("its id is %x, that of %s %q is %x", o.ID, o.Source.Dataset, o.Source.Key, s.Id)
	}
	s.Signatures = &pipeline.Signatures{}
	if v := first.View; v != nil {
		s.Signatures.Phash = v.Phash
		s.Image = &pipeline.Image{Blob: store.BlobKey(v.SHA256), Sha256: v.SHA256[:], Width: v.Width, Height: v.Height, Format: v.Format}
	}
	if p := first.Part; p != nil {
		s.Signatures.Minhash = p.Minhash
	}
	for r := first; ; r = from.next() {
		if err := add(s, r, from.meta()); err != nil {
			return nil, err
		}
		head, err := from.peek()
		if err != nil {
			return nil, err
		}
		if head == nil || head.Seq != o.Seq {
			break
		}
		if head.ID != o.ID {
			return nil, fmt.Errorf("two samples, %x and %x", o.ID, head.ID)
		}
	}
	if join && s.Kind == pipeline.Kind_TEXT && len(s.Parts) > 1 {
		texts := make([]string, len(s.Parts))
		for i, p := range s.Parts {
			texts[i] = p.Text
		}
		s.Parts = []*pipeline.Part{{Text: strings.Join(texts, "\n")}}
	}
	return s, nil
}

// add adds the view or part of a row. Codes and ids stay behind.
func add(s *pipeline.Sample, r row, m shards.Meta) error {
	if v := r.View; v != nil {
		if int(v.View) != len(s.Views) {
			return fmt.Errorf("view %d stands where %d should", v.View, len(s.Views))
		}
		s.Views = append(s.Views, &pipeline.View{
			Number: v.View, Left: v.Crop.Left, Top: v.Crop.Top, Width: v.Crop.Width, Height: v.Crop.Height,
			Flip: v.Flip, Jitter: v.Jitter, Encoded: v.Encoded, Encoding: m.Encoding, Side: int32(m.Side), Grid: int32(m.Grid),
		})
	}
	if p := r.Part; p != nil {
		if s.Kind == pipeline.Kind_PAIR && len(s.Parts) == 1 {
			return nil // each row of a pair repeats its text
		}
		if int(p.Part) != len(s.Parts) {
			return fmt.Errorf("part %d stands where %d should", p.Part, len(s.Parts))
		}
		s.Parts = append(s.Parts, &pipeline.Part{Number: p.Part, Text: p.Text})
	}
	return nil
}
