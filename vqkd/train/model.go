package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd/vit"
)

// weights are all that gradients move: the encoder and its head, the decoder and its head. A second one of the same
// sizes holds gradients.
type weights struct {
	enc, dec *vit.Model
	// heads: linear, tanh, linear. encode_task_layer and decode_task_layer of the published files.
	enc0W, enc0B, enc2W, enc2B tensor.Tensor // [W, W], [W], [dim, W], [dim]
	dec0W, dec0B, dec2W, dec2B tensor.Tensor // [W, W], [W], [target, W], [target]
}

// dims are the sizes of a model in training.
type dims struct {
	enc, dec    vit.Shape
	codes, dim  int // K, length of a code
	target      int // length of a teacher's vector
	patch, grid int
}

func newWeights(b tensor.Backend, d dims) *weights {
	t := func(shape ...int) tensor.Tensor { return b.Alloc(tensor.Float, shape...) }
	e, c := d.enc.Width, d.dec.Width
	return &weights{
		enc: vit.New(b, d.enc), dec: vit.New(b, d.dec),
		enc0W: t(e, e), enc0B: t(e), enc2W: t(d.dim, e), enc2B: t(d.dim),
		dec0W: t(c, c), dec0B: t(c), dec2W: t(d.target, c), dec2B: t(d.target),
	}
}

// each calls f for every parameter in a fixed order, with its name in the published files.
func (w *weights) each(f func(name string, t tensor.Tensor)) {
	w.enc.Each(func(name string, t tensor.Tensor) { f("encoder."+name, t) })
	f("encode_task_layer.0.weight", w.enc0W)
	f("encode_task_layer.0.bias", w.enc0B)
	f("encode_task_layer.2.weight", w.enc2W)
	f("encode_task_layer.2.bias", w.enc2B)
	w.dec.Each(func(name string, t tensor.Tensor) { f("decoder."+name, t) })
	f("decode_task_layer.0.weight", w.dec0W)
	f("decode_task_layer.0.bias", w.dec0B)
	f("decode_task_layer.2.weight", w.dec2W)
	f("decode_task_layer.2.bias", w.dec2B)
}

// zero clears all weights: what gradients need before a step.
func (w *weights) zero(b tensor.Backend) {
	w.enc.Zero()
	w.dec.Zero()
	for _, t := range []tensor.Tensor{w.enc0W, w.enc0B, w.enc2W, w.enc2B, w.dec0W, w.dec0B, w.dec2W, w.dec2B} {
		b.Zero(t)
	}
}

// initialise draws the start of a training as BEiT does: linear weights from a normal of 0.02 cut at two sigma, the
// output matrices of block l divided by √(2l), biases 0, norms 1 and 0.
func (w *weights) initialise(b tensor.Backend, rng *rand.Rand) {
	w.each(func(name string, t tensor.Tensor) {
		v := make([]float32, t.Len())
		switch {
		case strings.Contains(name, "norm") && strings.HasSuffix(name, "weight"):
			for i := range v {
				v[i] = 1
			}
		case strings.HasSuffix(name, "bias"):
		default:
			std := 0.02
			if strings.HasSuffix(name, "patch_embed.proj.weight") {
				std = math.Sqrt(1 / float64(t.Cols())) // keeps the variance of its input, as PyTorch's convolutions do
			}
			var block int
			if _, rest, ok := strings.Cut(name, "blocks."); ok {
				fmt.Sscanf(rest, "%d", &block)
				if strings.Contains(rest, "attn.proj.") || strings.Contains(rest, "mlp.fc2.") {
					std /= math.Sqrt(2 * float64(block+1))
				}
			}
			for i := range v {
				x := rng.NormFloat64()
				for math.Abs(x) > 2 {
					x = rng.NormFloat64()
				}
				v[i] = float32(x * std)
			}
		}
		b.Upload(t, v)
	})
}

// model is a tokenizer in training.
type model struct {
	dims
	b     tensor.Backend
	w, g  *weights
	book  tensor.Tensor // [codes, dim] unit rows
	usage tensor.Tensor // [codes] running count of each code a batch
	// recent is the running count of a shorter past, by which dead codes are found.
	recent []float32
	// sums and counts of the current batch: of the vectors that took each code
	sums, counts tensor.Tensor
}

func newModel(b tensor.Backend, d dims) *model {
	return &model{
		dims: d, b: b, w: newWeights(b, d), g: newWeights(b, d),
		book: b.Alloc(tensor.Float, d.codes, d.dim), usage: b.Alloc(tensor.Float, d.codes),
		recent: make([]float32, d.codes),
		sums:   b.Alloc(tensor.Float, d.codes, d.dim), counts: b.Alloc(tensor.Float, d.codes),
	}
}

// pass is one micro-batch's way through the model; its tensors live in the arena.
type pass struct {
	n, rows int
	z       tensor.Tensor // [rows, dim] unit rows
	codes   tensor.Tensor // [rows] U16
	entered tensor.Tensor // [rows, dim] what the decoder was given: the codes' vectors, or z
	pred    tensor.Tensor // [rows, target]
	losses  tensor.Tensor // [2] the teacher's loss, the commitment loss: this pass's share of the batch's means

	encTape, decTape      vit.Tape
	h, encPre, encHid     tensor.Tensor
	norm, y, decPre, dHid tensor.Tensor
	dz, dpred             tensor.Tensor
}

