package trainer

import (
	"fmt"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/tensor"
)

// Rows of a pack lie modality-major, and so that every expert's rows are one range:
//
//	images' vision | pairs' vision | pairs' text | texts
//	[---- vision expert ----------][--- language expert ---]
//	[- vision -----][- vision-language expert --][language ]    in the top layers
//
// An image is its class token and its G² patches.

// span is the rows [from, to).
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

// term is one of the four parts of the loss.
type term int

const (
	termImage term = iota
	termPairImage
	termText
	termPairText
	terms
)

// pack is what goes through the model at once, still on the host.
type pack struct {
	n                      int // rows
	vision, language       span
	imageOnly, pair, lonly span
	all                    span

	images  int // with pixels: images and pairs
	grid    int
	pixels  []uint8   // [images, S, S, 3]
	patches []float32 // [images·G², 3P²] already normalised, instead of pixels
	vmask   []uint8   // [images·G²]
	fromEmb []int32   // [vision rows] row of the patch embedding, −1 at class tokens
	toRow   []int32   // [images·G²] row of a patch
	classID []int32   // [vision rows] 0 at class tokens, else −1
	posV    []int32
	ids     []int32 // [language rows]
	posT    []int32
	seg     []int32     // [samples·4]
	sample  []int32     // [n] sample of each row
	rows    []mixer.Row // [samples] lineage, the key of drop path

	// masked positions: images, pairs' images | pairs' texts, texts
	imageRows, textRows     []int32 // row in the pack
	imageTarget, textTarget []int32
	count                   [terms]int
}

// packCount is how many masked positions each term of the loss has in micros.
func packCount(micros []*mixer.Micro) (count [terms]int) {
	for _, mi := range micros {
		image, text := termImage, termText
		if mi.Kind == pipeline.Kind_PAIR {
			image, text = termPairImage, termPairText
		}
		for _, v := range mi.VMask {
			if v != 0 {
				count[image]++
			}
		}
		for _, t := range mi.Targets {
			if t != mixer.Ignore {
				count[text]++
			}
		}
	}
	return count
}

// checkMicro says what in a micro-batch does not fit the model.
func checkMicro(c *ModelConfig, mi *mixer.Micro) error {
	patches := 0
	switch mi.Kind {
	case pipeline.Kind_IMAGE, pipeline.Kind_PAIR:
		if mi.S != c.Side || mi.G != c.Grid() {
			return fmt.Errorf("views are %d×%d pixels and %d×%d patches, the model takes %d and %d", mi.S, mi.S, mi.G, mi.G, c.Side, c.Grid())
		}
		patches = mi.N * mi.G * mi.G
		if len(mi.Pixels) != mi.N*mi.S*mi.S*3 || len(mi.Codes) != patches || len(mi.VMask) != patches {
			return fmt.Errorf("%d views have %d pixel values, %d codes and %d mask cells", mi.N, len(mi.Pixels), len(mi.Codes), len(mi.VMask))
		}
		for i, k := range mi.Codes {
			if int(k) >= c.Codes {
				return fmt.Errorf("patch %d has code %d, the model has %d", i, k, c.Codes)
			}
		}
	case pipeline.Kind_TEXT:
	default:
		return fmt.Errorf("kind %v", mi.Kind)
	}
	if mi.Kind == pipeline.Kind_IMAGE {
		return nil
	}
	if len(mi.CuSeqlens) != mi.N+1 || len(mi.Targets) != len(mi.InputIDs) || mi.CuSeqlens[0] != 0 || int(mi.CuSeqlens[mi.N]) != len(mi.InputIDs) {
		return fmt.Errorf("%d texts have bounds %v, %d ids and %d targets", mi.N, mi.CuSeqlens, len(mi.InputIDs), len(mi.Targets))
	}
	for i := range mi.N {
		if n := int(mi.CuSeqlens[i+1]) - int(mi.CuSeqlens[i]); n < 1 || n > c.MaxText {
			return fmt.Errorf("text %d has %d pieces, the model takes 1 to %d", i, n, c.MaxText)
		}
	}
	for i, id := range mi.InputIDs {
		if t := mi.Targets[i]; id < 0 || int(id) >= c.Vocab || t != mixer.Ignore && (t < 0 || int(t) >= c.Vocab) {
			return fmt.Errorf("piece %d has id %d and target %d, the model has %d", i, id, t, c.Vocab)
		}
	}
	return nil
}

