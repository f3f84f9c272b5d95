package trainer

import (
	"github.com/imglish/imglish/tensor"
)

// forward gives the rows behind the last layer, before the last norm, and each layer's tape if keep is set. drop has
// the drop-path factors of each layer's two sublayers, or is nil.
func (m *Model) forward(p *pack, d onDevice, drop [][2]tensor.Tensor, keep bool) (x, patches tensor.Tensor, tapes []tape) {
	x, patches = m.embed(p, d)
	for i := range m.layers {
		var f [2]tensor.Tensor
		if drop != nil {
			f = drop[i]
		}
		if keep {
			var t tape
			x, t = m.layerForward(&m.layers[i], p, d, x, f, true)
			tapes = append(tapes, t)
			continue
		}
		x = m.layerInPlace(&m.layers[i], p, d, x)
	}
	return x, patches, tapes
}

// layerInPlace overwrites x with the layer's output and frees everything else.
func (m *Model) layerInPlace(l *layer, p *pack, d onDevice, x tensor.Tensor) tensor.Tensor {
	mark := m.b.Mark()
	defer m.b.Release(mark)
	y, _ := m.layerForward(l, p, d, x, [2]tensor.Tensor{}, false)
	m.b.Copy(x, y)
	return x
}

// accumulate runs a pack forward and backward: it adds to the gradients and to sums [terms], the weighted losses of
// the four terms. factor is what each masked position of a term counts.
func (m *Model) accumulate(p *pack, factor [terms]float64, drops *dropPath, sums tensor.Tensor) {
	b := m.b
	mark := b.Mark()
	defer b.Release(mark)
	d := m.upload(p)
	x, patches, tapes := m.forward(p, d, drops.factors(m, p), true)

	dx := b.Temp(tensor.Float, p.n, m.cfg.Width)
	b.Zero(dx)
	for i, h := range m.heads(d) {
		first, second := termImage, termPairImage // in the order of the pack's masked rows
		if i == 1 {
			first, second = termPairText, termText
		}
		k, k1 := h.rows.Len(), p.count[first]
		if k == 0 {
			continue
		}
		w := make([]float64, k)
		for j := range w {
			w[j] = factor[second]
			if j < k1 {
				w[j] = factor[first]
			}
		}
		weights, loss, sum := b.Temp(tensor.Float, k), b.Temp(tensor.Float, k), b.Temp(tensor.Float, 1)
		b.UploadF64(weights, w)
		m.headBackward(h, x, dx, weights, loss)
		for t, s := range map[term]span{first: {0, k1}, second: {k1, k}} {
			if s.len() > 0 {
				b.Sum(sum, at(loss, s))
				b.Add(sums.Rows(int(t), int(t)+1), sums.Rows(int(t), int(t)+1), sum)
			}
		}
	}
	for i := len(m.layers) - 1; i >= 0; i-- {
		m.layerBackward(&m.layers[i], p, d, dx, tapes[i])
	}
	m.embedBackward(p, d, dx, patches)
}
