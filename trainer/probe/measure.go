package probe

import (
	"context"
	"fmt"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/trainer"
)

// Model gives first choices at masked places: *trainer.Model.
type Model interface {
	Predict(*mixer.Micro) (trainer.Prediction, error)
}

// Options of a measurement.
type Options struct {
	Mask     int32  // id of the mask piece
	Words    []Word // of captions, to be asked one by one; none skips that part
	MaxWords int    // most words asked; 0 means all

	Progress func(done, total int64, note string) // may be nil
}

func (o *Options) progress(done, total int64, note string) {
	if o.Progress != nil {
		o.Progress(done, total, note)
	}
}

// Result holds shares in 0..1.
type Result struct {
	Image     Codes  `json:"image"`
	PairImage Codes  `json:"pair_image"`
	Text      Pieces `json:"text"`
	PairText  Pieces `json:"pair_text"`
	Words     Words  `json:"words"`
}

// Measure asks m about held-out micro-batches; trained counts the texts that training drew.
func Measure(ctx context.Context, m Model, heldOut []*mixer.Micro, trained *Counts, o Options) (Result, error) {
	byKind := map[pipeline.Kind][]*mixer.Micro{}
	predicted := map[pipeline.Kind][]trainer.Prediction{}
	for i, mi := range heldOut {
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
		p, err := m.Predict(mi)
		if err != nil {
			return Result{}, fmt.Errorf("held-out micro-batch %d: %w", i, err)
		}
		byKind[mi.Kind] = append(byKind[mi.Kind], mi)
		predicted[mi.Kind] = append(predicted[mi.Kind], p)
		o.progress(int64(i+1), int64(len(heldOut)), "masked patches and pieces")
	}
	if trained == nil {
		trained = &Counts{}
	}
	const image, text, pair = pipeline.Kind_IMAGE, pipeline.Kind_TEXT, pipeline.Kind_PAIR
	r := Result{
		Image: measureCodes(byKind[image], predicted[image]), PairImage: measureCodes(byKind[pair], predicted[pair]),
		Text: measurePieces(byKind[text], predicted[text], trained), PairText: measurePieces(byKind[pair], predicted[pair], trained),
	}
	var err error
	r.Words, err = measureWords(ctx, m, byKind[pair], o)
	return r, err
}
