package vit

import (
	"fmt"
	"math"

	"github.com/imglish/imglish/tensor"
)

// Eps is what layer norms add to the variance.
const Eps = 1e-6

// Shape is the size of a model.
type Shape struct {
	In     int // D of an input row: 3·P² for pixels, the code's length for the decoder
	Width  int
	Depth  int // blocks
	Heads  int
	Hidden int // inner width of the MLP
	Tokens int // N, patches a sample; the position table has one row more
}

// Validate says what is wrong with the sizes.
func (s Shape) Validate() error {
	for _, v := range []struct {
		name string
		v    int
	}{{"input", s.In}, {"width", s.Width}, {"depth", s.Depth}, {"heads", s.Heads}, {"hidden width", s.Hidden}, {"tokens", s.Tokens}} {
		if v.v < 1 {
			return fmt.Errorf("vision transformer: %s is %d, want at least 1", v.name, v.v)
		}
	}
	if s.Width%s.Heads != 0 {
		return fmt.Errorf("vision transformer: width %d does not split into %d heads", s.Width, s.Heads)
	}
	return nil
}

// Model is the parameters, in the backend's memory. A second Model of the same shape holds their gradients.
type Model struct {
	Shape
	b tensor.Backend

	patchW, patchB tensor.Tensor // [Width, In], [Width]
	class          tensor.Tensor // [1, Width]
	pos            tensor.Tensor // [Tokens+1, Width], the class token's row first
	blocks         []block
	normG, normB   tensor.Tensor // [Width]

	rows rowTables // for the last batch size
}

type block struct {
	norm1G, norm1B tensor.Tensor // [Width]
	qkvW           tensor.Tensor // [3·Width, Width], q then k then v
	qkvB           tensor.Tensor // [3·Width]; k has no bias, its third stays zero
	projW, projB   tensor.Tensor // [Width, Width], [Width]
	norm2G, norm2B tensor.Tensor
	fc1W, fc1B     tensor.Tensor // [Hidden, Width], [Hidden]
	fc2W, fc2B     tensor.Tensor // [Width, Hidden], [Width]
}

// New allocates a model of zeros. The shape must be valid.
func New(b tensor.Backend, s Shape) *Model {
	if err := s.Validate(); err != nil {
		panic(err)
	}
	vec := func(n int) tensor.Tensor { return b.Alloc(tensor.Float, n) }
	mat := func(n, m int) tensor.Tensor { return b.Alloc(tensor.Float, n, m) }
	m := &Model{
		Shape: s, b: b, patchW: mat(s.Width, s.In), patchB: vec(s.Width), class: mat(1, s.Width),
		pos: mat(s.Tokens+1, s.Width), normG: vec(s.Width), normB: vec(s.Width),
	}
	for range s.Depth {
		m.blocks = append(m.blocks, block{
			norm1G: vec(s.Width), norm1B: vec(s.Width), qkvW: mat(3*s.Width, s.Width), qkvB: vec(3 * s.Width),
			projW: mat(s.Width, s.Width), projB: vec(s.Width), norm2G: vec(s.Width), norm2B: vec(s.Width),
			fc1W: mat(s.Hidden, s.Width), fc1B: vec(s.Hidden), fc2W: mat(s.Width, s.Hidden), fc2B: vec(s.Width),
		})
	}
	return m
}

