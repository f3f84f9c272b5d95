package train

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"

	"github.com/parquet-go/parquet-go"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
)

// Columns of recorded views. The line's own shards call their views so too.
const (
	viewColumn    = "encoded"  // the view: JPEG, PNG or WebP, S×S
	vectorsColumn = "features" // list of N·D numbers: the vectors of its patches, row-major over the grid
)

// featureFile is one Parquet file. Its rows may be read from several goroutines at once.
type featureFile struct {
	name          string
	file          *os.File
	parquet       *parquet.File
	groups        []parquet.RowGroup
	starts        []int64 // number of the first row of each group, and of the end
	view, vectors int     // numbers of the columns
	sum           []byte  // of the footer
}

func openFeatures(name string) (_ *featureFile, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	f := &featureFile{name: name, file: file}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	defer recovered(&err)
	st, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if f.sum, err = footerSum(file, st.Size()); err != nil {
		return nil, err
	}
	f.parquet, err = parquet.OpenFile(file, st.Size(), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	f.groups, f.starts = f.parquet.RowGroups(), []int64{0}
	for i, g := range f.groups {
		f.starts = append(f.starts, f.starts[i]+g.NumRows())
	}
	if f.view, err = column(f.parquet, viewColumn, parquet.ByteArray); err != nil {
		return nil, err
	}
	f.vectors, err = column(f.parquet, vectorsColumn, parquet.Float, parquet.Double, parquet.FixedLenByteArray)
	return f, err
}

// recovered turns a panic of the Parquet library over a damaged file into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the file is damaged: %v", p)
	}
}

// maxFooterBytes bounds what is read to tell files apart.
const maxFooterBytes = 1 << 30

// footerSum is the SHA-256 of a file's size and footer.
func footerSum(f io.ReaderAt, size int64) ([]byte, error) {
	var end [8]byte
	if size < 12 {
		return nil, fmt.Errorf("%d bytes are no Parquet file", size)
	}
	if _, err := f.ReadAt(end[:], size-8); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	if string(end[4:]) != "PAR1" || n > size-12 || n > maxFooterBytes {
		return nil, errors.New("it does not end as a Parquet file")
	}
	h := sha256.New()
	binary.Write(h, binary.LittleEndian, size)
	_, err := io.Copy(h, io.NewSectionReader(f, size-8-n, n))
	return h.Sum(nil), err
}

// column finds the number of the one leaf below a column of the schema, whatever its lists and elements are called.
func column(f *parquet.File, name string, kinds ...parquet.Kind) (int, error) {
	at := -1
	for i, path := range f.Schema().Columns() {
		if path[0] != name {
			continue
		}
		leaf, _ := f.Schema().Lookup(path...)
		kind := leaf.Node.Type().Kind()
		if at >= 0 || !slices.Contains(kinds, kind) || kind == parquet.FixedLenByteArray && leaf.Node.Type().Length() != 2 {
			return 0, fmt.Errorf("column %s has the type %s; wanted are %s (binary: a JPEG, PNG or WebP) and %s (list of float, double or halffloat)",
				name, leaf.Node.Type(), viewColumn, vectorsColumn)
		}
		at = i
	}
	if at < 0 {
		return 0, fmt.Errorf("there is no column %s; wanted are %s (binary: a JPEG, PNG or WebP) and %s (list of float, double or halffloat)",
			name, viewColumn, vectorsColumn)
	}
	return at, nil
}

// read gives a row's view, side×side, and its vectors. It decodes the row group up to the row, or the row's page alone
// where the file has a page index.
func (f *featureFile) read(row int64, side int) (im *pixels.Image, vectors []float32, err error) {
	defer recovered(&err)
	g := sort.Search(len(f.groups), func(i int) bool { return f.starts[i+1] > row })
	columns := f.groups[g].ColumnChunks()
	view, err := rowValues(columns[f.view], row-f.starts[g])
	if err != nil {
		return nil, nil, err
	}
	if len(view) != 1 || view[0].IsNull() {
		return nil, nil, fmt.Errorf("column %s is empty", viewColumn)
	}
	im, _, err = pixels.Decode(view[0].ByteArray(), pixels.DefaultLimits())
	if err != nil {
		return nil, nil, err
	}
	if im.W != side || im.H != side {
		return nil, nil, fmt.Errorf("the view has %d×%d pixels, the tokenizer takes %d×%d", im.W, im.H, side, side)
	}
	numbers, err := rowValues(columns[f.vectors], row-f.starts[g])
	if err != nil {
		return nil, nil, err
	}
	vectors = make([]float32, len(numbers))
	for i, v := range numbers {
		if v.IsNull() {
			return nil, nil, fmt.Errorf("value %d of %s is missing", i, vectorsColumn)
		}
		if vectors[i] = number(v); math.IsNaN(float64(vectors[i])) || math.IsInf(float64(vectors[i]), 0) {
			return nil, nil, fmt.Errorf("value %d of %s is no finite number", i, vectorsColumn)
		}
	}
	return im, vectors, nil
}

// rowValues reads one row of a column. They share no memory with the page.
func rowValues(c parquet.ColumnChunk, row int64) ([]parquet.Value, error) {
	pages := c.Pages()
	defer pages.Close()
	if err := pages.SeekToRow(row); err != nil {
		return nil, err
	}
	page, err := pages.ReadPage()
	if err != nil {
		return nil, err
	}
	defer parquet.Release(page)
	one := page.Slice(0, 1)
	out := make([]parquet.Value, one.NumValues())
	n, err := one.Values().ReadValues(out)
	if err != nil && !errors.Is(err, io.EOF) || n < len(out) {
		return nil, fmt.Errorf("%d of %d values of column %d: %w", n, len(out), c.Column(), err)
	}
	for i := range out {
		out[i] = out[i].Clone()
	}
	return out, nil
}

// number is a value of the vectors' column as a float32.
func number(v parquet.Value) float32 {
	switch v.Kind() {
	case parquet.Float:
		return v.Float()
	case parquet.Double:
		return float32(v.Double())
	case parquet.FixedLenByteArray:
		return tensor.FromF16(binary.LittleEndian.Uint16(v.ByteArray()))
	}
	return float32(math.NaN())
}
