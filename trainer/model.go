package trainer

import (
	"fmt"
	"math"

	"github.com/imglish/imglish/tensor"
)

// Model is one Multiway Transformer on a backend. One goroutine at a time may use it.
type Model struct {
	cfg    ModelConfig
	b      tensor.Backend
	params params

	cls, maskToken *weight
	patch          linear
	text           *weight // [Vocab, D]
	posV, posT     *weight
	layers         []layer
	last           []norm // one, or vision and language
	mim, mlm       linear

	scale, shift [3]float64 // of pixel values 0..255
}

type linear struct{ w, b *weight }

type norm struct{ gamma, beta *weight }

// attention of one layer. Each list has one entry (shared), or two: vision, language.
type attention struct {
	norm []norm
	qkv  []linear
	sub  []norm // empty without sub-norm
	out  []linear
}

// expert is one feed-forward network with the norm in front of it.
type expert struct {
	norm     norm
	fc1, fc2 linear
	sub      *norm
}

// layer has a vision and a language expert, and in the top layers one for pairs (else nil).
type layer struct {
	attn      attention
	v, l, vl  expert
	hasVL     bool
	scoreSize float64 // factor on q·k
}

// NewModel allocates a model whose weights are zero: call Init or Load. train also allocates gradients and moments.
func NewModel(b tensor.Backend, cfg ModelConfig, train bool) (*Model, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &Model{cfg: cfg, b: b}
	m.Normalise([3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5})
	m.declare()
	m.params.alloc(b, train)
	return m, b.Sync()
}

// Normalise sets the mean and standard deviation of pixels in 0..1, channel order RGB.
func (m *Model) Normalise(mean, std [3]float64) {
	for c := range 3 {
		m.scale[c], m.shift[c] = 1/(255*std[c]), -mean[c]/std[c]
	}
}

// Init draws the weights: uniform in a small range (ModelConfig.Init), layer l's two output matrices divided by √(2l),
// as BEiT does.
func (m *Model) Init(seed uint64) { m.params.init(m.b, seed) }

// Close frees the model's memory; the backend stays.
func (m *Model) Close() { m.params.free(m.b) }

// Config is what the model was made with.
func (m *Model) Config() ModelConfig { return m.cfg }

// Parameters is the number of trained values.
func (m *Model) Parameters() int {
	n := 0
	for _, q := range m.params.byName {
		n += size(q.shape)
	}
	return n
}

// declare names every parameter. Weight decay follows the released code: none on vectors, the class token and the
// vision positions; the text positions and the mask token have it.
func (m *Model) declare() {
	c, p := m.cfg, &m.params
	table := func(name string, g group, rows int) *weight {
		return p.declare(g, c.InitRange, 0, []string{name}, rows, c.Width)
	}
	m.cls = table("cls", plain, 1)
	m.maskToken = table("mask", decayed, 1)
	m.patch = linear{
		p.declare(patches, c.start(3*c.Patch*c.Patch), 0, []string{"patch.weight"}, c.Width, 3, c.Patch, c.Patch),
		p.declare(plain, 0, 0, []string{"patch.bias"}, c.Width),
	}
	m.text = table("text.weight", decayed, c.Vocab)
	m.posV = table("pos_v", plain, c.PositionOffset+c.visionRows())
	m.posT = table("pos_t", decayed, c.PositionOffset+c.MaxText)
	if c.Init == "fan_in" {
		p.byName["pos_v"].waves = m.visionWaves
		p.byName["pos_t"].waves = m.textWaves
	}
	for i := range c.Layers {
		m.layers = append(m.layers, m.declareLayer(i))
	}
	m.last = m.norms("norm", c.Width, m.modal(c.SplitNorms))
	m.mim = m.linear("mim_head", c.Codes, c.Width, c.start(c.Width))
	m.mlm = m.linear("mlm_head", c.Vocab, c.Width, c.start(c.Width))
}

// start is the range of a matrix with that many inputs.
func (c *ModelConfig) start(inputs int) float64 {
	if c.Init == "fan_in" {
		return math.Sqrt(3 / float64(inputs))
	}
	return c.InitRange
}

func (m *Model) declareLayer(i int) layer {
	c := m.cfg
	at := fmt.Sprintf("blocks.%d.", i)
	depth := math.Sqrt(2 * float64(i+1)) // that the two output matrices are divided by
	l := layer{
		hasVL:     i >= c.Layers-c.VLLayers,
		scoreSize: 1 / math.Sqrt(float64(c.Width/c.Heads)),
	}
	l.attn.norm = m.norms(at+"norm1", c.Width, m.modal(c.SplitNorms))
	for _, e := range m.modal(c.SplitAttention) {
		l.attn.qkv = append(l.attn.qkv, m.fused([]string{at + "q" + e, at + "k" + e, at + "v" + e}, c.Width, c.Width, c.start(c.Width)))
		if c.Init == "fan_in" {
			// Keys start as queries, so rows attend to rows like themselves from the first step, and so, by their
			// positions, to their neighbours (Trockman and Kolter 2023, "Mimetic Initialization of Self-Attention Layers").
			m.params.byName[at+"k"+e+".weight"].as = at + "q" + e + ".weight"
		}
		l.attn.out = append(l.attn.out, m.linear(at+"o"+e, c.Width, c.Width, c.start(c.Width)/depth))
	}
	if c.SubNorm {
		l.attn.sub = m.norms(at+"attn_ln", c.Width, m.modal(c.SplitNorms))
	}
	l.v = m.declareExpert(at+"ffn.v", depth)
	l.l = m.declareExpert(at+"ffn.l", depth)
	if l.hasVL {
		l.vl = m.declareExpert(at+"ffn.vl", depth)
	}
	return l
}

func (m *Model) declareExpert(name string, depth float64) expert {
	c := m.cfg
	e := expert{
		norm: m.norms(name+".norm", c.Width, []string{""})[0],
		fc1:  m.linear(name+".fc1", c.FFN, c.Width, c.start(c.Width)),
		fc2:  m.linear(name+".fc2", c.Width, c.FFN, c.start(c.FFN)/depth),
	}
	if c.SubNorm {
		e.sub = &m.norms(name+".ln", c.FFN, []string{""})[0]
	}
	return e
}

// modal is the suffixes of names: one for what modalities share, two for what each has itself.
func (m *Model) modal(split bool) []string {
	if split {
		return []string{".v", ".l"}
	}
	return []string{""}
}

func (m *Model) norms(name string, width int, suffixes []string) []norm {
	var ns []norm
	for _, s := range suffixes {
		ns = append(ns, norm{
			m.params.declare(plain, 0, 1, []string{name + s + ".weight"}, width),
			m.params.declare(plain, 0, 0, []string{name + s + ".bias"}, width),
		})
	}
	return ns
}

func (m *Model) linear(name string, out, in int, start float64) linear {
	return m.fused([]string{name}, out, in, start)
}

// fused is several linear layers of the same input as one product.
func (m *Model) fused(names []string, out, in int, start float64) linear {
	var ws, bs []string
	for _, n := range names {
		ws, bs = append(ws, n+".weight"), append(bs, n+".bias")
	}
	return linear{m.params.declare(decayed, start, 0, ws, out, in), m.params.declare(plain, 0, 0, bs, out)}
}
