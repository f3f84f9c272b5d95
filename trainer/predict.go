package trainer

import (
	"fmt"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/tensor"
)

// Prediction is the model's first choice at every masked position of a micro-batch, −1 elsewhere.
type Prediction struct {
	Codes []int32 // [N·G²], as Micro.VMask; nil for TEXT
	IDs   []int32 // [T], as Micro.Targets; nil for IMAGE
}

// maxPredictRows bounds the rows that Predict sends through the model at once.
const maxPredictRows = 4096

// Predict fills in the masked patches and pieces of a micro-batch. Targets only say which pieces are asked for.
func (m *Model) Predict(mi *mixer.Micro) (Prediction, error) {
	var out Prediction
	if err := checkMicro(&m.cfg, mi); err != nil {
		return out, fmt.Errorf("predict: %w", err)
	}
	for _, part := range cut(&m.cfg, []*mixer.Micro{mi}, maxPredictRows) {
		codes, ids := m.predictPack(newPack(&m.cfg, part))
		for _, piece := range part {
			if piece.Kind != pipeline.Kind_TEXT {
				for _, masked := range piece.VMask {
					out.Codes, codes = fill(out.Codes, codes, masked != 0)
				}
			}
			if piece.Kind != pipeline.Kind_IMAGE {
				for _, target := range piece.Targets {
					out.IDs, ids = fill(out.IDs, ids, target != mixer.Ignore)
				}
			}
		}
	}
	return out, m.b.Sync()
}

// fill appends the next prediction where one was asked for, else −1.
func fill(to, from []int32, asked bool) ([]int32, []int32) {
	if !asked {
		return append(to, -1), from
	}
	return append(to, from[0]), from[1:]
}

// predictPack gives the choices at the pack's masked rows, in their order.
func (m *Model) predictPack(p *pack) (codes, ids []int32) {
	b := m.b
	mark := b.Mark()
	defer b.Release(mark)
	d := m.upload(p)
	x, _, _ := m.forward(p, d, nil, false)
	var out [2][]int32
	for i, h := range m.heads(d) {
		best := b.Temp(tensor.I32, h.rows.Len())
		m.eachChunk(h, x, func(from, to int, _, _, _, _, logits tensor.Tensor) {
			b.ArgMax(best.Rows(from, to), logits)
		})
		out[i] = make([]int32, h.rows.Len())
		b.DownloadI32(out[i], best)
	}
	return out[0], out[1]
}
