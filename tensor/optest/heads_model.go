package optest

import (
	"bytes"
	_ "embed"
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
)

// The tiny model of the reference's numbers: BEiT-3 as released, 3 layers, 3 heads of 16, FFN 96, 32×32 pixels in patches
// of 8, 100 pieces. A stands for vision, B for language.
const (
	tinyLayers, tinyHeads, tinyWidth, tinyFFN = 3, 3, 48, 96
	tinySide, tinyPatch, tinyCells            = 32, 8, 16
	tinyMask                                  = 99 // id of the mask piece when captions are written
	tinyEps                                   = 1e-5
)

//go:embed testdata/beit3_tiny_heads.safetensors
var headsFile []byte

// headsModel computes the reference's model with ops alone.
type headsModel struct {
	t *testing.T
	b tensor.Backend
	f *checkpoint.File
	w map[string]tensor.Tensor
}

func newHeadsModel(t *testing.T, b tensor.Backend) *headsModel {
	f, err := checkpoint.NewFile(bytes.NewReader(headsFile), int64(len(headsFile)))
	if err != nil {
		t.Fatal(err)
	}
	return &headsModel{t, b, f, map[string]tensor.Tensor{}}
}

// formula is the reference's weights: a hash of the tensor's name, mixed with each value's place (FNV-1a, SplitMix64).
func formula(name string, shape ...int) []float32 {
	const seed = 2
	h := fnv.New64a()
	h.Write([]byte(name))
	n, scale, base := size(shape), float32(0), float32(0)
	switch {
	case name == "logit_scale":
		scale, base = 0, float32(math.Log(1/0.07))
	case strings.HasSuffix(name, "bias"):
		scale = 0.1
	case len(shape) == 1: // a norm
		scale, base = 0.2, 1
	case strings.Contains(name, "embed_positions"), strings.HasSuffix(name, "token"):
		scale = 0.5
	case strings.Contains(name, "text_embed"):
		scale = 1
	default:
		gain := 1.0
		if strings.Contains(name, "q_proj") || strings.Contains(name, "k_proj") {
			gain = 1.3
		}
		scale = float32(gain * math.Sqrt(3/float64(n/shape[0])))
	}
	x := make([]float32, n)
	for i := range x {
		z := (h.Sum64() ^ seed) + uint64(i+1)*0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		x[i] = float32((float32(z>>40)*(1.0/(1<<23))-1)*scale) + base
	}
	return x
}

// weight is the named tensor, made when it is first asked for.
func (m *headsModel) weight(name string, shape ...int) tensor.Tensor {
	w, ok := m.w[name]
	if !ok {
		w = m.b.Alloc(tensor.Float, shape...)
		m.b.Upload(w, formula(name, shape...))
		m.w[name] = w
	}
	return w
}

// close frees the weights.
func (m *headsModel) close() {
	for _, w := range m.w {
		m.b.Free(w)
	}
}