// newPack lays micro-batches out as one. They must have passed checkMicro.
func newPack(c *ModelConfig, micros []*mixer.Micro) *pack {
	p := &pack{grid: c.Grid()}
	perImage, cells := c.visionRows(), p.grid*p.grid
	of := func(kinds ...pipeline.Kind) (ms []*mixer.Micro) {
		for _, k := range kinds {
			for _, mi := range micros {
				if mi.Kind == k {
					ms = append(ms, mi)
				}
			}
		}
		return ms
	}
	row := 0
	addRow := func(sample int) { p.sample = append(p.sample, int32(sample)); row++ }
	addSample := func(mi *mixer.Micro, i int) int {
		p.seg = append(p.seg, 0, 0, 0, 0)
		lineage := mixer.Row{}
		if i < len(mi.Rows) {
			lineage = mi.Rows[i]
		}
		p.rows = append(p.rows, lineage)
		return len(p.rows) - 1
	}

	var pairSamples []int
	for _, mi := range of(pipeline.Kind_IMAGE, pipeline.Kind_PAIR) {
		if mi.Kind == pipeline.Kind_IMAGE {
			p.imageOnly.to = row + mi.N*perImage
		}
		p.pixels = append(p.pixels, mi.Pixels...)
		p.vmask = append(p.vmask, mi.VMask...)
		for i := range mi.N {
			s := addSample(mi, i)
			if mi.Kind == pipeline.Kind_PAIR {
				pairSamples = append(pairSamples, s)
			}
			p.seg[4*s], p.seg[4*s+1] = int32(row), int32(perImage)
			for k := range perImage {
				emb, class := int32(p.images*cells+k-1), int32(-1)
				if k == 0 {
					emb, class = -1, 0
				}
				p.fromEmb, p.classID = append(p.fromEmb, emb), append(p.classID, class)
				p.posV = append(p.posV, int32(c.PositionOffset+k))
				if k > 0 {
					p.toRow = append(p.toRow, int32(row))
					if mi.VMask[i*cells+k-1] != 0 {
						p.imageRows = append(p.imageRows, int32(row))
						p.imageTarget = append(p.imageTarget, int32(mi.Codes[i*cells+k-1]))
					}
				}
				addRow(s)
			}
			p.images++
		}
	}
	p.vision = span{0, row}

	addText := func(mi *mixer.Micro, i, s int) {
		from, to := int(mi.CuSeqlens[i]), int(mi.CuSeqlens[i+1])
		p.seg[4*s+2], p.seg[4*s+3] = int32(row), int32(to-from)
		for k := from; k < to; k++ {
			p.ids = append(p.ids, mi.InputIDs[k])
			p.posT = append(p.posT, int32(c.PositionOffset+k-from))
			if mi.Targets[k] != mixer.Ignore {
				p.textRows = append(p.textRows, int32(row))
				p.textTarget = append(p.textTarget, mi.Targets[k])
			}
			addRow(s)
		}
	}
	for _, mi := range of(pipeline.Kind_PAIR) {
		for i := range mi.N {
			addText(mi, i, pairSamples[0])
			pairSamples = pairSamples[1:]
		}
	}
	p.pair = span{p.imageOnly.to, row}
	for _, mi := range of(pipeline.Kind_TEXT) {
		for i := range mi.N {
			addText(mi, i, addSample(mi, i))
		}
	}
	p.lonly = span{p.pair.to, row}
	p.language = span{p.vision.to, row}
	p.all, p.n = span{0, row}, row
	p.count = packCount(micros)
	return p
}

// onDevice is a pack's tensors, as temporaries of the backend.
type onDevice struct {
	pixels, patches, vmask, fromEmb, toRow, classID, posV tensor.Tensor
	ids, posT, seg                                        tensor.Tensor
	imageRows, textRows, imageTarget, textTarget          tensor.Tensor
}

func (m *Model) upload(p *pack) onDevice {
	b := m.b
	i32 := func(x []int32) tensor.Tensor {
		t := b.Temp(tensor.I32, len(x))
		b.UploadI32(t, x)
		return t
	}
	d := onDevice{
		fromEmb: i32(p.fromEmb), toRow: i32(p.toRow), classID: i32(p.classID), posV: i32(p.posV),
		ids: i32(p.ids), posT: i32(p.posT), seg: i32(p.seg).Reshape(len(p.rows), 4),
		imageRows: i32(p.imageRows), textRows: i32(p.textRows), imageTarget: i32(p.imageTarget), textTarget: i32(p.textTarget),
	}
	d.vmask = b.Temp(tensor.U8, len(p.vmask))
	b.UploadU8(d.vmask, p.vmask)
	if p.patches != nil {
		d.patches = b.Temp(tensor.Float, len(p.vmask), 3*m.cfg.Patch*m.cfg.Patch)
		b.Upload(d.patches, p.patches)
	} else {
		d.pixels = b.Temp(tensor.U8, p.images, m.cfg.Side, m.cfg.Side, 3)
		b.UploadU8(d.pixels, p.pixels)
	}
	return d
}
