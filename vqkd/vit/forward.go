package vit

import "github.com/imglish/imglish/tensor"

// Tape is what Forward keeps for Backward, in the backend's arena: the caller marks and releases it.
type Tape struct {
	n      int
	input  tensor.Tensor // [n·Tokens, In]
	blocks []blockTape
	last   tensor.Tensor // [n·Tokens, Width] patches behind the last block
	stats  tensor.Tensor
}

// blockTape is one block's part of a Tape; rows are n·(Tokens+1).
type blockTape struct {
	x             tensor.Tensor // the block's input
	y1, s1        tensor.Tensor // first norm and its statistics
	qkv, att, lse tensor.Tensor
	mid           tensor.Tensor // behind the attention's residual
	y2, s2        tensor.Tensor
	pre, act      tensor.Tensor // around GELU
}

// Forward enqueues the model on n samples.
//
//	y:     [n·Tokens, Width], written
//	input: [n·Tokens, In]
//
// With a tape all inner tensors stay in the arena until the caller releases them; without one the arena is as before
// when Forward returns.
func (m *Model) Forward(y, input tensor.Tensor, n int, tape *Tape) {
	b, r, t := m.b, m.rows.tables(m.b, m.Tokens, n), n*(m.Tokens+1)
	mark := b.Mark()
	x := b.Temp(tensor.Float, t, m.Width)
	m.embed(x, input, n, r)
	for i := range m.blocks {
		x = m.forwardBlock(i, x, r, tape)
	}
	last := b.Temp(tensor.Float, n*m.Tokens, m.Width)
	stats := b.Temp(tensor.Float, n*m.Tokens, 2)
	b.Gather(last, x, r.patchRow)
	b.LayerNorm(y, stats, last, m.normG, m.normB, Eps)
	if tape == nil {
		b.Release(mark)
		return
	}
	tape.n, tape.input, tape.last, tape.stats = n, input, last, stats
}

// embed puts the class token before each sample's patches and adds the positions.
func (m *Model) embed(x, input tensor.Tensor, n int, r *rowTables) {
	b := m.b
	mark := b.Mark()
	patches := b.Temp(tensor.Float, n*m.Tokens, m.Width)
	b.Linear(patches, tensor.Tensor{}, input, m.patchW, m.patchB, tensor.Identity)
	table := b.Temp(tensor.Float, m.Tokens+1, m.Width)
	b.Copy(table, m.pos)
	b.Add(table.Rows(0, 1), table.Rows(0, 1), m.class)
	b.Gather(x, table, r.position)
	b.GatherAdd(x, patches, r.patch)
	b.Release(mark)
}

// forwardBlock runs block i. Without a tape it works in x itself and returns it.
func (m *Model) forwardBlock(i int, x tensor.Tensor, r *rowTables, tape *Tape) tensor.Tensor {
	b, k, rows := m.b, &m.blocks[i], x.Dim(0)
	mark := b.Mark()
	temp := func(cols int) tensor.Tensor { return b.Temp(tensor.Float, rows, cols) }
	c := blockTape{x: x, mid: x}
	out := x
	if tape != nil {
		c.mid, out = temp(m.Width), temp(m.Width)
		b.Copy(c.mid, x)
	}
	c.y1, c.s1, c.qkv = temp(m.Width), temp(2), temp(3*m.Width)
	c.att, c.lse = temp(m.Width), temp(m.Heads)
	b.LayerNorm(c.y1, c.s1, x, k.norm1G, k.norm1B, Eps)
	b.Linear(c.qkv, tensor.Tensor{}, c.y1, k.qkvW, k.qkvB, tensor.Identity)
	b.Attention(c.att, c.lse, c.qkv, r.batch, m.attend())
	branch := temp(m.Width)
	b.Linear(branch, tensor.Tensor{}, c.att, k.projW, k.projB, tensor.Identity)
	b.AddRows(c.mid, branch, tensor.Tensor{})

	c.y2, c.s2, c.act = temp(m.Width), temp(2), temp(m.Hidden)
	if tape != nil {
		c.pre = temp(m.Hidden)
		b.Copy(out, c.mid)
	}
	b.LayerNorm(c.y2, c.s2, c.mid, k.norm2G, k.norm2B, Eps)
	b.Linear(c.act, c.pre, c.y2, k.fc1W, k.fc1B, tensor.GELU)
	b.Linear(branch, tensor.Tensor{}, c.act, k.fc2W, k.fc2B, tensor.Identity)
	b.AddRows(out, branch, tensor.Tensor{})
	if tape == nil {
		b.Release(mark)
	} else {
		tape.blocks = append(tape.blocks, c)
	}
	return out
}
