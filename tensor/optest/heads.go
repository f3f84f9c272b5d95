package optest

import (
	"fmt"
	"math"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// Heads runs BEiT-3's five finetuning heads and its caption generation on b, and compares logits and losses with those
// that the public reference code computed in float32 (testdata). They differ by rounding alone, which bound allows for.
func Heads(t *testing.T, b tensor.Backend, bound float64) {
	m := newHeadsModel(t, b)
	defer m.close()
	for _, head := range []struct {
		name string
		run  func(m *headsModel) map[string]tensor.Tensor
	}{
		{"classify", (*headsModel).classify}, {"answer", (*headsModel).answer}, {"reason", (*headsModel).reason},
		{"caption", (*headsModel).caption}, {"retrieve", (*headsModel).retrieve},
	} {
		t.Run(head.name, func(t *testing.T) {
			mark := b.Mark()
			defer b.Release(mark)
			m.t = t
			for name, got := range head.run(m) {
				if err := near(download(b, got), m.floats(name), bound); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	t.Run("generate", func(t *testing.T) {
		m.t = t
		m.generate(bound)
	})
	if err := b.Sync(); err != nil {
		t.Error(err)
	}
}

// samples are images and the texts beside them, pads left out: all images' rows, then all texts' rows.
type samples struct {
	seg            []int32 // as Attention wants it
	ids, positions []int32 // of the texts' rows
	text, length   []int32 // first row and rows of each text
}

// pairs lays out n images of so many rows with the texts of the named ids; no name, no texts.
func (m *headsModel) pairs(n, visionRows int, ids string) (s samples) {
	row := int32(n * visionRows)
	for i := range n {
		s.length = append(s.length, 0)
		if ids != "" {
			all, pad := m.ints(ids), m.ints("in.pair.pad")
			per := len(pad) / n
			for k, id := range all[i*per : (i+1)*per] {
				if pad[i*per+k] == 0 {
					s.ids, s.positions = append(s.ids, id), append(s.positions, int32(k))
					s.length[i]++
				}
			}
		}
		s.text = append(s.text, row)
		s.seg = append(s.seg, int32(i*visionRows), int32(visionRows), row, s.length[i])
		row += s.length[i]
	}
	return s
}

// attention is what the layers call for samples that are there as a whole.
func (m *headsModel) attention(seg []int32, causal bool) func(layer int, out, qkv tensor.Tensor) {
	a := tensor.Attend{Heads: tinyHeads, Scale: 1 / math.Sqrt(tinyWidth/tinyHeads), Causal: causal}
	s := m.ids(seg).Reshape(len(seg)/4, 4)
	return func(_ int, out, qkv tensor.Tensor) {
		m.b.Attention(out, m.temp(out.Dim(0), tinyHeads), qkv, s, a)
	}
}

// pick gathers rows.
func (m *headsModel) pick(x tensor.Tensor, rows []int32) tensor.Tensor {
	y := m.temp(len(rows), x.Cols())
	m.b.Gather(y, x, m.ids(rows))
	return y
}

const visionRows = tinyCells + 1

// classRows are the rows of n images' class tokens.
func classRows(n int) (rows []int32) {
	for i := range n {
		rows = append(rows, int32(i*visionRows))
	}
	return rows
}

func (m *headsModel) sum(loss tensor.Tensor) tensor.Tensor {
	y := m.temp(1)
	m.b.Sum(y, loss)
	return y
}

// equal is n weights of 1/n.
func (m *headsModel) equal(n int) tensor.Tensor {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1 / float64(n)
	}
	t := m.temp(n)
	m.b.UploadF64(t, w)
	return t
}

func (m *headsModel) crossEntropy(logits tensor.Tensor, targets []int32, smooth float64) tensor.Tensor {
	loss := m.temp(len(targets))
	m.b.CrossEntropy(loss, tensor.Tensor{}, logits, m.ids(targets), m.equal(len(targets)), smooth)
	return m.sum(loss)
}

// classify: mean of the patches, norm, linear.
func (m *headsModel) classify() map[string]tensor.Tensor {
	const n, classes = 3, 10
	x := m.images("in.img.image")
	x = m.encode(x, x.Dim(0), m.attention(m.pairs(n, visionRows, "").seg, false))
	var seg []int32
	for i := range n {
		seg = append(seg, int32(i*visionRows+1), tinyCells)
	}
	mean := m.temp(n, tinyWidth)
	m.b.MeanRows(mean, x, m.ids(seg).Reshape(n, 2))
	logits := m.linear(m.norm(mean, "fc_norm"), "head", classes, tensor.Identity)
	label := m.ints("cls.label")
	return map[string]tensor.Tensor{
		"cls.logits": logits, "cls.loss_ce": m.crossEntropy(logits, label, 0),
		// The target here has 1 − s + s/V, every other class s/V.
		"cls.loss_ls0.1": m.crossEntropy(logits, label, 0.1*(classes-1)/classes),
	}
}

// answer: pooled class token, two layers, scores of answers.
func (m *headsModel) answer() map[string]tensor.Tensor {
	const n, answers = 3, 11
	s := m.pairs(n, visionRows, "in.pair.ids")
	x := m.joined(m.images("in.pair.image"), m.texts(s.ids, s.positions))
	x = m.encode(x, n*visionRows, m.attention(s.seg, false))
	pooled := m.linear(m.norm(m.pick(x, classRows(n)), "pooler.norm"), "pooler.dense", tinyWidth, tensor.Tanh)
	hidden := m.norm(m.linear(pooled, "head.0", 2*tinyWidth, tensor.Identity), "head.1")
	logits := m.linear(m.gelu(hidden), "head.3", answers, tensor.Identity)
	targets, loss := m.temp(n, answers), m.temp(n)
	m.b.UploadF64(targets, m.floats("vqa.target"))
	m.b.BCE(loss, tensor.Tensor{}, logits, targets, m.equal(n)) // the mean over answers too, times their number
	return map[string]tensor.Tensor{"vqa.logits": logits, "vqa.loss": m.sum(loss)}
}

// gelu is the activation on its own: a linear layer of ones.
func (m *headsModel) gelu(x tensor.Tensor) tensor.Tensor {
	one, y := m.temp(1, 1), m.temp(x.Len(), 1)
	m.b.UploadF64(one, []float64{1})
	m.b.Linear(y, tensor.Tensor{}, x.Reshape(x.Len(), 1), one, tensor.Tensor{}, tensor.GELU)
	return y.Reshape(x.Shape...)
}

// reason: two images with one text each, side by side.
func (m *headsModel) reason() map[string]tensor.Tensor {
	const n = 3
	s := m.pairs(n, visionRows, "in.pair.ids")
	both := m.temp(n, 2, 2*tinyWidth) // of each sample: its first image's two rows, its second's
	for k, image := range []string{"in.img.image", "in.pair.image"} {
		x := m.joined(m.images(image), m.texts(s.ids, s.positions))
		x = m.encode(x, n*visionRows, m.attention(s.seg, false))
		vision := m.norm(m.pick(x, classRows(n)), "beit3.encoder.layer_norm.A")
		text := m.norm(m.pick(x, s.text), "beit3.encoder.layer_norm.B")
		for i := range n {
			to := both.Rows(i, i+1).Reshape(4, tinyWidth)
			m.b.Copy(to.Rows(2*k, 2*k+1), vision.Rows(i, i+1))
			m.b.Copy(to.Rows(2*k+1, 2*k+2), text.Rows(i, i+1))
		}
	}
	hidden := m.linear(m.norm(both.Reshape(n, 4*tinyWidth), "head.norm1"), "head.dense1", 2*tinyWidth, tensor.Identity)
	logits := m.linear(m.gelu(m.norm(hidden, "head.norm2")), "head.dense2", 2, tensor.Identity)
	return map[string]tensor.Tensor{"nlvr2.logits": logits, "nlvr2.loss": m.crossEntropy(logits, m.ints("nlvr2.label"), 0)}
}

// caption: masked tokens of a text that sees its image and what comes before.
func (m *headsModel) caption() map[string]tensor.Tensor {
	const n, pieces, smooth = 3, 100, 0.1
	s := m.pairs(n, visionRows, "in.pair.masked_ids")
	x := m.joined(m.images("in.pair.image"), m.texts(s.ids, s.positions))
	x = m.encode(x, n*visionRows, m.attention(s.seg, true))
	masked, per := m.ints("in.pair.tmask"), 12
	var rows []int32
	for i := range n {
		for k := range s.length[i] {
			if masked[i*per+int(k)] != 0 {
				rows = append(rows, s.text[i]+k)
			}
		}
	}
	logits := m.linear(m.norm(m.pick(x, rows), "beit3.encoder.layer_norm.B"), "mlm_head", pieces, tensor.Identity)

	// The reference's loss is the divergence from the smoothed targets: less by their entropy, which is the same in each row.
	entropy := -(1-smooth)*math.Log(1-smooth) - smooth*math.Log(smooth/(pieces-1))
	k := len(rows) * 8 / 10
	targets := m.ids(m.ints("cap.target"))
	loss, keep, lessEntropy := m.temp(len(rows)), m.temp(len(rows)), m.temp(1)
	m.b.UploadF64(lessEntropy, []float64{-entropy})
	m.b.CrossEntropy(loss, tensor.Tensor{}, logits, targets, m.equal(len(rows)), smooth)
	all := m.sum(loss)
	m.b.Add(all, all, lessEntropy)
	m.b.Smallest(keep, loss, k)
	m.b.Scale(keep, keep, 1/float64(k))
	m.b.CrossEntropy(loss, tensor.Tensor{}, logits, targets, keep, smooth)
	kept := m.sum(loss)
	m.b.Add(kept, kept, lessEntropy)
	return map[string]tensor.Tensor{"cap.logits": logits, "cap.loss": all, "cap.loss_drop": kept}
}

// retrieve: images and texts alone, projected to unit length.
func (m *headsModel) retrieve() map[string]tensor.Tensor {
	const n = 3
	s := m.pairs(n, 0, "in.pair.ids")
	alone := func(x tensor.Tensor, nv int, seg, first []int32, norm, head string) tensor.Tensor {
		x = m.encode(x, nv, m.attention(seg, false))
		y, length := m.temp(n, tinyWidth), m.temp(n)
		m.b.Linear(y, tensor.Tensor{}, m.norm(m.pick(x, first), norm), m.weight(head, tinyWidth, tinyWidth), tensor.Tensor{}, tensor.Identity)
		m.b.L2Normalize(y, length, y, 1e-12)
		return y
	}
	vision := alone(m.images("in.pair.image"), n*visionRows, m.pairs(n, visionRows, "").seg, classRows(n), "beit3.encoder.layer_norm.A", "vision_head.weight")
	text := alone(m.texts(s.ids, s.positions), 0, s.seg, s.text, "beit3.encoder.layer_norm.B", "language_head.weight")
	loss, dv, du, ds := m.temp(n), m.temp(n, tinyWidth), m.temp(n, tinyWidth), m.temp(1)
	m.b.Zero(ds)
	tensor.Contrastive(m.b, loss, dv, du, ds, vision, text, m.weight("logit_scale", 1), 1.0/n)
	return map[string]tensor.Tensor{"ret.vision": vision, "ret.language": text, "ret.loss": m.sum(loss)}
}

// generate writes captions token by token, each read at a mask behind what is there, with keys and values cached.
func (m *headsModel) generate(bound float64) {
	const n, pieces, steps, capacity = 3, 100, 6, visionRows + 9
	b := m.b
	mark := b.Mark()
	defer b.Release(mark)
	a := tensor.Attend{Heads: tinyHeads, Scale: 1 / math.Sqrt(tinyWidth/tinyHeads)}
	var caches [tinyLayers]tensor.Tensor
	for i := range caches {
		caches[i] = m.temp(n, capacity, 2*tinyWidth)
	}
	// feed runs rows of each sample behind have cached ones.
	feed := func(x tensor.Tensor, nv, rows, have int, causal bool) tensor.Tensor {
		var seg []int32
		for i := range n {
			seg = append(seg, int32(i*rows), int32(rows), int32(i), int32(have))
		}
		s, a := m.ids(seg).Reshape(n, 4), a
		a.Causal = causal
		return m.encode(x, nv, func(layer int, out, qkv tensor.Tensor) { b.AttentionCached(out, qkv, caches[layer], s, a) })
	}
	images := m.images("in.pair.image")
	feed(images, images.Dim(0), visionRows, 0, false)
	want := m.ints("cap.greedy")
	last := make([]int32, n) // bos
	for step := range steps {
		var ids, positions, rows []int32
		for i := range n {
			ids, positions = append(ids, last[i], tinyMask), append(positions, int32(step), int32(step+1))
			rows = append(rows, int32(2*i+1))
		}
		x := feed(m.texts(ids, positions), 0, 2, visionRows+step, true)
		logits := m.linear(m.norm(m.pick(x, rows), "beit3.encoder.layer_norm.B"), "mlm_head", pieces, tensor.Identity)
		if err := near(download(b, logits), m.floats(fmt.Sprintf("cap.step%d.logits", step+2)), bound); err != nil {
			m.t.Fatalf("step %d: %v", step, err)
		}
		best := b.Temp(tensor.I32, n)
		b.ArgMax(best, logits)
		b.DownloadI32(last, best)
		for i, id := range last {
			if id != want[i*steps+step] {
				m.t.Fatalf("step %d, sample %d: token %d, want %d", step, i, id, want[i*steps+step])
			}
		}
	}
}
