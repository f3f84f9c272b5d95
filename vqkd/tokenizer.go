package vqkd

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
	"github.com/imglish/imglish/vqkd/vit"
)

// Tokenizer turns pictures into codes.
type Tokenizer struct {
	mu    sync.Mutex // the backend serves one goroutine at a time
	b     tensor.Backend
	model *vit.Encoder

	head0W, head2W tensor.Prepared // [Width, Width], [dim, Width]
	head0B, head2B tensor.Tensor   // [Width], [dim]
	book           tensor.Tensor   // [codes, dim], unit rows

	sizes
	side, gridNow, heads, batch int
	precision                   tensor.Precision
	fingerprint                 string
}

// Load reads a tokenizer onto a backend, which then belongs to the tokenizer: nobody else may use it at the same time.
// The file is safetensors or a PyTorch checkpoint. Errors name the file and the tensor; ErrWeights is wrapped where the
// file is whole but not a VQ-KD tokenizer. A name that ends in digits of a SHA-256, as the published ones do, must fit.
func Load(b tensor.Backend, path string, o Options) (*Tokenizer, error) {
	f, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return loadFile(b, f, o)
}

func loadFile(b tensor.Backend, f *checkpoint.File, o Options) (*Tokenizer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	go f.SHA256() // takes as long as all the rest, so it is computed beside it
	t, err := load(b, f, o)
	if wrong := checkName(f); wrong != nil { // it explains whatever else is wrong
		if t != nil {
			_ = t.Close() // nothing of it was used
		}
		return nil, wrong
	}
	return t, err
}

func load(b tensor.Backend, f *checkpoint.File, o Options) (*Tokenizer, error) {
	path := f.Path()
	c, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	src, z, err := inspect(f)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{b: b, sizes: z, batch: o.Batch, precision: o.Precision}
	if t.batch == 0 {
		t.batch = DefaultBatch
	}
	if t.heads, err = heads(o, c, path, z.width); err != nil {
		return nil, err
	}
	t.side = o.Side
	if t.side == 0 {
		t.side = c.Side
	}
	if t.side == 0 {
		t.side = z.grid * z.patch
	}
	if t.side%z.patch != 0 {
		return nil, fmt.Errorf("%s: side %d is no multiple of the patch, %d", path, t.side, z.patch)
	}
	t.gridNow = t.side / z.patch
	if err := t.load(src); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	sum, err := f.SHA256()
	if err != nil {
		return nil, err
	}
	name := sha256.Sum256(fmt.Appendf(nil, "vqkd\nweights %x\nside %d\nheads %d\nprecision %s\n", sum, t.side, t.heads, t.precision))
	t.fingerprint = hex.EncodeToString(name[:])
	return t, nil
}

func (t *Tokenizer) load(src source) error {
	b, z := t.b, t.sizes
	shape := vit.Shape{
		In: 3 * z.patch * z.patch, Width: z.width, Depth: z.depth, Heads: t.heads, Hidden: z.hidden, Tokens: t.gridNow * t.gridNow,
	}
	var err error
	t.model, err = vit.NewEncoder(b, shape, t.precision, func(name string, want ...int) ([]float32, error) {
		return src.parameter(z, name, want...)
	})
	if err != nil {
		return err
	}
	for _, p := range []struct {
		name   string
		vector *tensor.Tensor   // or
		matrix *tensor.Prepared // of the head, which stays exact: it is a hundredth of the work
		want   []int
	}{
		{"encode_task_layer.0.weight", nil, &t.head0W, []int{z.width, z.width}},
		{"encode_task_layer.0.bias", &t.head0B, nil, []int{z.width}},
		{"encode_task_layer.2.weight", nil, &t.head2W, []int{z.dim, z.width}},
		{"encode_task_layer.2.bias", &t.head2B, nil, []int{z.dim}},
		{"quantize.embedding.weight", &t.book, nil, []int{z.codes, z.dim}},
	} {
		v, err := src.read(p.name, p.want...)
		if err != nil {
			return err
		}
		if p.vector == &t.book {
			if v, err = unitRows(v, z.dim, src.f.Path()); err != nil {
				return err
			}
		}
		x := b.Alloc(tensor.Float, p.want...)
		b.Upload(x, v)
		if p.vector != nil {
			*p.vector = x
			continue
		}
		*p.matrix = b.Prepare(x, tensor.Exact)
		b.Free(x)
	}
	return errors.Join(src.unused(), b.Sync())
}

// Grid is G: codes form a G×G grid.
func (t *Tokenizer) Grid() int { return t.gridNow }

// Side is S: pictures have S×S pixels.
func (t *Tokenizer) Side() int { return t.side }

// Patch is P, the side of a patch in pixels.
func (t *Tokenizer) Patch() int { return t.patch }

// Codes is K, the size of the codebook.
func (t *Tokenizer) Codes() int { return t.codes }

// Fingerprint names the function from pixels to codes: a hash of the weights file, the side, the heads and the
// precision tier, as 64 hex digits.
func (t *Tokenizer) Fingerprint() string { return t.fingerprint }

// Precision is the tier that codes are computed in.
func (t *Tokenizer) Precision() tensor.Precision { return t.precision }

// Close releases the tokenizer's memory, not its backend.
func (t *Tokenizer) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.model == nil {
		return nil
	}
	t.model.Free()
	for _, x := range []tensor.Tensor{t.head0B, t.head2B, t.book} {
		if !x.None() { // a load that failed has not come to all of them
			t.b.Free(x)
		}
	}
	for _, w := range []tensor.Prepared{t.head0W, t.head2W} {
		if w.Buf != nil {
			t.b.FreePrepared(w)
		}
	}
	t.model = nil
	return t.b.Sync()
}
