package trainer

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/tensor"
)

// join puts the parts of one kind behind each other again.
func join(parts []*mixer.Micro, kind pipeline.Kind) *mixer.Micro {
	out := &mixer.Micro{Kind: kind}
	if kind != pipeline.Kind_IMAGE {
		out.CuSeqlens = []int32{0}
	}
	for _, p := range parts {
		if p.Kind != kind {
			continue
		}
		out.N, out.S, out.G = out.N+p.N, p.S, p.G
		out.Pixels, out.Codes, out.VMask = append(out.Pixels, p.Pixels...), append(out.Codes, p.Codes...), append(out.VMask, p.VMask...)
		for _, at := range p.CuSeqlens[min(1, len(p.CuSeqlens)):] {
			out.CuSeqlens = append(out.CuSeqlens, int32(len(out.InputIDs))+at)
		}
		out.InputIDs, out.Targets, out.Rows = append(out.InputIDs, p.InputIDs...), append(out.Targets, p.Targets...), append(out.Rows, p.Rows...)
	}
	return out
}

func TestCutKeepsEverything(t *testing.T) {
	c := worldConfig().Model
	w := newWorld()
	r := rand.New(rand.NewPCG(1, 1))
	micros := []*mixer.Micro{w.micro(r, pipeline.Kind_PAIR, 5), w.micro(r, pipeline.Kind_IMAGE, 4), w.micro(r, pipeline.Kind_TEXT, 7)}
	for _, maxRows := range []int{1, 17, 30, 50, 1000} {
		var all []*mixer.Micro
		for _, part := range cut(&c, micros, maxRows) {
			rows, samples := 0, 0
			for _, mi := range part {
				if err := checkMicro(&c, mi); err != nil {
					t.Fatalf("at most %d rows: %v", maxRows, err)
				}
				samples += mi.N
				for i := range mi.N {
					rows += sampleRows(&c, mi, i)
				}
			}
			if p := newPack(&c, part); p.n != rows {
				t.Fatalf("pack has %d rows, its samples %d", p.n, rows)
			}
			if rows > maxRows && samples > 1 {
				t.Errorf("at most %d rows: a pack of %d samples has %d", maxRows, samples, rows)
			}
			all = append(all, part...)
		}
		for _, mi := range micros {
			if diff := cmp.Diff(mi, join(all, mi.Kind)); diff != "" {
				t.Errorf("at most %d rows: %v changed (-before +after):\n%s", maxRows, mi.Kind, diff)
			}
		}
	}
}

// However a batch is cut, the losses and gradients are the same up to rounding: means are over the whole batch.
func TestPacksDoNotMatter(t *testing.T) {
	cfg := worldConfig()
	cfg.Optimizer.WarmupSteps = 0
	var first result
	for i, rows := range []int{1 << 20, 60, 1} {
		cfg.PackTokens = rows
		m, err := NewModel(tensor.NewReference[float64](), cfg.Model, true)
		if err != nil {
			t.Fatal(err)
		}
		m.Init(1)
		w := newWorld()
		f := fetch(t.Context(), w, &cfg.Model, 0)
		got, err := newOptimizer(m, &cfg).step(0, f.micros)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = got
		}
		for name, v := range map[string][2]float64{"loss": {got.total, first.total}, "gradient norm": {got.gradNorm, first.gradNorm}} {
			if d := v[0]/v[1] - 1; d > 1e-12 || d < -1e-12 {
				t.Errorf("packs of %d rows: %s %v, in one pack %v", rows, name, v[0], v[1])
			}
		}
	}
}

// A sample's predictions do not depend on what shares its call.
func TestPredictAlone(t *testing.T) {
	cfg := worldConfig()
	m, err := NewModel(tensor.NewReference[float32](), cfg.Model, false)
	if err != nil {
		t.Fatal(err)
	}
	m.Init(7)
	mi := newWorld().micro(rand.New(rand.NewPCG(4, 4)), pipeline.Kind_PAIR, 6)
	whole, err := m.Predict(mi)
	if err != nil {
		t.Fatal(err)
	}
	var alone Prediction
	for i := range mi.N {
		p, err := m.Predict(slice(mi, i, i+1))
		if err != nil {
			t.Fatal(err)
		}
		alone.Codes, alone.IDs = append(alone.Codes, p.Codes...), append(alone.IDs, p.IDs...)
	}
	if diff := cmp.Diff(whole, alone); diff != "" {
		t.Errorf("(-together +alone):\n%s", diff)
	}
	for i, v := range mi.VMask {
		if (whole.Codes[i] >= 0) != (v != 0) {
			t.Fatalf("patch %d: masked %d, predicted %d", i, v, whole.Codes[i])
		}
	}
}

func TestBatchesThatDoNotFit(t *testing.T) {
	c := worldConfig().Model
	for name, spoil := range map[string]func(*mixer.Micro){
		"code":    func(mi *mixer.Micro) { mi.Codes[3] = 16 },
		"side":    func(mi *mixer.Micro) { mi.S = 64 },
		"pixels":  func(mi *mixer.Micro) { mi.Pixels = mi.Pixels[1:] },
		"id":      func(mi *mixer.Micro) { mi.InputIDs[2] = 16 },
		"target":  func(mi *mixer.Micro) { mi.Targets[2] = -7 },
		"bounds":  func(mi *mixer.Micro) { mi.CuSeqlens[1] = 0 },
		"length":  func(mi *mixer.Micro) { mi.CuSeqlens[1], mi.CuSeqlens[2] = 1, 14 },
		"last":    func(mi *mixer.Micro) { mi.CuSeqlens[mi.N]-- },
		"unknown": func(mi *mixer.Micro) { mi.Kind = 0 },
	} {
		mi := newWorld().micro(rand.New(rand.NewPCG(1, 1)), pipeline.Kind_PAIR, 3)
		if err := checkMicro(&c, mi); err != nil {
			t.Fatal(err)
		}
		spoil(mi)
		if err := checkMicro(&c, mi); err == nil {
			t.Errorf("a wrong %s passes", name)
		}
	}
}

func TestFit(t *testing.T) {
	c := Defaults().Model
	if err := c.Fit(224, 14, 512, 1000); err != nil || c.Side != 224 || c.Patch != 16 || c.Codes != 512 || c.Vocab != 1000 {
		t.Errorf("Fit = %v, %+v", err, c)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Vocab = 1008 // more rows than ids: as the published models have it
	if err := c.Fit(224, 14, 512, 1000); err != nil {
		t.Error(err)
	}
	for _, data := range [][4]int{{192, 14, 512, 1000}, {224, 28, 512, 1000}, {224, 14, 513, 1000}, {224, 14, 512, 2000}} {
		if err := c.Fit(data[0], data[1], data[2], data[3]); err == nil {
			t.Errorf("a model of %+v fits data of %v", c, data)
		}
	}
	texts := Defaults().Model
	if err := texts.Fit(0, 0, 0, 1000); err != nil {
		t.Error(err)
	}
	if err := texts.Validate(); err != nil {
		t.Errorf("a model for texts alone: %v", err)
	}
}
