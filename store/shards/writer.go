package shards

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"github.com/imglish/imglish/store"
)

const (
	// DefaultRowGroup is how many rows a row group has: at 30 kB a view about 8 MB, which is what a writer holds in
	// memory and what a reader of whole groups takes at once.
	DefaultRowGroup = 256

	// pageBytes is where a page ends. A mixer reads single rows in random order, and reading a row means reading its
	// page; a view has about 20 kB, so a page holds one or two.
	pageBytes = 32 << 10
)

// Writer makes one file out of rows. The bytes go to an unnamed file in a scratch folder until the range is complete,
// since the file's name needs their hash. A Writer that is not finished is closed.
type Writer[T row] struct {
	kind    Kind
	scratch *os.File
	buffer  *bufio.Writer
	parquet *parquet.GenericWriter[T]
	meta    Meta
	rows    int
	samples int
	lastSeq int64
}

// NewWriter begins a file of meta.Kind. scratch is the folder for unfinished files, "" for the system's.
func NewWriter[T row](scratch string, rowGroup int, meta Meta) (*Writer[T], error) {
	f, err := os.CreateTemp(scratch, "imglish-range-*")
	if err != nil {
		return nil, scratchError(scratch, err)
	}
	// Without a name the file goes when the process does, however it ends.
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, scratchError(scratch, err)
	}
	w := &Writer[T]{kind: meta.Kind, scratch: f, buffer: bufio.NewWriterSize(f, 256<<10), meta: meta, lastSeq: -1}
	options := []parquet.WriterOption{
		// The library puts its own version and commit here if it is not told otherwise.
		parquet.CreatedBy("imglish", fmt.Sprint(Schema), "shards"),
		parquet.MaxRowsPerRowGroup(int64(rowGroup)),
		parquet.PageBufferSize(pageBytes),
		parquet.DataPageStatistics(false),
		parquet.SkipPageBounds("encoded"),
	}
	for _, kv := range meta.pairs() {
		options = append(options, parquet.KeyValueMetadata(kv[0], kv[1]))
	}
	w.parquet = parquet.NewGenericWriter[T](w.buffer, options...)
	return w, nil
}

// Write appends rows of one sample.
func (w *Writer[T]) Write(seq int64, rows ...T) error {
	for i := range rows {
		// One at a time: the library looks whether a page is full between calls.
		if _, err := w.parquet.Write(rows[i : i+1]); err != nil {
			return scratchError(w.scratch.Name(), err)
		}
	}
	w.rows += len(rows)
	if seq != w.lastSeq {
		w.samples++
		w.lastSeq = seq
	}
	return nil
}

// Meta is what the file's rows share.
func (w *Writer[T]) Meta() Meta { return w.meta }

// Finish completes the file and describes it; the key is that of a range of a lane. The bytes are then at Content.
func (w *Writer[T]) Finish(lane int, from, to uint64) (File, error) {
	if err := w.parquet.Close(); err != nil {
		return File{}, scratchError(w.scratch.Name(), err)
	}
	if err := w.buffer.Flush(); err != nil {
		return File{}, scratchError(w.scratch.Name(), err)
	}
	h := sha256.New()
	size, err := io.Copy(h, w.Content())
	if err != nil {
		return File{}, scratchError(w.scratch.Name(), err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	return File{
		Kind: w.kind, Key: fileKey(w.kind, lane, from, to, sum),
		Rows: w.rows, Samples: w.samples, Bytes: size, SHA256: sum,
	}, nil
}

// Content reads the finished file from its start.
func (w *Writer[T]) Content() io.Reader { return io.NewSectionReader(w.scratch, 0, 1<<62) }

// Close gives the scratch space back.
func (w *Writer[T]) Close() error { return w.scratch.Close() }

func scratchError(folder string, err error) error {
	if folder == "" {
		folder = os.TempDir()
	}
	return &store.Error{Op: "write unfinished range", URL: folder, Err: err}
}