// Each calls f for every parameter, in a fixed order, with the name it has in published checkpoints behind "encoder." or
// "decoder.". The tensors are views of the model's memory.
func (m *Model) Each(f func(name string, t tensor.Tensor)) {
	f("cls_token", m.class)
	f("pos_embed", m.pos)
	f("patch_embed.proj.weight", m.patchW)
	f("patch_embed.proj.bias", m.patchB)
	for i := range m.blocks {
		k, p := &m.blocks[i], fmt.Sprintf("blocks.%d.", i)
		f(p+"norm1.weight", k.norm1G)
		f(p+"norm1.bias", k.norm1B)
		f(p+"attn.q_bias", k.qkvB.Rows(0, m.Width))
		f(p+"attn.v_bias", k.qkvB.Rows(2*m.Width, 3*m.Width))
		f(p+"attn.qkv.weight", k.qkvW)
		f(p+"attn.proj.weight", k.projW)
		f(p+"attn.proj.bias", k.projB)
		f(p+"norm2.weight", k.norm2G)
		f(p+"norm2.bias", k.norm2B)
		f(p+"mlp.fc1.weight", k.fc1W)
		f(p+"mlp.fc1.bias", k.fc1B)
		f(p+"mlp.fc2.weight", k.fc2W)
		f(p+"mlp.fc2.bias", k.fc2B)
	}
	f("fc_norm.weight", m.normG)
	f("fc_norm.bias", m.normB)
}

// memory lists all that the model allocated.
func (m *Model) memory() []tensor.Tensor {
	all := []tensor.Tensor{m.class, m.pos, m.patchW, m.patchB, m.normG, m.normB}
	for _, k := range m.blocks {
		all = append(all, k.norm1G, k.norm1B, k.qkvW, k.qkvB, k.projW, k.projB, k.norm2G, k.norm2B, k.fc1W, k.fc1B, k.fc2W, k.fc2B)
	}
	return all
}

// Zero clears the model: what gradients need before a step.
func (m *Model) Zero() {
	for _, t := range m.memory() {
		m.b.Zero(t)
	}
}

// Free gives all memory back.
func (m *Model) Free() {
	for _, t := range m.memory() {
		m.b.Free(t)
	}
	m.rows.free(m.b)
}

func (s Shape) attend() tensor.Attend {
	return tensor.Attend{Heads: s.Heads, Scale: 1 / math.Sqrt(float64(s.Width/s.Heads))}
}

// rowTables say which row of a batch of n samples is what; they change with n only.
type rowTables struct {
	n                                       int
	position, patch, class, patchRow, batch tensor.Tensor
}

// tables returns the row tables for n samples of T = tokens+1 rows.
//
//	position: [n·T] the row's place in its sample
//	patch:    [n·T] the row's patch among n·tokens, −1 for a class token
//	class:    [n·T] 0 for a class token, else −1
//	patchRow: [n·tokens] the row of each patch
//	batch:    [n, 4] the segments for attention
func (r *rowTables) tables(b tensor.Backend, tokens, n int) *rowTables {
	if r.n == n {
		return r
	}
	r.free(b)
	t := tokens + 1
	position, patch, class := make([]int32, n*t), make([]int32, n*t), make([]int32, n*t)
	patchRow, batch := make([]int32, 0, n*tokens), make([]int32, 0, 4*n)
	for i := range position {
		s, p := i/t, i%t
		position[i], patch[i], class[i] = int32(p), int32(s*tokens+p-1), -1
		if p == 0 {
			patch[i], class[i] = -1, 0
			batch = append(batch, int32(i), int32(t), 0, 0)
		} else {
			patchRow = append(patchRow, int32(i))
		}
	}
	up := func(v []int32, shape ...int) tensor.Tensor {
		x := b.Alloc(tensor.I32, shape...)
		b.UploadI32(x, v)
		return x
	}
	*r = rowTables{n, up(position, n*t), up(patch, n*t), up(class, n*t), up(patchRow, n*tokens), up(batch, n, 4)}
	return r
}

// first is the tables of the first n samples.
func (r *rowTables) first(n, tokens int) rowTables {
	rows := n * (tokens + 1)
	return rowTables{n, r.position.Rows(0, rows), r.patch.Rows(0, rows), r.class.Rows(0, rows), r.patchRow.Rows(0, n*tokens), r.batch.Rows(0, n)}
}

func (r *rowTables) free(b tensor.Backend) {
	if r.n == 0 {
		return
	}
	for _, t := range []tensor.Tensor{r.position, r.patch, r.class, r.patchRow, r.batch} {
		b.Free(t)
	}
	r.n = 0
}
