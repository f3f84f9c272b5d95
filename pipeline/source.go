package pipeline

import "context"

// Source lists the rows of a data set: an append-only list of immutable files. Whoever reads it again gets the same
// rows in the same order, so that row g is always lane g mod L, seq g div L.
type Source interface {
	// Dataset is the name under which samples are known, such as "cc12m".
	Dataset() string
	// Files lists the source's files in their fixed order, with fingerprints that change when a file does.
	Files(ctx context.Context) ([]File, error)
	// Open reads rows from behind a cursor; an empty cursor means from the start.
	Open(ctx context.Context, after Cursor) (Rows, error)
}

// Finder is a Source that finds a row by its reference, without reading the rows before it.
type Finder interface {
	// Find returns a cursor whose next row is the one that a sample's or skip's reference names; its Row does not
	// count. ok is false if the files hold no such row.
	Find(ctx context.Context, from *Origin) (at Cursor, ok bool, err error)
}

// File is one immutable file of a source.
type File struct {
	Name        string // base name, fixed
	Size        int64  // bytes
	Fingerprint string // e.g. hex SHA-256 of size, head and tail
}

// Cursor is the place just behind a row. Row counts from 0 over the whole source.
type Cursor struct {
	Row   int64  `json:"row"`             // rows before this place
	File  int    `json:"file"`            // index into Files of the file to read on
	Place string `json:"place,omitempty"` // the source's own notation, e.g. a byte offset
}

// Row is one row of a source. A row that cannot be read is a skip, never a hole: rows are numbered without gaps.
type Row struct {
	Result        // the sample, or why there is none; a skip carries its Source reference
	After  Cursor // the place behind this row
	File   int    // index into Files
}

// Rows reads rows in order.
type Rows interface {
	// Next returns the next row, or io.EOF behind the last one.
	Next(ctx context.Context) (Row, error)
	// Left says how far the reader is: done and total in the same unit. total is 0 if unknown.
	Left() (done, total int64, unit string)
	Close() error
}
