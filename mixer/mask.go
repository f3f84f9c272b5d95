package mixer

import (
	"github.com/imglish/imglish/mixer/masking"
	"github.com/imglish/imglish/store/shards"
)

// Purposes of the generators that masks are drawn from; each is keyed by (seed, purpose, epoch, id, view, part).
const (
	visionMask = "vision mask"
	textMask   = "text mask"
)

// visionMask draws the mask of a view: [G²] uint8, 1 = masked.
func (m *Mixer) visionMask(r *Row, grid int) []uint8 {
	rng := masking.Rand(m.config.Seed, visionMask, r.Epoch, r.ID, r.View, r.Part)
	var mask []uint8
	if m.config.Mask == "beit2" {
		n := masking.RecipeCount(grid, grid)
		mask, _ = masking.BEiT2(masking.From(rng), grid, grid, n, min(masking.RecipeLeast, n))
	} else {
		mask, _ = masking.Paper(rng, grid, grid)
	}
	return mask
}

// maskText replaces pieces of a text, and writes what they were into targets.
func (m *Mixer) maskText(r *Row, ids, targets []int32, share float64) {
	if share == 0 {
		return
	}
	rng := masking.Rand(m.config.Seed, textMask, r.Epoch, r.ID, r.View, r.Part)
	s := m.text.Special
	masking.Text(rng, ids, targets, share, masking.BERT(s.Mask, m.random[0], m.random[1], s.BOS, s.Pad, s.EOS))
}

// plainIDs is the longest run of ids without a special one: what a random replacement is drawn from. In a SentencePiece
// vocabulary in XLM-R's layout that is 4 to the last piece.
func plainIDs(s shards.Special) (run [2]int32) {
	special := map[int32]bool{s.BOS: true, s.Pad: true, s.EOS: true, s.Unk: true, s.Mask: true}
	from := int32(0)
	for id := int32(0); id <= int32(s.Vocab); id++ {
		if id == int32(s.Vocab) || special[id] {
			if id-from > run[1]-run[0] {
				run = [2]int32{from, id}
			}
			from = id + 1
		}
	}
	return run
}
