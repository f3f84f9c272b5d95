package shards

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/imglish/imglish/store"
)

// File is one Parquet file as its commit describes it.
type File struct {
	Kind    Kind   `json:"kind"`
	Key     string `json:"key"`     // below the folder of the shards
	Rows    int    `json:"rows"`    // views or parts
	Samples int    `json:"samples"` // different ids
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"` // of the file, 64 hex digits
}

// Commit makes a range of a lane count: a range exists once its commit does. Every seq from From to To is in exactly one
// of the files, skipped ones in the dropped file.
type Commit struct {
	Schema int            `json:"schema"`
	Line   string         `json:"line"`   // the line's UUID
	Source string         `json:"source"` // data set of the lane
	Lane   int            `json:"lane"`
	From   uint64         `json:"from"` // first seq
	To     uint64         `json:"to"`   // last seq, included
	Files  []File         `json:"files"`
	Skips  map[string]int `json:"skips"` // by "stage/reason"

	// Where the stage that writes shards goes on: behind this record of its input.
	InputOffset int64  `json:"input_offset"`
	InputWriter string `json:"input_writer"` // hex
	Writer      string `json:"writer"`       // random id of the process that wrote the commit, hex
}

const (
	commitFolder   = "commits/"
	maxCommitBytes = 1 << 20 // a commit has at most 4 files and a few dozen reasons: about 2 kB
	maxRange       = 1 << 24 // seq a commit; a damaged one must not claim more
)

// rangeName is the name of a range: numbers are padded, so that names sort as numbers do.
func rangeName(lane int, from, to uint64) string {
	return fmt.Sprintf("lane%03d-%010d-%010d", lane, from, to)
}

func fileKey(kind Kind, lane int, from, to uint64, sha256 string) string {
	return string(kind) + "/" + rangeName(lane, from, to) + "-" + sha256[:8] + ".parquet"
}

// Key is the commit's place below the folder of the shards.
func (c *Commit) Key() string { return commitFolder + rangeName(c.Lane, c.From, c.To) + ".json" }

func (c *Commit) encode() []byte {
	if c.Skips == nil {
		c.Skips = map[string]int{}
	}
	if c.Files == nil {
		c.Files = []File{}
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("marshal %+v: %v", c, err)) // no field can fail
	}
	return append(b, '\n')
}

// DecodeCommit reads a commit and checks all that can be checked without its files. key is where it was found.
func DecodeCommit(key string, data []byte) (*Commit, error) {
	if len(data) > maxCommitBytes {
		return nil, fmt.Errorf("commit %s: %d bytes, at most %d are taken", key, len(data), maxCommitBytes)
	}
	c := &Commit{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("commit %s: %w", key, err)
	}
	if err := c.check(key); err != nil {
		return nil, fmt.Errorf("commit %s: %w", key, err)
	}
	return c, nil
}

func (c *Commit) check(key string) error {
	if c.Schema != Schema {
		return fmt.Errorf("schema %d, this program reads %d", c.Schema, Schema)
	}
	if c.Lane < 0 || c.From > c.To || c.To-c.From >= maxRange {
		return fmt.Errorf("lane %d, seq %d to %d is no range", c.Lane, c.From, c.To)
	}
	if c.Key() != key {
		return fmt.Errorf("it says that it is %s", c.Key())
	}
	if _, err := hex.DecodeString(c.InputWriter); err != nil {
		return fmt.Errorf("input_writer: %w", err)
	}
	var kinds []Kind
	samples := 0
	for _, f := range c.Files {
		if !slices.Contains(Kinds, f.Kind) || slices.Contains(kinds, f.Kind) {
			return fmt.Errorf("file %.80q of kind %.40q: unknown, or a second one", f.Key, f.Kind)
		}
		kinds = append(kinds, f.Kind)
		sum, err := hex.DecodeString(f.SHA256)
		if err != nil || len(sum) != 32 {
			return fmt.Errorf("file %.80q: sha256 is %.80q", f.Key, f.SHA256)
		}
		if want := fileKey(f.Kind, c.Lane, c.From, c.To, f.SHA256); f.Key != want || store.ValidKey(f.Key) != nil {
			return fmt.Errorf("file %.80q should be %s", f.Key, want)
		}
		if f.Samples < 1 || f.Rows < f.Samples || f.Bytes < 1 {
			return fmt.Errorf("file %s: %d samples in %d rows of %d bytes", f.Key, f.Samples, f.Rows, f.Bytes)
		}
		samples += f.Samples
	}
	if uint64(samples) != c.To-c.From+1 {
		return fmt.Errorf("files hold %d samples for %d seq", samples, c.To-c.From+1)
	}
	return nil
}

// File returns the commit's file of a kind, if it has one.
func (c *Commit) File(kind Kind) (File, bool) {
	for _, f := range c.Files {
		if f.Kind == kind {
			return f, true
		}
	}
	return File{}, false
}

// parseRange reads a name that rangeName made, such as the base of a commit's key.
func parseRange(key, suffix string) (lane int, from, to uint64, ok bool) {
	base, ok := strings.CutSuffix(path.Base(key), suffix)
	if !ok {
		return 0, 0, 0, false
	}
	if n, err := fmt.Sscanf(base, "lane%d-%d-%d", &lane, &from, &to); n != 3 || err != nil {
		return 0, 0, 0, false
	}
	return lane, from, to, rangeName(lane, from, to) == base
}
