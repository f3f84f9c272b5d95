package mixer

import "github.com/imglish/imglish/pipeline"

// Ignore is the target of a text position that is not predicted.
const Ignore = -100

// Row refers to one view or part in the shards.
type Row struct {
	ID    [16]byte
	Kind  pipeline.Kind
	Shard string // store key of the Parquet file
	Row   int    // row within that file
	View  int    // IMAGE and PAIR: number of the view
	Part  int    // TEXT and PAIR: number of the part
	Epoch int    // epoch of this row's source, part of the mask's key
}

// Batch is one optimizer step's worth of rows: three lists of exact lengths, and where they came from.
type Batch struct {
	Step   int64
	Image  []Row
	Text   []Row
	Pair   []Row
	Digest [32]byte // rolling SHA-256 over all rows since step 0
}

// Micro is a part of a batch with its data, bounded in bytes. All rows are of one kind.
//
// Text rows lie one behind the other: row i is InputIDs[CuSeqlens[i]:CuSeqlens[i+1]], with bos and eos. Row i of the
// pixels belongs to segment i of the text.
type Micro struct {
	Kind pipeline.Kind
	N    int // rows
	S    int // view side, pixels
	G    int // grid, patches a side

	Pixels []uint8  // [N, S, S, 3] RGB; nil for TEXT
	Codes  []uint16 // [N, G²] row-major; nil for TEXT
	VMask  []uint8  // [N, G²] 1 = masked; nil for TEXT

	InputIDs  []int32 // [T] after replacement; nil for IMAGE
	Targets   []int32 // [T] the id before replacement, or Ignore
	CuSeqlens []int32 // [N+1]

	Rows []Row
}
