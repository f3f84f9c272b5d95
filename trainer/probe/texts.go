package probe

import (
	"math"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/trainer"
)

// Pieces is how often a piece is right at masked places.
type Pieces struct {
	Pieces   int     `json:"pieces"` // masked ones
	Model    float64 `json:"model"`
	Majority float64 `json:"majority"` // the commonest piece of training
	Bigram   float64 `json:"bigram"`   // the commonest behind the true piece before, in training
}

// Counts holds what training texts say about pieces and pairs of neighbours.
type Counts struct {
	pieces mode
	behind map[int32]mode
}

// Add counts the texts of a training micro-batch; those without text count nothing.
func (c *Counts) Add(mi *mixer.Micro) {
	if c.pieces == nil {
		c.pieces, c.behind = mode{}, map[int32]mode{}
	}
	for i := range textRows(mi) {
		ids := original(mi, i)
		for k := 1; k < len(ids)-1; k++ { // bos and eos are never masked
			c.pieces[ids[k]]++
			if c.behind[ids[k-1]] == nil {
				c.behind[ids[k-1]] = mode{}
			}
			c.behind[ids[k-1]][ids[k]]++
		}
	}
}

// textRows is the number of texts in a micro-batch.
func textRows(mi *mixer.Micro) int { return max(0, len(mi.CuSeqlens)-1) }

// original is row i's ids before masking.
func original(mi *mixer.Micro, i int) []int32 {
	from, to := mi.CuSeqlens[i], mi.CuSeqlens[i+1]
	ids := append([]int32(nil), mi.InputIDs[from:to]...)
	for k, t := range mi.Targets[from:to] {
		if t != mixer.Ignore {
			ids[k] = t
		}
	}
	return ids
}

// measurePieces takes the micro-batches of one kind, with the model's choices.
func measurePieces(micros []*mixer.Micro, predicted []trainer.Prediction, c *Counts) Pieces {
	majority := c.pieces.top()
	bigram := map[int32]int32{}
	for before, m := range c.behind {
		bigram[before] = m.top()
	}
	var r Pieces
	var model, guess, two int
	for k, mi := range micros {
		for i := range textRows(mi) {
			ids := original(mi, i)
			from := int(mi.CuSeqlens[i])
			for j, truth := range ids {
				if mi.Targets[from+j] == mixer.Ignore {
					continue
				}
				next := majority
				if j > 0 {
					if b, ok := bigram[ids[j-1]]; ok {
						next = b
					}
				}
				r.Pieces++
				model += one(predicted[k].IDs[from+j] == truth)
				guess += one(majority == truth)
				two += one(next == truth)
			}
		}
	}
	r.Model, r.Majority, r.Bigram = share(model, r.Pieces), share(guess, r.Pieces), share(two, r.Pieces)
	return r
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func perplexity(m mode) float64 {
	total := 0
	for _, n := range m {
		total += n
	}
	var entropy float64
	for _, n := range m {
		p := float64(n) / float64(total)
		entropy -= p * math.Log(p)
	}
	return math.Exp(entropy)
}
