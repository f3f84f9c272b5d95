package shards

// Kind is what the rows of a file are. It is also the file's folder.
type Kind string

// The four kinds of files.
const (
	Image   Kind = "image"   // one row a view of an image
	Text    Kind = "text"    // one row a part of a text
	Pair    Kind = "pair"    // one row a view, with the text that belongs to the image
	Dropped Kind = "dropped" // one row a skipped sample
)

// Kinds lists all kinds in the order in which a commit names them.
var Kinds = []Kind{Image, Text, Pair, Dropped}

// Source says where a sample came from; see pipeline.Origin.
type Source struct {
	Dataset  string `parquet:"dataset,zstd"`
	Key      string `parquet:"key,zstd"`
	Revision string `parquet:"revision,zstd"`
}

// Origin are the columns that rows of all kinds begin with. A sample of several views or parts repeats them.
type Origin struct {
	ID      [16]byte `parquet:"id"`        // first 16 bytes of SHA-256 over dataset, key, revision
	Seq     int64    `parquet:"seq,delta"` // the sample's number in its lane
	Source  Source   `parquet:"source"`
	URL     string   `parquet:"url,zstd"`     // as the source gives it; empty if there is none
	Title   string   `parquet:"title,zstd"`   // e.g. of a Wikipedia page
	Licence string   `parquet:"licence,zstd"` // if known
	Labels  []string `parquet:"labels,list,zstd"`
}

// Crop is a box in pixels of the source image.
type Crop struct {
	Left   float32 `parquet:"left"`
	Top    float32 `parquet:"top"`
	Width  float32 `parquet:"width"`
	Height float32 `parquet:"height"`
}

// View are the columns of one view of an image.
type View struct {
	View    int32     `parquet:"view,delta"` // 0..K-1
	Crop    Crop      `parquet:"crop"`
	Flip    bool      `parquet:"flip"`
	Jitter  []float32 `parquet:"jitter,list"`                                  // brightness, contrast, saturation factors and their order; empty if none
	Encoded []byte    `parquet:"encoded,plain,uncompressed"`                   // the encoded S×S view
	Codes   []uint16  `parquet:"codes,list" parquet-element:",delta,uint(16)"` // [G²] row-major, a function of the decoded view; empty without a tokenizer

	SHA256 [32]byte `parquet:"sha256"` // of the source image's bytes: its blob
	Width  int32    `parquet:"width"`  // of the source image, pixels
	Height int32    `parquet:"height"`
	Format string   `parquet:"format,zstd"`
	Phash  uint64   `parquet:"phash"` // perceptual hash; 0 if none
}

// Part are the columns of one part of a text.
type Part struct {
	Part    int32    `parquet:"part,delta"`
	Text    string   `parquet:"text,zstd"`
	IDs     []int32  `parquet:"ids,list" parquet-element:",delta"` // without bos and eos
	Minhash []uint32 `parquet:"minhash,list,zstd"`                 // MinHash signature; empty if none
}

// ImageRow is a row of an image file.
type ImageRow struct {
	Origin
	View
}

// TextRow is a row of a text file.
type TextRow struct {
	Origin
	Part
}

// PairRow is a row of a pair file.
type PairRow struct {
	Origin
	View
	Part
}

// DroppedRow is a row of a dropped file. Attempts and times are not here: they depend on the moment, and the bytes of
// a file do not.
type DroppedRow struct {
	Origin
	Kind      string `parquet:"kind,zstd"`   // what the sample would have been: "image", "text", "pair"
	Stage     string `parquet:"stage,zstd"`  // that skipped it
	Reason    string `parquet:"reason,zstd"` // a short fixed word
	Detail    string `parquet:"detail,zstd"` // for people
	Retryable bool   `parquet:"retryable"`   // the reason may pass
}

// row lists the types that a file may hold.
type row interface {
	ImageRow | TextRow | PairRow | DroppedRow
}
