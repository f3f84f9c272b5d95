package vqkd

import (
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
)

// Info is what a tokenizer's file is made of.
type Info struct {
	Format string `json:"format"` // "safetensors", "pytorch zip" or "pytorch legacy"
	DType  string `json:"dtype"`  // in which the encoder's values are stored; several are joined by "+"
	// SHA256 is that of the file, hex. NameHash is how much of it the file's name carries, "" for none; Load and Inspect
	// refuse a file whose name carries another. Released is the name of the published file that has this hash.
	SHA256   string `json:"sha256"`
	NameHash string `json:"name_hash"`
	Released string `json:"released"`

	Patch      int `json:"patch"` // P, pixels
	Width      int `json:"width"` // D
	Depth      int `json:"depth"` // blocks
	Heads      int `json:"heads"`
	Hidden     int `json:"hidden"`     // width inside the blocks' MLP
	Codes      int `json:"codes"`      // K
	CodeDim    int `json:"code_dim"`   // of a row of the codebook
	OwnSide    int `json:"own_side"`   // pixels that the position table was made for
	Side       int `json:"side"`       // S, pixels that it takes as it is loaded
	Grid       int `json:"grid"`       // G at that side
	Decoder    int `json:"decoder"`    // blocks of the training's decoder, 0 if the file has none; codes do not need it
	Teacher    int `json:"teacher"`    // length of the vectors that the decoder learned to tell, 0 if unknown
	Parameters int `json:"parameters"` // values that encoding needs

	Precision   tensor.Precision `json:"precision"`
	Fingerprint string           `json:"fingerprint"`
}

// Inspect reads a tokenizer as Load does, with all its checks, and says what it is made of. It holds one tensor at a time.
func Inspect(path string, o Options) (Info, error) {
	f, err := checkpoint.Open(path)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	t, err := loadFile(sieve{}, f, o)
	if err != nil {
		return Info{}, err
	}
	src, z, err := inspect(f)
	if err != nil {
		return Info{}, err
	}
	sum, err := f.SHA256()
	if err != nil {
		return Info{}, err
	}
	i := t.Info()
	i.Format, i.SHA256, i.NameHash = f.Format(), hex.EncodeToString(sum[:]), NameHash(path)
	i.Released = released[i.SHA256[:8]]
	i.OwnSide = z.grid * z.patch
	types := map[string]bool{}
	for _, name := range f.Names() {
		name, ok := strings.CutPrefix(name, src.prefix)
		if !ok || !strings.HasPrefix(name, "encoder.") && !strings.HasPrefix(name, "encode_task_layer.") && name != "quantize.embedding.weight" {
			continue
		}
		n := 1
		for _, d := range f.Shape(src.prefix + name) {
			n *= d
		}
		i.Parameters += n
		types[string(f.DType(src.prefix+name))] = true
	}
	i.DType = strings.Join(slices.Sorted(maps.Keys(types)), "+")
	for f.Has(fmt.Sprintf("%sdecoder.blocks.%d.attn.qkv.weight", src.prefix, i.Decoder)) {
		i.Decoder++
	}
	if last := f.Shape(src.prefix + "decode_task_layer.2.weight"); len(last) == 2 {
		i.Teacher = last[0]
	}
	return i, nil
}

// Info is what a loaded tokenizer knows of itself: sizes, precision and fingerprint, nothing of its file.
func (t *Tokenizer) Info() Info {
	return Info{
		Patch: t.patch, Width: t.width, Depth: t.depth, Heads: t.heads, Hidden: t.hidden, Codes: t.codes, CodeDim: t.dim,
		Side: t.side, Grid: t.gridNow, Precision: t.precision, Fingerprint: t.fingerprint,
	}
}
