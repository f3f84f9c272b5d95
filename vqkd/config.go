package vqkd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/imglish/imglish/tensor"
)

// Options says how to load a tokenizer. The zero value takes everything from the file.
type Options struct {
	// Heads of the encoder's attention, which no weight shows. 0: from the config beside the file, else width/64,
	// the published models' rule.
	Heads int `yaml:"heads"`
	// Side of the pictures in pixels, S. 0: from the config, else the side that the position table was made for.
	// For another side the table is resized bicubically.
	Side int `yaml:"side"`
	// Batch is how many pictures go through the encoder at once; it bounds memory and changes no code. 0: DefaultBatch.
	Batch int `yaml:"batch"`
	// Precision is how the encoder's products are computed, and part of the fingerprint: exact (as in float32; the
	// default) or fast, which changes fewer codes than float16 does.
	Precision tensor.Precision `yaml:"precision"`
}

// DefaultBatch pictures at 224 pixels make 1,576 rows: enough to keep wide matrix products busy, few enough for what is
// under way to stay in the caches. Hosts of more than 16 processors may want more.
const DefaultBatch = 8

// Defaults takes all from the file.
func Defaults() Options { return Options{Batch: DefaultBatch} }

// Validate says which option is out of range.
func (o Options) Validate() error {
	switch {
	case o.Heads < 0:
		return fmt.Errorf("tokenizer heads %d: want 0 (from the file) or more", o.Heads)
	case o.Side < 0 || o.Side > maxSide:
		return fmt.Errorf("tokenizer side %d: want 0 (from the file) to %d pixels", o.Side, maxSide)
	case o.Batch < 0 || o.Batch > 4096:
		return fmt.Errorf("tokenizer batch %d: want 0 (%d) to 4096 pictures", o.Batch, DefaultBatch)
	}
	return nil
}

const maxSide = 4096

// FileConfig is the JSON beside a tokenizer's weights, FILE.json: what the weights do not show.
type FileConfig struct {
	Heads int `json:"heads"`
	Side  int `json:"side,omitempty"`
	// Training is how the weights were made; for people.
	Training map[string]any `json:"training,omitempty"`
}

// readConfig reads the config beside a weights file; none is no error.
func readConfig(weights string) (FileConfig, error) {
	var c FileConfig
	path := weights + ".json"
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return c, fmt.Errorf("tokenizer config %s: %w", path, err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("tokenizer config %s: %w", path, err)
	}
	if err := (Options{Heads: c.Heads, Side: c.Side}).Validate(); err != nil {
		return c, fmt.Errorf("tokenizer config %s: %w", path, err)
	}
	return c, nil
}
