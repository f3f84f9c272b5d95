package shards

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"github.com/imglish/imglish/store"
)

// Reader reads rows of one file by number. T names the columns that it takes: a struct whose fields carry the parquet
// tags of ImageRow and its like, or one of these whole. Columns that T lacks are not read.
type Reader[T any] struct {
	key    string
	object store.Object
	rows   *parquet.GenericReader[T]
	next   int64 // row at which rows stands
	meta   Meta
}

// OpenFile opens a file of the folder. A file that cannot be read gives an error that wraps ErrDamaged.
func OpenFile[T any](ctx context.Context, f Folder, file File) (r *Reader[T], err error) {
	o, err := f.Store.Open(ctx, file.Key)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			o.Close()
		}
	}()
	if o.Size() != file.Bytes {
		return nil, fmt.Errorf("%s/%s has %d bytes, its commit says %d: %w", f.URL(), file.Key, o.Size(), file.Bytes, ErrDamaged)
	}
	r, err = OpenParquet[T](f.URL()+"/"+file.Key, o, o.Size())
	if err != nil {
		return nil, err
	}
	r.object = o
	if r.meta.Kind != file.Kind || r.Len() != file.Rows {
		return nil, fmt.Errorf("%s holds %d rows of kind %.40q, its commit says %d of %q: %w",
			r.key, r.Len(), r.meta.Kind, file.Rows, file.Kind, ErrDamaged)
	}
	return r, nil
}

// OpenParquet opens the bytes of a file. name is for errors.
func OpenParquet[T any](name string, at io.ReaderAt, size int64) (r *Reader[T], err error) {
	defer recovered(name, &err)
	if err := checkFooter(at, size); err != nil {
		return nil, damaged(err, "%s", name)
	}
	p, err := parquet.OpenFile(at, size, parquet.SkipBloomFilters(true), parquet.ReadBufferSize(pageBytes))
	if err != nil {
		return nil, damaged(err, "%s", name)
	}
	if err := checkChunks(p.Metadata(), size); err != nil {
		return nil, damaged(err, "%s", name)
	}
	meta, err := parseMeta(p.Lookup)
	if err != nil {
		return nil, damaged(err, "%s", name)
	}
	return &Reader[T]{key: name, rows: parquet.NewGenericReader[T](p), meta: meta}, nil
}

// recovered turns a panic of the Parquet library over a damaged file into an error.
func recovered(name string, err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%s: %w: %v", name, ErrDamaged, p)
	}
}

// Len is the number of rows.
func (r *Reader[T]) Len() int { return int(r.rows.NumRows()) }

// Meta is what the file's rows share.
func (r *Reader[T]) Meta() Meta { return r.meta }

// At reads len(out) rows from row on. What out holds then belongs to the caller.
func (r *Reader[T]) At(row int, out []T) (err error) {
	defer recovered(r.key, &err)
	if row < 0 || row+len(out) > r.Len() {
		return fmt.Errorf("%s: rows %d to %d asked of %d", r.key, row, row+len(out)-1, r.Len())
	}
	if int64(row) != r.next {
		if err := r.rows.SeekToRow(int64(row)); err != nil {
			return damaged(err, "%s: row %d", r.key, row)
		}
	}
	r.next = -1 // unknown until the rows are there
	for n := 0; n < len(out); {
		k, err := r.rows.Read(out[n:])
		n += k
		if k == 0 && err == nil {
			err = io.ErrNoProgress
		}
		if err != nil && (n < len(out) || !errors.Is(err, io.EOF)) {
			return damaged(err, "%s: row %d", r.key, row+n)
		}
	}
	r.next = int64(row + len(out))
	return nil
}

// Close closes the file.
func (r *Reader[T]) Close() error {
	err := r.rows.Close()
	if r.object != nil {
		err = errors.Join(err, r.object.Close())
	}
	return err
}
