package trainer

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/checkpoint"
)

// The expected values were computed by the public reference code (torchscale's BEiT-3 for the released form), with
// weights that are a formula. Padded rows, which the reference computes and packing does not, are left out.

func openFixture(t *testing.T, name string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func floats(t *testing.T, f *checkpoint.File, name string) []float32 {
	t.Helper()
	x, err := f.Float32(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func ints(t *testing.T, f *checkpoint.File, name string) []int64 {
	t.Helper()
	x, err := f.Ints(name)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// tinyForm is the fixtures' model: 32×32 pixels, patch 8, width 48, 3 heads, 100 pieces, 64 codes.
func tinyForm(layers, vl int, subNorm, split bool) ModelConfig {
	c := ModelConfig{
		Layers: layers, Width: 48, Heads: 3, FFN: 96, Patch: 8, Side: 32, Vocab: 100, Codes: 64, MaxText: 40,
		VLLayers: vl, SubNorm: subNorm, SplitAttention: split, SplitNorms: split, Eps: 1e-5, Init: "beit", InitRange: 0.02,
	}
	if split {
		c.PositionOffset, c.MaxText = 2, 38
	}
	return c
}

// fixtureMicros reads the inputs; images are floats there, so their patches come beside them.
func fixtureMicros(t *testing.T, masked bool) (micros []*mixer.Micro, patches map[*mixer.Micro][]float32) {
	f := openFixture(t, "beit3_tiny_forward.safetensors")
	const n, g, ps, length = 3, 4, 8, 12
	patches = map[*mixer.Micro][]float32{}
	for _, k := range []struct {
		name string
		kind pipeline.Kind
	}{{"img", pipeline.Kind_IMAGE}, {"txt", pipeline.Kind_TEXT}, {"pair", pipeline.Kind_PAIR}} {
		in := "in." + k.name + "."
		mi := &mixer.Micro{Kind: k.kind, N: n, S: 32, G: g}
		if k.kind != pipeline.Kind_TEXT {
			image := floats(t, f, in+"image") // [n, 3, 32, 32]
			for i := range n {
				for py := range g {
					for px := range g {
						for c := range 3 {
							for y := range ps {
								from := ((i*3+c)*32+py*ps+y)*32 + px*ps
								patches[mi] = append(patches[mi], image[from:from+ps]...)
							}
						}
					}
				}
			}
			mi.Pixels = make([]uint8, n*32*32*3)
			for i, c := range ints(t, f, in+"codes") {
				mi.Codes = append(mi.Codes, uint16(c))
				mask := uint8(ints(t, f, in+"vmask")[i])
				if !masked {
					mask = 0
				}
				mi.VMask = append(mi.VMask, mask)
			}
		}
		if k.kind != pipeline.Kind_IMAGE {
			mi.CuSeqlens = []int32{0}
			ids, replaced := ints(t, f, in+"ids"), ints(t, f, in+"masked_ids")
			tmask, pad := ints(t, f, in+"tmask"), ints(t, f, in+"pad")
			for i := range n {
				for j := i * length; j < (i+1)*length; j++ {
					if pad[j] != 0 {
						continue
					}
					target, id := int32(mixer.Ignore), int32(ids[j])
					if masked {
						id = int32(replaced[j])
						if tmask[j] != 0 {
							target = int32(ids[j])
						}
					}
					mi.InputIDs, mi.Targets = append(mi.InputIDs, id), append(mi.Targets, target)
				}
				mi.CuSeqlens = append(mi.CuSeqlens, int32(len(mi.InputIDs)))
			}
		}
		if err := checkMicro(&ModelConfig{Side: 32, Patch: 8, Codes: 64, Vocab: 100, MaxText: 12}, mi); err != nil {
			t.Fatal(err)
		}
		micros = append(micros, mi)
	}
	return micros, patches
}

func fixturePack(t *testing.T, c *ModelConfig, masked bool, pick ...int) *pack {
	micros, patches := fixtureMicros(t, masked)
	var chosen []*mixer.Micro
	for _, i := range pick {
		chosen = append(chosen, micros[i])
	}
	p := newPack(c, chosen)
	p.patches = []float32{}
	for _, kind := range []pipeline.Kind{pipeline.Kind_IMAGE, pipeline.Kind_PAIR} {
		for _, mi := range chosen {
			if mi.Kind == kind {
				p.patches = append(p.patches, patches[mi]...)
			}
		}
	}
	return p
}

// near holds got to max|a−b| ≤ 1e-4·max|b| + 1e-6.
func near(got, want []float32) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	var top float64
	for _, w := range want {
		top = max(top, math.Abs(float64(w)))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); !(d <= 1e-4*top+1e-6) {
			return fmt.Errorf("value %d of %d is %v, want %v (off by %.3g, bound %.3g)", i, len(want), got[i], w, d, 1e-4*top+1e-6)
		}
	}
	return nil
}

// checkHidden compares the rows behind the last norm with the fixture's padded [3, rows, D].
func checkHidden(t *testing.T, m *Model, p *pack, want []float32, first int) {
	t.Helper()
	b := m.b
	mark := b.Mark()
	defer b.Release(mark)
	d := m.upload(p)
	x, _, _ := m.forward(p, d, nil, false)
	y, stats := b.Temp(tensor.Float, x.Shape...), b.Temp(tensor.Float, p.n, 2)
	parts(p, m.last, func(s span, e norm) { m.applyNorm(y, stats, x, s, e) })
	all := make([]float32, y.Len())
	b.Download(all, y)
	width := m.cfg.Width
	perSample := len(want) / 3 / width
	for i := range 3 {
		seg := p.seg[4*(first+i) : 4*(first+i)+4]
		var got []float32
		for part := 0; part < 4; part += 2 {
			got = append(got, all[int(seg[part])*width:int(seg[part]+seg[part+1])*width]...)
		}
		if err := near(got, want[i*perSample*width:i*perSample*width+len(got)]); err != nil {
			t.Errorf("sample %d: %v", i, err)
		}
	}
}

// backends are what the fixtures are held on.
func backends(t *testing.T, f func(t *testing.T, b tensor.Backend)) {
	c, err := cpu.New(2)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, b := range []tensor.Backend{tensor.NewReference[float32](), tensor.NewReference[float64](), c} {
		t.Run(strings.ReplaceAll(b.Name(), " ", "-"), func(t *testing.T) { f(t, b) })
	}
}

func loadFixtureModel(t *testing.T, b tensor.Backend, c ModelConfig, file string, name func(string) string) *Model {
	t.Helper()
	m, err := NewModel(b, c, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Load(openFixture(t, file), name); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPaperForm(t *testing.T) {
	for _, form := range []struct {
		file    string
		subNorm bool
	}{{"beit3_paper_preln_tiny.safetensors", false}, {"beit3_paper_subln_tiny.safetensors", true}} {
		t.Run(form.file, func(t *testing.T) {
			backends(t, func(t *testing.T, b tensor.Backend) {
				f := openFixture(t, form.file)
				m := loadFixtureModel(t, b, tinyForm(4, 2, form.subNorm, false), form.file, func(n string) string { return "w." + n })
				for i, name := range []string{"image", "text", "pair"} {
					checkHidden(t, m, fixturePack(t, &m.cfg, true, i), floats(t, f, name), 0)
				}
				together := fixturePack(t, &m.cfg, true, 0, 1, 2)
				checkHidden(t, m, together, floats(t, f, "image"), 0)
				checkHidden(t, m, together, floats(t, f, "pair"), 3)
				checkHidden(t, m, together, floats(t, f, "text"), 6)
				checkLossAndGradients(t, m, f, together, func(n string) string { return "grad." + n })
			})
		})
	}
}

func TestReleasedForm(t *testing.T) {
	backends(t, func(t *testing.T, b tensor.Backend) {
		f := openFixture(t, "beit3_tiny_forward.safetensors")
		m := loadFixtureModel(t, b, tinyForm(3, 0, true, true), "beit3_tiny.safetensors", ReleasedName)
		for i, name := range []string{"image", "text", "pair"} {
			checkHidden(t, m, fixturePack(t, &m.cfg, false, i), floats(t, f, name+".out"), 0)
		}
		together := fixturePack(t, &m.cfg, true, 0, 1, 2)
		checkHidden(t, m, together, floats(t, f, "image_masked.out"), 0)
		checkHidden(t, m, together, floats(t, f, "pair_masked.out"), 3)
		step := openFixture(t, "beit3_tiny_step_f32.safetensors")
		checkLossAndGradients(t, m, step, together, func(n string) string { return "grad." + ReleasedName(n) })
	})
}

// checkLossAndGradients runs the pack as one batch with all four terms counting 1.
func checkLossAndGradients(t *testing.T, m *Model, f *checkpoint.File, p *pack, name func(string) string) {
	t.Helper()
	b := m.b
	sums := b.Alloc(tensor.Float, int(terms))
	b.Zero(m.params.g)
	var factor [terms]float64
	for i := range factor {
		factor[i] = 1 / float64(p.count[i])
	}
	m.accumulate(p, factor, nil, sums)
	got := make([]float32, terms)
	b.Download(got, sums)
	want := make([]float32, terms)
	for i, n := range map[term]string{termImage: "mim", termText: "mlm", termPairImage: "vl_image", termPairText: "vl_text"} {
		want[i] = floats(t, f, "loss."+n)[0]
	}
	if err := near(got, want); err != nil {
		t.Errorf("losses: %v", err)
	}
	for _, n := range m.params.names {
		q := m.params.byName[n]
		x := make([]float32, size(q.shape))
		b.Download(x, q.view.g)
		if err := near(x, floats(t, f, name(n))); err != nil {
			t.Errorf("gradient of %s: %v", n, err)
		}
	}
}

// The weights after one and three steps of the reference's AdamW, at a constant learning rate of 1e-3, clipped at 3.
func TestReleasedFormSteps(t *testing.T) {
	backends(t, func(t *testing.T, b tensor.Backend) {
		m := loadFixtureModel(t, b, tinyForm(3, 0, true, true), "beit3_tiny.safetensors", ReleasedName)
		f := openFixture(t, "beit3_tiny_step_f32.safetensors")
		cfg := Defaults()
		cfg.Optimizer.WarmupSteps, cfg.Optimizer.MinLR, cfg.DropPath = 0, 1e-3, 0
		o := newOptimizer(m, &cfg)
		p := fixturePack(t, &m.cfg, true, 0, 1, 2)
		for step := 1; step <= 3; step++ {
			r, err := o.stepPacks(int64(step), p.count, slices.Values([]*pack{p}))
			if err != nil {
				t.Fatal(err)
			}
			name := map[int]string{1: "loss.total", 2: "loss2.total", 3: "loss3.total"}[step]
			if err := near([]float32{float32(r.total)}, floats(t, f, name)); err != nil {
				t.Errorf("step %d: loss: %v", step, err)
			}
			if step == 1 {
				if err := near([]float32{float32(r.gradNorm)}, floats(t, f, "grad_norm")); err != nil {
					t.Errorf("gradient norm: %v", err)
				}
			}
			if step == 2 {
				continue
			}
			for _, n := range m.params.names {
				x := make([]float32, size(m.params.byName[n].shape))
				b.Download(x, m.params.byName[n].view.w)
				if err := near(x, floats(t, f, fmt.Sprintf("after%d.%s", step, ReleasedName(n)))); err != nil {
					t.Errorf("%s after %d steps: %v", n, step, err)
				}
			}
		}
	})
}