func (m *headsModel) floats(name string) []float64 {
	x, err := m.f.Float32(name)
	if err != nil {
		m.t.Fatal(err)
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func (m *headsModel) ints(name string) []int32 {
	x, err := m.f.Ints(name)
	if err != nil {
		m.t.Fatal(err)
	}
	y := make([]int32, len(x))
	for i, v := range x {
		y[i] = int32(v)
	}
	return y
}

func (m *headsModel) temp(shape ...int) tensor.Tensor { return m.b.Temp(tensor.Float, shape...) }

func (m *headsModel) ids(x []int32) tensor.Tensor {
	t := m.b.Temp(tensor.I32, len(x))
	m.b.UploadI32(t, x)
	return t
}

func (m *headsModel) linear(x tensor.Tensor, name string, out int, act tensor.Act) tensor.Tensor {
	y := m.temp(x.Dim(0), out)
	m.b.Linear(y, tensor.Tensor{}, x, m.weight(name+".weight", out, x.Cols()), m.weight(name+".bias", out), act)
	return y
}

func (m *headsModel) norm(x tensor.Tensor, name string) tensor.Tensor {
	y, d := m.temp(x.Dim(0), x.Cols()), x.Cols()
	m.b.LayerNorm(y, m.temp(x.Dim(0), 2), x, m.weight(name+".weight", d), m.weight(name+".bias", d), tinyEps)
	return y
}

// joined is the rows of a, then those of c.
func (m *headsModel) joined(a, c tensor.Tensor) tensor.Tensor {
	y := m.temp(a.Dim(0)+c.Dim(0), a.Cols())
	m.b.Copy(y.Rows(0, a.Dim(0)), a)
	m.b.Copy(y.Rows(a.Dim(0), y.Dim(0)), c)
	return y
}

// images embeds the named images [n, 3, 32, 32]: for each a class row, then 16 patches.
func (m *headsModel) images(name string) tensor.Tensor {
	x, per := m.floats(name), tinyPatch*tinyPatch*3
	n, grid := len(x)/(3*tinySide*tinySide), tinySide/tinyPatch
	cut := make([]float64, 0, len(x))
	for p := range n * tinyCells {
		image, py, px := p/tinyCells, p%tinyCells/grid, p%grid
		for c := range 3 {
			for y := range tinyPatch {
				from := ((image*3+c)*tinySide+py*tinyPatch+y)*tinySide + px*tinyPatch
				cut = append(cut, x[from:from+tinyPatch]...)
			}
		}
	}
	patches := m.temp(n*tinyCells, per)
	m.b.UploadF64(patches, cut)
	w := m.weight("beit3.vision_embed.proj.weight", tinyWidth, 3, tinyPatch, tinyPatch).Reshape(tinyWidth, per)
	cells := m.temp(n*tinyCells, tinyWidth)
	m.b.Linear(cells, tensor.Tensor{}, patches, w, m.weight("beit3.vision_embed.proj.bias", tinyWidth), tensor.Identity)
	var cell, class, position []int32
	for i := range n * (tinyCells + 1) {
		k := int32(i % (tinyCells + 1))
		if position = append(position, 2+k); k == 0 {
			cell, class = append(cell, -1), append(class, 0)
			continue
		}
		cell, class = append(cell, int32(i/(tinyCells+1)*tinyCells)+k-1), append(class, -1)
	}
	y := m.temp(n*(tinyCells+1), tinyWidth)
	m.b.Gather(y, cells, m.ids(cell))
	m.b.GatherAdd(y, m.weight("beit3.vision_embed.cls_token", 1, 1, tinyWidth).Reshape(1, tinyWidth), m.ids(class))
	m.b.GatherAdd(y, m.weight("beit3.encoder.embed_positions.A.weight", 19, tinyWidth), m.ids(position))
	return y
}

// texts embeds ids at positions.
func (m *headsModel) texts(ids, positions []int32) tensor.Tensor {
	y := m.temp(len(ids), tinyWidth)
	m.b.Gather(y, m.weight("beit3.text_embed.weight", 100, tinyWidth), m.ids(ids))
	rows := make([]int32, len(positions))
	for i, p := range positions {
		rows[i] = p + 2
	}
	m.b.GatherAdd(y, m.weight("beit3.encoder.embed_positions.B.weight", 40, tinyWidth), m.ids(rows))
	return y
}

// encode runs the layers on rows, the first nv of which are vision; attend mixes them.
func (m *headsModel) encode(x tensor.Tensor, nv int, attend func(layer int, out, qkv tensor.Tensor)) tensor.Tensor {
	b, n := m.b, x.Dim(0)
	// both calls f for the vision rows and the language rows.
	both := func(x tensor.Tensor, f func(x tensor.Tensor, expert string) tensor.Tensor) tensor.Tensor {
		switch nv {
		case 0:
			return f(x, "B")
		case n:
			return f(x, "A")
		}
		return m.joined(f(x.Rows(0, nv), "A"), f(x.Rows(nv, n), "B"))
	}
	for i := range tinyLayers {
		at := fmt.Sprintf("beit3.encoder.layers.%d.", i)
		qkv := both(x, func(x tensor.Tensor, e string) tensor.Tensor {
			y := m.norm(x, at+"self_attn_layer_norm."+e)
			return m.qkv(y, at+"self_attn.", e)
		})
		mixed := m.temp(n, tinyWidth)
		attend(i, mixed, qkv)
		out := both(mixed, func(x tensor.Tensor, e string) tensor.Tensor {
			return m.linear(m.norm(x, at+"self_attn.inner_attn_ln."+e), at+"self_attn.out_proj."+e, tinyWidth, tensor.Identity)
		})
		mid := m.temp(n, tinyWidth)
		b.Add(mid, x, out)
		out = both(mid, func(x tensor.Tensor, e string) tensor.Tensor {
			y := m.linear(m.norm(x, at+"final_layer_norm."+e), at+"ffn."+e+".fc1", tinyFFN, tensor.GELU)
			return m.linear(m.norm(y, at+"ffn."+e+".ffn_layernorm"), at+"ffn."+e+".fc2", tinyWidth, tensor.Identity)
		})
		x = m.temp(n, tinyWidth)
		b.Add(x, mid, out)
	}
	return x
}

// qkv puts the three projections of x side by side.
func (m *headsModel) qkv(x tensor.Tensor, at, expert string) tensor.Tensor {
	w, bias := m.temp(3*tinyWidth, tinyWidth), m.temp(3*tinyWidth)
	for i, part := range []string{"q_proj.", "k_proj.", "v_proj."} {
		from, to := i*tinyWidth, (i+1)*tinyWidth
		m.b.Copy(w.Rows(from, to), m.weight(at+part+expert+".weight", tinyWidth, tinyWidth))
		m.b.Copy(bias.Rows(from, to), m.weight(at+part+expert+".bias", tinyWidth))
	}
	y := m.temp(x.Dim(0), 3*tinyWidth)
	m.b.Linear(y, tensor.Tensor{}, x, w, bias, tensor.Identity)
	return y
}