// encode goes from patch rows to unit vectors.
//
//	patches: [n·N, 3·P²]
func (m *model) encode(patches tensor.Tensor, n int) *pass {
	b, none := m.b, tensor.Tensor{}
	p := &pass{n: n, rows: patches.Dim(0)}
	f := func(cols int) tensor.Tensor { return b.Temp(tensor.Float, p.rows, cols) }
	w := m.enc.Width
	p.h, p.encPre, p.encHid = f(w), f(w), f(w)
	m.w.enc.Forward(p.h, patches, n, &p.encTape)
	b.Linear(p.encHid, p.encPre, p.h, m.w.enc0W, m.w.enc0B, tensor.Tanh)
	raw := f(m.dim)
	b.Linear(raw, none, p.encHid, m.w.enc2W, m.w.enc2B, tensor.Identity)
	p.z, p.norm = f(m.dim), b.Temp(tensor.Float, p.rows)
	b.L2Normalize(p.z, p.norm, raw, 1e-12)
	return p
}

// decode runs the quantiser and the decoder and measures both losses.
//
//	targets: [n·N, target]
//	rows:    of the whole batch, by which losses and gradients are divided
//
// free leaves the quantiser out: the decoder is given z itself, and only the teacher's loss counts.
func (m *model) decode(p *pass, targets tensor.Tensor, rows int, beta float64, free bool) {
	b, none := m.b, tensor.Tensor{}
	f := func(cols int) tensor.Tensor { return b.Temp(tensor.Float, p.rows, cols) }
	vec := func() tensor.Tensor { return b.Temp(tensor.Float, p.rows) }
	p.losses = b.Temp(tensor.Float, 2)
	b.Zero(p.losses)
	p.dz = f(m.dim)
	if free {
		p.entered = p.z
		b.Zero(p.dz)
	} else {
		p.codes = b.Temp(tensor.U16, p.rows)
		p.entered = f(m.dim)
		b.NearestCode(p.codes, none, p.z, m.book)
		b.LookupCodes(p.entered, m.book, p.codes)
		each := vec()
		b.SquaredError(each, p.dz, p.z, p.entered, beta/float64(rows*m.dim))
		b.Sum(p.losses.Rows(1, 2), each)
	}
	w := m.dec.Width
	p.y, p.decPre, p.dHid = f(w), f(w), f(w)
	m.w.dec.Forward(p.y, p.entered, p.n, &p.decTape)
	b.Linear(p.dHid, p.decPre, p.y, m.w.dec0W, m.w.dec0B, tensor.Tanh)
	p.pred, p.dpred = f(m.target), f(m.target)
	b.Linear(p.pred, none, p.dHid, m.w.dec2W, m.w.dec2B, tensor.Identity)
	each, share := vec(), vec()
	b.Upload(share, repeat(1/float32(rows), p.rows))
	b.CosineLoss(each, p.dpred, p.pred, targets, share)
	b.Sum(p.losses.Rows(0, 1), each)
}

// backward adds the gradients of both losses to m.g. Straight-through: what the decoder asks of the code's vector is
// asked of z.
func (m *model) backward(p *pass) {
	b, none, w, g := m.b, tensor.Tensor{}, m.w, m.g
	f := func(cols int) tensor.Tensor { return b.Temp(tensor.Float, p.rows, cols) }
	dHid, dy := f(m.dec.Width), f(m.dec.Width)
	b.LinearBackward(dHid, g.dec2W, g.dec2B, p.dpred, none, p.dHid, w.dec2W, tensor.Identity)
	b.LinearBackward(dy, g.dec0W, g.dec0B, dHid, p.decPre, p.y, w.dec0W, tensor.Tanh)
	dEntered := f(m.dim)
	w.dec.Backward(dEntered, g.dec, dy, &p.decTape)
	b.Add(p.dz, p.dz, dEntered)
	draw := f(m.dim)
	b.L2NormalizeBackward(draw, p.dz, p.z, p.norm)
	eHid, dh := f(m.enc.Width), f(m.enc.Width)
	b.LinearBackward(eHid, g.enc2W, g.enc2B, draw, none, p.encHid, w.enc2W, tensor.Identity)
	b.LinearBackward(dh, g.enc0W, g.enc0B, eHid, p.encPre, p.h, w.enc0W, tensor.Tanh)
	w.enc.Backward(none, g.enc, dh, &p.encTape)
}

// clearCounts is for the start of a batch, count for each pass of it.
func (m *model) clearCounts() {
	m.b.Zero(m.sums)
	m.b.Zero(m.counts)
}

func (m *model) count(p *pass) { m.b.SumByCode(m.sums, m.counts, p.z, p.codes) }

// moveCodebook is the codebook's own step: an exponential moving average towards the vectors that took each code.
func (m *model) moveCodebook(decay float64) {
	m.b.CodebookEMA(m.book, m.usage, m.sums, m.counts, decay)
}

func repeat(v float32, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = v
	}
	return out
}
