package vit

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/imglish/imglish/tensor"
)

// Encoder is a Model that is only asked: its matrices are prepared for products, and nothing is kept for a backward pass. It gives what Model.Forward gives, up to the rounding of sums.
type Encoder struct {
	Shape
	b tensor.Backend

	patch        tensor.Prepared
	patchB       tensor.Tensor
	class, pos   tensor.Tensor
	blocks       []encoderBlock
	normG, normB tensor.Tensor

	rows rowTables
}

type encoderBlock struct {
	norm1G, norm1B, norm2G, norm2B tensor.Tensor
	qkvB, projB, fc1B, fc2B        tensor.Tensor
	qkv, proj, fc1, fc2            tensor.Prepared
}

// NewEncoder reads the parameters that Model.Each names, one after the other. The shape must be valid. An error of read
// ends it; what was allocated is given back.
func NewEncoder(b tensor.Backend, s Shape, p tensor.Precision, read func(name string, shape ...int) ([]float32, error)) (*Encoder, error) {
	if err := s.Validate(); err != nil {
		panic(err)
	}
	e := &Encoder{Shape: s, b: b, blocks: make([]encoderBlock, s.Depth)}
	r := reader{b: b, p: p, read: read}
	e.class = r.tensor("cls_token", 1, s.Width)
	e.pos = r.tensor("pos_embed", s.Tokens+1, s.Width)
	e.patch = r.matrix("patch_embed.proj.weight", s.Width, s.In)
	e.patchB = r.tensor("patch_embed.proj.bias", s.Width)
	for i := range e.blocks {
		k, name := &e.blocks[i], fmt.Sprintf("blocks.%d.", i)
		k.norm1G, k.norm1B = r.tensor(name+"norm1.weight", s.Width), r.tensor(name+"norm1.bias", s.Width)
		k.qkvB = r.queryBias(name, s.Width)
		k.qkv = r.matrix(name+"attn.qkv.weight", 3*s.Width, s.Width)
		k.proj, k.projB = r.matrix(name+"attn.proj.weight", s.Width, s.Width), r.tensor(name+"attn.proj.bias", s.Width)
		k.norm2G, k.norm2B = r.tensor(name+"norm2.weight", s.Width), r.tensor(name+"norm2.bias", s.Width)
		k.fc1, k.fc1B = r.matrix(name+"mlp.fc1.weight", s.Hidden, s.Width), r.tensor(name+"mlp.fc1.bias", s.Hidden)
		k.fc2, k.fc2B = r.matrix(name+"mlp.fc2.weight", s.Width, s.Hidden), r.tensor(name+"mlp.fc2.bias", s.Width)
	}
	e.normG, e.normB = r.tensor("fc_norm.weight", s.Width), r.tensor("fc_norm.bias", s.Width)
	if err := errors.Join(r.err, b.Sync()); err != nil {
		e.Free()
		return nil, err
	}
	return e, nil
}

// reader brings parameters into the backend's memory. Behind the first error it does nothing.
type reader struct {
	b    tensor.Backend
	p    tensor.Precision
	read func(name string, shape ...int) ([]float32, error)
	err  error
}

func (r *reader) tensor(name string, shape ...int) tensor.Tensor {
	if r.err != nil {
		return tensor.Tensor{}
	}
	v, err := r.read(name, shape...)
	if err != nil {
		r.err = err
		return tensor.Tensor{}
	}
	t := r.b.Alloc(tensor.Float, shape...)
	r.b.Upload(t, v)
	return t
}

func (r *reader) matrix(name string, out, in int) tensor.Prepared {
	if r.err != nil {
		return tensor.Prepared{}
	}
	v, err := r.read(name, out, in)
	if err != nil {
		r.err = err
		return tensor.Prepared{}
	}
	mark := r.b.Mark()
	defer r.b.Release(mark)
	w := r.b.Temp(tensor.Float, out, in)
	r.b.Upload(w, v)
	return r.b.Prepare(w, r.p)
}

// queryBias is the bias of q, k and v; k has none.
func (r *reader) queryBias(block string, width int) tensor.Tensor {
	if r.err != nil {
		return tensor.Tensor{}
	}
	t := r.b.Alloc(tensor.Float, 3*width)
	for _, part := range []struct {
		name string
		at   int
	}{{"attn.q_bias", 0}, {"attn.v_bias", 2}} {
		v, err := r.read(block+part.name, width)
		if err != nil {
			r.err = err
			break
		}
		r.b.Upload(t.Rows(part.at*width, (part.at+1)*width), v)
	}
	return t
}

// chunk is how many samples go through a block at once. A processor gains nothing from more, and all that is wide (queries,
// keys, values, the inner layer of the MLP) is as large as a chunk needs it.
const chunk = 8

