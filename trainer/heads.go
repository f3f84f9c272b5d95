package trainer

import "github.com/imglish/imglish/tensor"

// headChunk is how many masked rows meet a head at once: logits are this × Vocab, 0.5 GB at 64,000 pieces.
const headChunk = 2048

// head is one of the two outputs: the last norm and a linear layer, on masked rows alone.
type head struct {
	norm    norm
	linear  linear
	size    int
	rows    tensor.Tensor // [k] I32, rows of the pack
	targets tensor.Tensor // [k] I32
}

func (m *Model) heads(d onDevice) [2]head {
	return [2]head{
		{m.last[0], m.mim, m.cfg.Codes, d.imageRows, d.imageTarget},
		{m.last[len(m.last)-1], m.mlm, m.cfg.Vocab, d.textRows, d.textTarget},
	}
}

// eachChunk runs f on the head's logits [n, size] for rows [from, from+n) of its list. Their memory is f's to overwrite.
func (m *Model) eachChunk(h head, x tensor.Tensor, f func(from, to int, rows, in, stats, normed, logits tensor.Tensor)) {
	b, d := m.b, m.cfg.Width
	for from := 0; from < h.rows.Len(); from += headChunk {
		to := min(from+headChunk, h.rows.Len())
		mark := b.Mark()
		rows := h.rows.Rows(from, to)
		in, normed, stats := b.Temp(tensor.Float, to-from, d), b.Temp(tensor.Float, to-from, d), b.Temp(tensor.Float, to-from, 2)
		logits := b.Temp(tensor.Float, to-from, h.size)
		b.Gather(in, x, rows)
		b.LayerNorm(normed, stats, in, h.norm.gamma.w, h.norm.beta.w, m.cfg.Eps)
		b.Linear(logits, tensor.Tensor{}, normed, h.linear.w.w, h.linear.b.w, tensor.Identity)
		f(from, to, rows, in, stats, normed, logits)
		b.Release(mark)
	}
}

// headBackward adds one head's weighted losses to loss [k] and writes the gradient of its rows into dx.
func (m *Model) headBackward(h head, x, dx, weights, loss tensor.Tensor) {
	b := m.b
	m.eachChunk(h, x, func(from, to int, rows, in, stats, normed, logits tensor.Tensor) {
		b.CrossEntropy(loss.Rows(from, to), logits, logits, h.targets.Rows(from, to), weights.Rows(from, to), 0)
		dnormed, din := b.Temp(tensor.Float, in.Shape...), b.Temp(tensor.Float, in.Shape...)
		b.LinearBackward(dnormed, h.linear.w.g, h.linear.b.g, logits, tensor.Tensor{}, normed, h.linear.w.w, tensor.Identity)
		b.LayerNormBackward(din, h.norm.gamma.g, h.norm.beta.g, dnormed, in, stats, h.norm.gamma.w)
		b.Scatter(dx, din, rows)
	})
}
