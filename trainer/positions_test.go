package trainer

import (
	"slices"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// Under the fan-in start, patches are the more alike the nearer they are, and keys equal queries.
func TestFanInStart(t *testing.T) {
	c := worldConfig().Model
	c.Init, c.Side = "fan_in", 80 // 10×10 patches
	m, err := NewModel(tensor.NewReference[float32](), c, false)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(3)
	get := func(name string) []float32 {
		q := m.params.byName[name]
		x := make([]float32, size(q.shape))
		m.b.Download(x, q.view.w)
		return x
	}
	pos, d, g := get("pos_v"), c.Width, c.Grid()
	like := func(a, b int) (dot float32) {
		for k := range d {
			dot += pos[(1+a)*d+k] * pos[(1+b)*d+k]
		}
		return dot
	}
	for _, at := range []int{0, 4*g + 5} {
		for _, step := range []int{1, g} { // along a row, along a column
			own, next, third := like(at, at), like(at, at+step), like(at, at+3*step)
			if !(own > next && next > third) {
				t.Errorf("patch %d is like itself %v, like the next %v, like the third %v", at, own, next, third)
			}
		}
	}
	for _, part := range []string{"weight", "bias"} {
		if !slices.Equal(get("blocks.1.q."+part), get("blocks.1.k."+part)) {
			t.Errorf("keys' %s does not start as the queries'", part)
		}
	}
	if slices.Equal(get("blocks.1.q.weight"), get("blocks.1.v.weight")) || slices.Equal(get("blocks.1.q.weight"), get("blocks.0.q.weight")) {
		t.Error("matrices that should differ start equal")
	}
}

// The patches' projection moves by its own factor of the learning rate; with 0 it stays.
func TestPatchLR(t *testing.T) {
	for _, factor := range []float64{0, 1} {
		cfg := worldConfig()
		cfg.Optimizer.WarmupSteps, cfg.Optimizer.PatchLR, cfg.Optimizer.WeightDecay = 0, factor, 0
		m, err := NewModel(tensor.NewReference[float32](), cfg.Model, true)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1)
		read := func(name string) []float32 {
			x := make([]float32, size(m.params.byName[name].shape))
			m.b.Download(x, m.params.byName[name].view.w)
			return x
		}
		patch, bias := read("patch.weight"), read("patch.bias")
		if _, err := newOptimizer(m, &cfg).step(0, fetch(t.Context(), newWorld(), &cfg.Model, 0).micros); err != nil {
			t.Fatal(err)
		}
		if moved := !slices.Equal(patch, read("patch.weight")); moved != (factor > 0) {
			t.Errorf("factor %v: the projection moved: %v", factor, moved)
		}
		if slices.Equal(bias, read("patch.bias")) {
			t.Errorf("factor %v: the projection's bias did not move", factor)
		}
	}
}
