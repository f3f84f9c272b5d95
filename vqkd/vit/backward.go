package vit

import "github.com/imglish/imglish/tensor"

// Backward adds the gradients of m's parameters to grads and, if dinput is given, writes the input's gradient.
//
//	dinput: [n·Tokens, In] optional
//	dy:     [n·Tokens, Width], may be overwritten
//
// The tape is of a Forward of the same model with the same parameters; its arena memory must still be there.
func (m *Model) Backward(dinput tensor.Tensor, grads *Model, dy tensor.Tensor, tape *Tape) {
	b, r := m.b, m.rows.tables(m.b, m.Tokens, tape.n)
	rows := tape.n * (m.Tokens + 1)
	mark := b.Mark()
	dlast := b.Temp(tensor.Float, tape.n*m.Tokens, m.Width)
	b.LayerNormBackward(dlast, grads.normG, grads.normB, dy, tape.last, tape.stats, m.normG)
	dx := b.Temp(tensor.Float, rows, m.Width)
	b.Gather(dx, dlast, r.patch) // class rows get zero: they were dropped
	for i := len(m.blocks) - 1; i >= 0; i-- {
		m.backwardBlock(dx, grads, i, r, &tape.blocks[i])
	}
	b.ScatterAdd(grads.pos, dx, r.position)
	b.ScatterAdd(grads.class, dx, r.class)
	b.Gather(dlast, dx, r.patchRow)
	b.LinearBackward(dinput, grads.patchW, grads.patchB, dlast, tensor.Tensor{}, tape.input, m.patchW, tensor.Identity)
	b.Release(mark)
}

// backwardBlock turns dx, the gradient behind block i, into the one before it.
func (m *Model) backwardBlock(dx tensor.Tensor, grads *Model, i int, r *rowTables, c *blockTape) {
	b, k, g, rows := m.b, &m.blocks[i], &grads.blocks[i], dx.Dim(0)
	mark := b.Mark()
	temp := func(cols int) tensor.Tensor { return b.Temp(tensor.Float, rows, cols) }
	none := tensor.Tensor{}
	dnorm, dbranch := temp(m.Width), temp(m.Width)

	dact := temp(m.Hidden)
	b.LinearBackward(dact, g.fc2W, g.fc2B, dx, none, c.act, k.fc2W, tensor.Identity)
	b.LinearBackward(dnorm, g.fc1W, g.fc1B, dact, c.pre, c.y2, k.fc1W, tensor.GELU)
	b.LayerNormBackward(dbranch, g.norm2G, g.norm2B, dnorm, c.mid, c.s2, k.norm2G)
	b.AddRows(dx, dbranch, none)

	datt, dqkv := temp(m.Width), temp(3*m.Width)
	b.LinearBackward(datt, g.projW, g.projB, dx, none, c.att, k.projW, tensor.Identity)
	b.AttentionBackward(dqkv, datt, c.att, c.lse, c.qkv, r.batch, m.attend())
	b.LinearBackward(dnorm, g.qkvW, g.qkvB, dqkv, none, c.y1, k.qkvW, tensor.Identity)
	b.LayerNormBackward(dbranch, g.norm1G, g.norm1B, dnorm, c.x, c.s1, k.norm1G)
	b.AddRows(dx, dbranch, none)
	b.Release(mark)
}
