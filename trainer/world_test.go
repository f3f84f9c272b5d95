package trainer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math/rand/v2"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
)

// world is a tiny language and its pictures: a picture is one of four colours all over, its codes are the colour's and
// the row's, its caption is "bos filler colour filler eos", and articles repeat colours in a fixed order.
type world struct {
	images, texts, pairs int
	fail                 map[int64]error // of steps
}

const (
	wordBOS, wordEOS, wordMask, wordColour, wordFiller = 0, 2, 3, 4, 10
	colours                                            = 4
)

func worldConfig() Config {
	c := Defaults()
	c.Model = ModelConfig{
		Layers: 2, Width: 32, Heads: 2, FFN: 64, Patch: 8, Side: 32, Vocab: 16, Codes: 16, MaxText: 12, VLLayers: 1,
		Eps: 1e-5, Init: "beit", InitRange: 0.1,
	}
	c.Optimizer.LR, c.Optimizer.WarmupSteps = 5e-3, 5
	c.Steps, c.CheckpointEvery, c.Seed = 6, 100, 1
	c.Data = map[string]string{"world": "1"}
	return c
}

func (w *world) Batch(ctx context.Context, step int64) (mixer.Batch, iter.Seq2[*mixer.Micro, error], error) {
	if err := w.fail[step]; err != nil {
		return mixer.Batch{}, nil, err
	}
	var key [16]byte
	binary.LittleEndian.PutUint64(key[:], uint64(step))
	b := mixer.Batch{Step: step, Digest: sha256.Sum256(key[:])}
	r := rand.New(rand.NewPCG(uint64(step), 5))
	return b, func(yield func(*mixer.Micro, error) bool) {
		for _, mi := range []*mixer.Micro{w.micro(r, pipeline.Kind_IMAGE, w.images), w.micro(r, pipeline.Kind_TEXT, w.texts), w.micro(r, pipeline.Kind_PAIR, w.pairs)} {
			if mi.N > 0 && !yield(mi, ctx.Err()) {
				return
			}
		}
	}, nil
}

func (w *world) micro(r *rand.Rand, kind pipeline.Kind, n int) *mixer.Micro {
	mi := &mixer.Micro{Kind: kind, N: n, S: 32, G: 4}
	if kind != pipeline.Kind_IMAGE {
		mi.CuSeqlens = []int32{0}
	}
	for range n {
		row := mixer.Row{Kind: kind}
		binary.LittleEndian.PutUint64(row.ID[:], r.Uint64())
		mi.Rows = append(mi.Rows, row)
		colour := r.IntN(colours)
		if kind != pipeline.Kind_TEXT {
			addPicture(mi, r, colour)
		}
		if kind != pipeline.Kind_IMAGE {
			first := wordFiller + r.IntN(3)
			words := []int32{wordBOS, int32(first), int32(wordColour + colour), wordFiller + 3, wordEOS}
			masked := []int{2}
			if kind == pipeline.Kind_TEXT { // colours in cyclic order
				words = []int32{wordBOS}
				for k := range 8 {
					words = append(words, int32(wordColour+(colour+k)%colours))
				}
				words = append(words, wordEOS)
				masked = []int{1 + r.IntN(8)}
			}
			addText(mi, words, masked...)
		}
	}
	return mi
}

// addText appends a text whose masked words carry the mask id.
func addText(mi *mixer.Micro, words []int32, masked ...int) {
	at := len(mi.InputIDs)
	mi.InputIDs = append(mi.InputIDs, words...)
	for range words {
		mi.Targets = append(mi.Targets, mixer.Ignore)
	}
	for _, k := range masked {
		mi.Targets[at+k], mi.InputIDs[at+k] = words[k], wordMask
	}
	mi.CuSeqlens = append(mi.CuSeqlens, int32(len(mi.InputIDs)))
}

func addPicture(mi *mixer.Micro, r *rand.Rand, colour int) {
	rgb := [3]uint8{uint8(colour & 1 * 200), uint8(colour >> 1 * 200), 100}
	for range mi.S * mi.S {
		for _, v := range rgb {
			mi.Pixels = append(mi.Pixels, v+uint8(r.IntN(20)))
		}
	}
	for cell := range mi.G * mi.G {
		mi.Codes = append(mi.Codes, uint16(4*colour+cell/mi.G))
		mi.VMask = append(mi.VMask, uint8(r.IntN(5)/3))
	}
}