// Watch is told of inner tensors: "patch_embed", then for each block "block0.norm1", "block0.mid" (behind the attention's
// residual) and "block0", chunk by chunk.
type Watch func(name string, t tensor.Tensor)

// Forward enqueues the encoder on n samples. watch is optional. y may lie over input.
//
//	y:     [n·Tokens, Width], written
//	input: [n·Tokens, In]
func (e *Encoder) Forward(y, input tensor.Tensor, n int, watch Watch) {
	if n == 0 {
		return
	}
	if watch == nil {
		watch = func(string, tensor.Tensor) {}
	}
	b, tables := e.b, e.rows.tables(e.b, e.Tokens, min(n, chunk))
	mark := b.Mark()
	defer b.Release(mark)
	x := b.Temp(tensor.Float, n*(e.Tokens+1), e.Width)
	// chunks calls f for each chunk: its rows of x, its patches, the row tables of so many samples.
	chunks := func(f func(x tensor.Tensor, from, to int, r rowTables)) {
		for i := 0; i < n; i += chunk {
			end := min(i+chunk, n)
			f(x.Rows(i*(e.Tokens+1), end*(e.Tokens+1)), i*e.Tokens, end*e.Tokens, tables.first(end-i, e.Tokens))
		}
	}
	chunks(func(x tensor.Tensor, from, to int, r rowTables) { e.embed(x, input.Rows(from, to), r, watch) })
	for i := range e.blocks {
		chunks(func(x tensor.Tensor, _, _ int, r rowTables) { e.block(i, x, r, watch) })
	}
	chunks(func(x tensor.Tensor, from, to int, r rowTables) {
		mark := b.Mark()
		defer b.Release(mark)
		last, stats := b.Temp(tensor.Float, to-from, e.Width), b.Temp(tensor.Float, to-from, 2)
		b.Gather(last, x, r.patchRow)
		b.LayerNorm(y.Rows(from, to), stats, last, e.normG, e.normB, Eps)
	})
}

// embed puts the class token before each sample's patches and adds the positions.
func (e *Encoder) embed(x, input tensor.Tensor, r rowTables, watch Watch) {
	b := e.b
	mark := b.Mark()
	defer b.Release(mark)
	patches := b.Temp(tensor.Float, input.Dim(0), e.Width)
	b.Product(patches, input, e.patch, e.patchB, tensor.Identity, false)
	watch("patch_embed", patches)
	table := b.Temp(tensor.Float, e.Tokens+1, e.Width)
	b.Copy(table, e.pos)
	b.Add(table.Rows(0, 1), table.Rows(0, 1), e.class)
	b.Gather(x, table, r.position)
	b.GatherAdd(x, patches, r.patch)
	watch("pos_added", x)
}

// block runs block i in place.
func (e *Encoder) block(i int, x tensor.Tensor, r rowTables, watch Watch) {
	b, k, rows, name := e.b, &e.blocks[i], x.Dim(0), "block"+strconv.Itoa(i)
	mark := b.Mark()
	defer b.Release(mark)
	norm, stats := b.Temp(tensor.Float, rows, e.Width), b.Temp(tensor.Float, rows, 2)
	b.LayerNorm(norm, stats, x, k.norm1G, k.norm1B, Eps)
	watch(name+".norm1", norm)
	inner := b.Mark()
	qkv, att := b.Temp(tensor.Float, rows, 3*e.Width), b.Temp(tensor.Float, rows, e.Width)
	b.Product(qkv, norm, k.qkv, k.qkvB, tensor.Identity, false)
	b.Attention(att, tensor.Tensor{}, qkv, r.batch, e.attend())
	b.Product(x, att, k.proj, k.projB, tensor.Identity, true)
	watch(name+".mid", x)
	b.Release(inner)
	hidden := b.Temp(tensor.Float, rows, e.Hidden)
	b.LayerNorm(norm, stats, x, k.norm2G, k.norm2B, Eps)
	b.Product(hidden, norm, k.fc1, k.fc1B, tensor.GELU, false)
	b.Product(x, hidden, k.fc2, k.fc2B, tensor.Identity, true)
	watch(name, x)
}

// Free gives all memory back.
func (e *Encoder) Free() {
	free := func(ts ...tensor.Tensor) {
		for _, t := range ts {
			if !t.None() {
				e.b.Free(t)
			}
		}
	}
	prepared := func(ms ...tensor.Prepared) {
		for _, m := range ms {
			if m.Buf != nil {
				e.b.FreePrepared(m)
			}
		}
	}
	free(e.class, e.pos, e.patchB, e.normG, e.normB)
	prepared(e.patch)
	for _, k := range e.blocks {
		free(k.norm1G, k.norm1B, k.norm2G, k.norm2B, k.qkvB, k.projB, k.fc1B, k.fc2B)
		prepared(k.qkv, k.proj, k.fc1, k.fc2)
	}
	e.rows.free(e.b)
}
