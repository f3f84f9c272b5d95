package mixer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
)

// rowData is what a micro-batch needs of a row; fields that its kind lacks are empty.
type rowData struct {
	Encoded []byte
	Codes   []uint16
	IDs     []int32
}

// Columns read from each kind of file.
type (
	imageColumns struct {
		ID      [16]byte `parquet:"id"`
		View    int32    `parquet:"view"`
		Encoded []byte   `parquet:"encoded"`
		Codes   []uint16 `parquet:"codes,list"`
	}
	textColumns struct {
		ID   [16]byte `parquet:"id"`
		Part int32    `parquet:"part"`
		IDs  []int32  `parquet:"ids,list"`
	}
	pairColumns struct {
		ID      [16]byte `parquet:"id"`
		View    int32    `parquet:"view"`
		Encoded []byte   `parquet:"encoded"`
		Codes   []uint16 `parquet:"codes,list"`
		IDs     []int32  `parquet:"ids,list"`
	}
)

// rowReader reads single rows of one open file.
type rowReader interface {
	row(r *Row) (*rowData, error)
	meta() shards.Meta
	close() error
}

// readers keeps files open between rows. A file that is in use by one worker is opened again for another.
type readers struct {
	folder shards.Folder
	files  map[string]shards.File

	mu   sync.Mutex
	idle []idleReader // longest idle first
}

type idleReader struct {
	key    string
	reader rowReader
}

// maxIdle bounds the files that stay open: each holds its footer, about 0.5 MB.
const maxIdle = 128

func (rs *readers) read(ctx context.Context, r *Row) (*rowData, shards.Meta, error) {
	reader, err := rs.take(ctx, r)
	if err != nil {
		return nil, shards.Meta{}, err
	}
	data, err := reader.row(r)
	meta := reader.meta()
	if err != nil {
		return nil, meta, errors.Join(err, reader.close())
	}
	return data, meta, rs.put(r.Shard, reader)
}

func (rs *readers) take(ctx context.Context, r *Row) (rowReader, error) {
	rs.mu.Lock()
	for i := len(rs.idle) - 1; i >= 0; i-- {
		if rs.idle[i].key == r.Shard {
			reader := rs.idle[i].reader
			rs.idle = append(rs.idle[:i], rs.idle[i+1:]...)
			rs.mu.Unlock()
			return reader, nil
		}
	}
	rs.mu.Unlock()
	file, ok := rs.files[r.Shard]
	if !ok {
		return nil, fmt.Errorf("no shard of this name is in the set")
	}
	switch r.Kind {
	case pipeline.Kind_IMAGE:
		return openRows(ctx, rs.folder, file, func(c *imageColumns) ([16]byte, int32, int32, rowData) {
			return c.ID, c.View, 0, rowData{Encoded: c.Encoded, Codes: c.Codes}
		})
	case pipeline.Kind_TEXT:
		return openRows(ctx, rs.folder, file, func(c *textColumns) ([16]byte, int32, int32, rowData) {
			return c.ID, 0, c.Part, rowData{IDs: c.IDs}
		})
	case pipeline.Kind_PAIR:
		return openRows(ctx, rs.folder, file, func(c *pairColumns) ([16]byte, int32, int32, rowData) {
			return c.ID, c.View, 0, rowData{Encoded: c.Encoded, Codes: c.Codes, IDs: c.IDs}
		})
	}
	return nil, fmt.Errorf("row of kind %v", r.Kind)
}

func (rs *readers) put(key string, reader rowReader) error {
	rs.mu.Lock()
	rs.idle = append(rs.idle, idleReader{key, reader})
	var old rowReader
	if len(rs.idle) > maxIdle {
		old = rs.idle[0].reader
		rs.idle = append(rs.idle[:0], rs.idle[1:]...)
	}
	rs.mu.Unlock()
	if old != nil {
		return old.close()
	}
	return nil
}

func (rs *readers) close() error {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var errs []error
	for _, i := range rs.idle {
		errs = append(errs, i.reader.close())
	}
	rs.idle = nil
	return errors.Join(errs...)
}

// columnReader reads rows of the columns C.
type columnReader[C any] struct {
	reader *shards.Reader[C]
	data   func(*C) (id [16]byte, view, part int32, data rowData)
}

func openRows[C any](ctx context.Context, f shards.Folder, file shards.File,
	data func(*C) ([16]byte, int32, int32, rowData)) (rowReader, error) {
	r, err := shards.OpenFile[C](ctx, f, file)
	if err != nil {
		return nil, err
	}
	return &columnReader[C]{r, data}, nil
}

func (cr *columnReader[C]) row(r *Row) (*rowData, error) {
	out := make([]C, 1) // fresh: what a row holds goes on to the trainer's micro-batch
	if err := cr.reader.At(r.Row, out); err != nil {
		return nil, err
	}
	id, view, part, data := cr.data(&out[0])
	if id != r.ID || int(view) != r.View || int(part) != r.Part {
		return nil, fmt.Errorf("the row is id %x, view %d, part %d: %w", id, view, part, shards.ErrDamaged)
	}
	return &data, nil
}

func (cr *columnReader[C]) meta() shards.Meta { return cr.reader.Meta() }

func (cr *columnReader[C]) close() error { return cr.reader.Close() }
