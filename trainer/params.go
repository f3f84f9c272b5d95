package trainer

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"

	"github.com/imglish/imglish/tensor"
)

// All parameters lie in one flat tensor, their gradients and AdamW's moments in others of the same layout: first those
// with weight decay, then those without, then the patches' projection, which has a learning rate of its own. So zeroing,
// the norm and the optimizer are a call or three, whatever the depth.

// group says how the optimizer treats a parameter.
type group int

const (
	decayed group = iota
	plain         // no weight decay
	patches       // weight decay, and a learning rate of its own
	groups
)

// align is the number of elements that a parameter's place is rounded up to: a 64-byte line of float32.
const align = 16

// weight is one parameter and its gradient, as views into the flat tensors. g is none in a model for inference.
type weight struct{ w, g tensor.Tensor }

// param is one named tensor as it stands in a checkpoint.
type param struct {
	name  string
	shape []int
	start float64 // weights start uniform within ±start, around base
	base  float64
	waves func(x []float32) // starts the values instead, if not nil
	as    string            // name of the tensor whose starting values it has too; "" for its own
	view  weight
}

// block is a place in the flat tensor: one param, or several of equal shape one behind the other (q, k and v).
type block struct {
	params []*param
	group  group
	whole  *weight
	off, n int
}

// params is the set of a model's parameters.
type params struct {
	blocks []*block
	byName map[string]*param
	names  []string // in order of declaration

	ends       [groups]int // where each group ends in the flat tensors
	total      int
	w, g, m, v tensor.Tensor // flat; g, m and v are none in a model for inference
}

// declare registers tensors of one shape that lie one behind the other, and gives the weight that spans them all.
func (p *params) declare(g group, start, base float64, names []string, shape ...int) *weight {
	b := &block{group: g, whole: new(weight)}
	for _, name := range names {
		if p.byName == nil {
			p.byName = map[string]*param{}
		}
		if p.byName[name] != nil {
			panic(fmt.Sprintf("trainer: parameter %s declared twice", name))
		}
		q := &param{name: name, shape: shape, start: start, base: base}
		p.byName[name] = q
		p.names = append(p.names, name)
		b.params = append(b.params, q)
		b.n += size(shape)
	}
	p.blocks = append(p.blocks, b)
	return b.whole
}

// alloc gives every declared parameter its memory.
func (p *params) alloc(b tensor.Backend, train bool) {
	for g := range groups {
		for _, k := range p.blocks {
			if k.group == g {
				k.off = p.total
				p.total += (k.n + align - 1) / align * align
			}
		}
		p.ends[g] = p.total
	}
	p.w = b.Alloc(tensor.Float, p.total)
	if train {
		p.g = b.Alloc(tensor.Float, p.total)
		p.m = b.Alloc(tensor.Float, p.total)
		p.v = b.Alloc(tensor.Float, p.total)
	}
	for _, k := range p.blocks {
		shape := append([]int(nil), k.params[0].shape...)
		each := k.n / len(k.params)
		shape[0] *= len(k.params)
		*k.whole = p.view(k.off, k.n, shape)
		for i, q := range k.params {
			q.view = p.view(k.off+i*each, each, q.shape)
		}
	}
}

func (p *params) view(off, n int, shape []int) weight {
	v := weight{w: p.w.Rows(off, off+n).Reshape(shape...)}
	if !p.g.None() {
		v.g = p.g.Rows(off, off+n).Reshape(shape...)
	}
	return v
}

// state gives the view of one of the flat tensors that belongs to q.
func (p *params) state(flat tensor.Tensor, q *param) tensor.Tensor {
	return flat.Rows(q.view.w.Off-p.w.Off, q.view.w.Off-p.w.Off+q.view.w.Len()).Reshape(q.shape...)
}

// init draws every parameter, each from a generator of its own keyed by seed and name: adding one moves no other.
func (p *params) init(b tensor.Backend, seed uint64) {
	for _, name := range p.names {
		q := p.byName[name]
		r := rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "imglish init\x00%d\x00%s", seed, cmp.Or(q.as, name)))))
		x := make([]float32, size(q.shape))
		for i := range x {
			x[i] = float32(q.base + q.start*(2*r.Float64()-1))
		}
		if q.waves != nil {
			q.waves(x)
		}
		b.Upload(q.view.w, x)
	}
}

func (p *params) free(b tensor.Backend) {
	for _, t := range []tensor.Tensor{p.w, p.g, p.m, p.v} {
		if !t.None() {
			b.Free(t)
		}
	}
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
