package trainer

import "github.com/imglish/imglish/tensor"

// tape keeps what one layer's backward pass needs. Widths: D, FFN for those of the experts' middle.
type tape struct {
	in, attnIn, attnStats tensor.Tensor // [n, D], [n, D] behind the norm, [n, 2]
	qkv, mixed, lse       tensor.Tensor // [n, 3D], [n, D], [n, Heads]
	sub, subStats         tensor.Tensor // mixed behind the sub-norm; mixed itself without
	mid, ffnIn, ffnStats  tensor.Tensor // [n, D] between the sublayers
	pre, act              tensor.Tensor // [n, FFN] before and behind GELU
	actSub, actStats      tensor.Tensor // act behind the sub-norm; act itself without
	drop                  [2]tensor.Tensor
}

// parts pairs each entry of a list (shared: one; split: vision, language) with its rows.
func parts[T any](p *pack, list []T, f func(s span, e T)) {
	if len(list) == 1 {
		f(p.all, list[0])
		return
	}
	f(p.vision, list[0])
	f(p.language, list[1])
}

// experts pairs the layer's feed-forward experts with their rows; those without rows are left out.
func (l *layer) experts(p *pack, f func(s span, e *expert)) {
	v, lang := p.vision, p.language
	if l.hasVL {
		v, lang = p.imageOnly, p.lonly
	}
	if v.len() > 0 {
		f(v, &l.v)
	}
	if l.hasVL && p.pair.len() > 0 {
		f(p.pair, &l.vl)
	}
	if lang.len() > 0 {
		f(lang, &l.l)
	}
}

func at(t tensor.Tensor, s span) tensor.Tensor {
	if t.None() {
		return t
	}
	return t.Rows(s.from, s.to)
}

func (m *Model) applyNorm(y, stats, x tensor.Tensor, s span, n norm) {
	if s.len() > 0 {
		m.b.LayerNorm(at(y, s), at(stats, s), at(x, s), n.gamma.w, n.beta.w, m.cfg.Eps)
	}
}

func (m *Model) applyLinear(y, pre, x tensor.Tensor, s span, l linear, act tensor.Act) {
	if s.len() > 0 {
		m.b.Linear(at(y, s), at(pre, s), at(x, s), l.w.w, l.b.w, act)
	}
}

func (m *Model) normBackward(dx, dy, x, stats tensor.Tensor, s span, n norm) {
	if s.len() > 0 {
		m.b.LayerNormBackward(at(dx, s), n.gamma.g, n.beta.g, at(dy, s), at(x, s), at(stats, s), n.gamma.w)
	}
}

func (m *Model) linearBackward(dx, dy, pre, x tensor.Tensor, s span, l linear, act tensor.Act) {
	if s.len() > 0 {
		m.b.LinearBackward(at(dx, s), l.w.g, l.b.g, at(dy, s), at(pre, s), at(x, s), l.w.w, act)
	}
}

// forward gives the layer's output for its input x [n, D]; keep false drops what only a backward pass needs.
func (m *Model) layerForward(l *layer, p *pack, d onDevice, x tensor.Tensor, drop [2]tensor.Tensor, keep bool) (tensor.Tensor, tape) {
	b, c, n, none := m.b, m.cfg, p.n, tensor.Tensor{}
	t := tape{in: x, drop: drop}
	t.attnIn, t.attnStats = b.Temp(tensor.Float, n, c.Width), b.Temp(tensor.Float, n, 2)
	parts(p, l.attn.norm, func(s span, e norm) { m.applyNorm(t.attnIn, t.attnStats, x, s, e) })
	t.qkv = b.Temp(tensor.Float, n, 3*c.Width)
	parts(p, l.attn.qkv, func(s span, e linear) { m.applyLinear(t.qkv, none, t.attnIn, s, e, tensor.Identity) })
	t.mixed, t.lse = b.Temp(tensor.Float, n, c.Width), b.Temp(tensor.Float, n, c.Heads)
	b.Attention(t.mixed, t.lse, t.qkv, d.seg, tensor.Attend{Heads: c.Heads, Scale: l.scoreSize})
	t.sub = t.mixed
	if c.SubNorm {
		t.sub, t.subStats = b.Temp(tensor.Float, n, c.Width), b.Temp(tensor.Float, n, 2)
		parts(p, l.attn.sub, func(s span, e norm) { m.applyNorm(t.sub, t.subStats, t.mixed, s, e) })
	}
	t.mid = b.Temp(tensor.Float, n, c.Width)
	out := b.Temp(tensor.Float, n, c.Width)
	parts(p, l.attn.out, func(s span, e linear) { m.applyLinear(out, none, t.sub, s, e, tensor.Identity) })
	m.residual(t.mid, x, out, drop[0])

	t.ffnIn, t.ffnStats = b.Temp(tensor.Float, n, c.Width), b.Temp(tensor.Float, n, 2)
	t.act = b.Temp(tensor.Float, n, c.FFN)
	if keep {
		t.pre = b.Temp(tensor.Float, n, c.FFN)
	}
	t.actSub = t.act
	if c.SubNorm {
		t.actSub, t.actStats = b.Temp(tensor.Float, n, c.FFN), b.Temp(tensor.Float, n, 2)
	}
	l.experts(p, func(s span, e *expert) {
		m.applyNorm(t.ffnIn, t.ffnStats, t.mid, s, e.norm)
		m.applyLinear(t.act, t.pre, t.ffnIn, s, e.fc1, tensor.GELU)
		if e.sub != nil {
			m.applyNorm(t.actSub, t.actStats, t.act, s, *e.sub)
		}
		m.applyLinear(out, none, t.actSub, s, e.fc2, tensor.Identity)
	})
	y := b.Temp(tensor.Float, n, c.Width)
	m.residual(y, t.mid, out, drop[1])
	return y, t
}

