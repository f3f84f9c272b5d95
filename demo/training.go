package demo

import (
	"context"
	"errors"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/scenes"
	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/trainer"
	"github.com/imglish/imglish/trainer/probe"
)

// Training is all that a training run needs.
type Training struct {
	Config  trainer.Config
	Mixer   *mixer.Mixer
	Backend tensor.Backend
}

// Close closes the shards and frees the backend.
func (t *Training) Close() error { return errors.Join(t.Mixer.Close(), t.Backend.Close()) }

// Rows that are measured: enough that a share is known to about 0.02.
const (
	measuredImages = 64
	measuredTexts  = 64
	measuredPairs  = 200
	countedSteps   = 60 // steps of training whose texts the bigram learns from
)

// held are the held-out micro-batches, masked.
type held struct{ images, texts, pairs []*mixer.Micro }

func (h held) all() []*mixer.Micro {
	return append(append(append([]*mixer.Micro(nil), h.images...), h.texts...), h.pairs...)
}

// measure asks the trained model about held-out scenes and their articles. Real photos and pages are shown, not scored:
// there are too few.
func (d *demo) measure(ctx context.Context, t *Training, known catalogue, checkpoint string) (r probe.Result, h held, err error) {
	model, _, err := trainer.Open(t.Backend, checkpoint)
	if err != nil {
		return r, h, err
	}
	defer model.Close()
	for _, k := range []struct {
		kind pipeline.Kind
		n    int
		to   *[]*mixer.Micro
	}{{pipeline.Kind_IMAGE, measuredImages, &h.images}, {pipeline.Kind_TEXT, measuredTexts, &h.texts}, {pipeline.Kind_PAIR, measuredPairs, &h.pairs}} {
		rows := t.Mixer.HeldOut(k.kind, -1)
		var scored []mixer.Row
		for _, row := range rows {
			if known.rendered[row.ID] && len(scored) < k.n {
				scored = append(scored, row)
			}
		}
		for mi, err := range t.Mixer.Load(ctx, scored, mixer.Masked) {
			if err != nil {
				return r, h, err
			}
			*k.to = append(*k.to, mi)
		}
	}
	counts, err := trainedTexts(ctx, t)
	if err != nil {
		return r, h, err
	}
	words, mask, err := contentWords(d.path("models", textModel))
	if err != nil {
		return r, h, err
	}
	update, finish := d.Task("measuring")
	defer finish()
	r, err = probe.Measure(ctx, model, h.all(), counts, probe.Options{Mask: mask, Words: words, Progress: update})
	return r, h, err
}

// trainedTexts counts the texts of some steps of training.
func trainedTexts(ctx context.Context, t *Training) (*probe.Counts, error) {
	var counts probe.Counts
	for step := range min(t.Config.Steps, countedSteps) {
		b, err := t.Mixer.Rows(ctx, step)
		if err != nil {
			return nil, err
		}
		for mi, err := range t.Mixer.Load(ctx, append(b.Text, b.Pair...), mixer.Unmasked) {
			if err != nil {
				return nil, err
			}
			counts.Add(mi)
		}
	}
	return &counts, nil
}

// contentWords are the words that only the picture tells, as the text tokenizer cuts them behind a space.
func contentWords(path string) (words []probe.Word, mask int32, err error) {
	m, err := sentencepiece.Load(path)
	if err != nil {
		return nil, 0, err
	}
	for _, w := range scenes.ContentWords() {
		words = append(words, probe.Word{Text: w, Pieces: m.AppendIDs(nil, w)})
	}
	return words, m.Special().Mask, nil
}
