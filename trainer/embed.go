package trainer

import "github.com/imglish/imglish/tensor"

// embed gives the rows that enter the first layer: patches (or the mask token) and class tokens with their positions,
// pieces with theirs. The patches' rows are kept for the backward pass.
func (m *Model) embed(p *pack, d onDevice) (x, patches tensor.Tensor) {
	b, c := m.b, m.cfg
	x = b.Temp(tensor.Float, p.n, c.Width)
	vision, language := x.Rows(p.vision.from, p.vision.to), x.Rows(p.language.from, p.language.to)

	patches = d.patches
	if patches.None() {
		patches = b.Temp(tensor.Float, len(p.vmask), 3*c.Patch*c.Patch)
		b.Patches(patches, d.pixels, c.Patch, m.scale, m.shift)
	}
	emb := b.Temp(tensor.Float, len(p.vmask), c.Width)
	b.Linear(emb, tensor.Tensor{}, patches, m.patch.w.w, m.patch.b.w, tensor.Identity)
	b.SelectRows(emb, emb, m.maskToken.w, d.vmask)
	b.Gather(vision, emb, d.fromEmb)
	b.GatherAdd(vision, m.cls.w, d.classID)
	b.GatherAdd(vision, m.posV.w, d.posV)

	b.Gather(language, m.text.w, d.ids)
	b.GatherAdd(language, m.posT.w, d.posT)
	return x, patches
}

// embedBackward adds to the gradients of all that embed used. dx is the gradient of its rows.
func (m *Model) embedBackward(p *pack, d onDevice, dx, patches tensor.Tensor) {
	b := m.b
	mark := b.Mark()
	defer b.Release(mark)
	vision, language := dx.Rows(p.vision.from, p.vision.to), dx.Rows(p.language.from, p.language.to)
	b.ScatterAdd(m.posT.g, language, d.posT)
	b.ScatterAdd(m.text.g, language, d.ids)

	b.ScatterAdd(m.posV.g, vision, d.posV)
	b.ScatterAdd(m.cls.g, vision, d.classID)
	demb := b.Temp(tensor.Float, len(p.vmask), m.cfg.Width)
	b.Gather(demb, dx, d.toRow)
	b.SelectRowsBackward(demb, m.maskToken.g, demb, d.vmask)
	b.LinearBackward(tensor.Tensor{}, m.patch.w.g, m.patch.b.g, demb, tensor.Tensor{}, patches, m.patch.w.w, tensor.Identity)
}