// residual: y = x + drop·out. out is overwritten.
func (m *Model) residual(y, x, out, drop tensor.Tensor) {
	if !drop.None() {
		m.b.ScaleRows(out, out, drop)
	}
	m.b.Add(y, x, out)
}

// layerBackward turns dx, the gradient of the layer's output, into that of its input, in place.
func (m *Model) layerBackward(l *layer, p *pack, d onDevice, dx tensor.Tensor, t tape) {
	b, c, n, none := m.b, m.cfg, p.n, tensor.Tensor{}
	mark := b.Mark()
	defer b.Release(mark)
	branch := b.Temp(tensor.Float, n, c.Width)

	dout := m.scaled(dx, t.drop[1])
	dact := b.Temp(tensor.Float, n, c.FFN)
	dpre := dact
	if c.SubNorm {
		dpre = b.Temp(tensor.Float, n, c.FFN)
	}
	dffnIn := b.Temp(tensor.Float, n, c.Width)
	l.experts(p, func(s span, e *expert) {
		m.linearBackward(dact, dout, none, t.actSub, s, e.fc2, tensor.Identity)
		if e.sub != nil {
			m.normBackward(dpre, dact, t.act, t.actStats, s, *e.sub)
		}
		m.linearBackward(dffnIn, dpre, t.pre, t.ffnIn, s, e.fc1, tensor.GELU)
		m.normBackward(branch, dffnIn, t.mid, t.ffnStats, s, e.norm)
	})
	b.Add(dx, dx, branch)

	dout = m.scaled(dx, t.drop[0])
	dsub := b.Temp(tensor.Float, n, c.Width)
	parts(p, l.attn.out, func(s span, e linear) { m.linearBackward(dsub, dout, none, t.sub, s, e, tensor.Identity) })
	dmixed := dsub
	if c.SubNorm {
		dmixed = b.Temp(tensor.Float, n, c.Width)
		parts(p, l.attn.sub, func(s span, e norm) { m.normBackward(dmixed, dsub, t.mixed, t.subStats, s, e) })
	}
	dqkv := b.Temp(tensor.Float, n, 3*c.Width)
	b.AttentionBackward(dqkv, dmixed, t.mixed, t.lse, t.qkv, d.seg, tensor.Attend{Heads: c.Heads, Scale: l.scoreSize})
	dattnIn := b.Temp(tensor.Float, n, c.Width)
	parts(p, l.attn.qkv, func(s span, e linear) {
		m.linearBackward(dattnIn, dqkv, none, t.attnIn, s, e, tensor.Identity)
	})
	parts(p, l.attn.norm, func(s span, e norm) { m.normBackward(branch, dattnIn, t.in, t.attnStats, s, e) })
	b.Add(dx, dx, branch)
}

// scaled is the gradient that enters a sublayer behind drop path; dx itself where there is none.
func (m *Model) scaled(dx, drop tensor.Tensor) tensor.Tensor {
	if drop.None() {
		return dx
	}
	y := m.b.Temp(tensor.Float, dx.Shape...)
	m.b.ScaleRows(y, dx, drop)
	return y
}
