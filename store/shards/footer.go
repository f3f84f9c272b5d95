package shards

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

// The Parquet library believes a file's footer. Of a damaged one it would ask for gigabytes, which ends the process
// rather than giving an error, so what the library believes is held to the file's size first.

// maxFooterBytes bounds a file's footer: about 100 bytes a column chunk, so 2 MB for 32 columns and 500 row groups.
const maxFooterBytes = 32 << 20

// checkFooter looks whether the footer can be as long as the file's end says. The library takes that number as it is and
// asks for as much memory.
func checkFooter(at io.ReaderAt, size int64) error {
	var end [8]byte
	if size < 12 {
		return fmt.Errorf("%d bytes are no Parquet file", size)
	}
	if _, err := at.ReadAt(end[:], size-8); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n := int64(binary.LittleEndian.Uint32(end[:4])); string(end[4:]) != "PAR1" || n > size-12 || n > maxFooterBytes {
		return fmt.Errorf("the last 8 bytes are %q, which is no Parquet file's end", end)
	}
	return nil
}

// checkChunks holds the footer's column chunks to what a Writer makes of a file of this size.
func checkChunks(m *format.FileMetaData, size int64) error {
	var rows int64
	for g := range m.RowGroups {
		group := &m.RowGroups[g]
		if group.NumRows < 0 || group.NumRows > maxRowsPerGroup {
			return fmt.Errorf("row group %d says that it has %d rows", g, group.NumRows)
		}
		rows += group.NumRows
		for c := range group.Columns {
			d := &group.Columns[c].MetaData
			switch {
			case d.Codec != format.Uncompressed && d.Codec != format.Zstd:
				return fmt.Errorf("row group %d, column %d: codec %v is none that is written", g, c, d.Codec)
			case d.DictionaryPageOffset != 0 || d.IndexPageOffset != 0 || d.BloomFilterOffset != 0:
				return fmt.Errorf("row group %d, column %d: dictionary, index or filter where none is written", g, c)
			case d.DataPageOffset < 4 || d.TotalCompressedSize < 0 || d.TotalCompressedSize > size || d.DataPageOffset > size-d.TotalCompressedSize:
				return fmt.Errorf("row group %d, column %d: %d bytes at %d in a file of %d", g, c, d.TotalCompressedSize, d.DataPageOffset, size)
			case d.TotalUncompressedSize < 0 || d.TotalUncompressedSize > maxInflation*(size+maxInflation):
				return fmt.Errorf("row group %d, column %d: %d bytes uncompressed in a file of %d", g, c, d.TotalUncompressedSize, size)
			case d.NumValues < 0 || d.NumValues > d.TotalUncompressedSize*maxInflation:
				return fmt.Errorf("row group %d, column %d: %d values in %d bytes", g, c, d.NumValues, d.TotalUncompressedSize)
			}
		}
	}
	if rows != m.NumRows {
		return fmt.Errorf("row groups have %d rows, the file says %d", rows, m.NumRows)
	}
	return nil
}

const (
	maxRowsPerGroup = 1 << 24
	// maxInflation is how far a column of equal values may shrink by zstd, delta and run lengths.
	maxInflation = 1 << 12
)
