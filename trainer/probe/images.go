package probe

import (
	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/trainer"
)

// Codes is how often a code is right at masked patches.
type Codes struct {
	Patches           int     `json:"patches"` // masked ones
	Model             float64 `json:"model"`
	Majority          float64 `json:"majority"`           // the commonest code of all
	PositionMajority  float64 `json:"position_majority"`  // the commonest at the patch's place in the grid
	CommonestOwnCode  float64 `json:"commonest_own_code"` // the commonest among the view's visible patches
	Perplexity        float64 `json:"perplexity"`         // of the codes: exp of their entropy
	MaskedShareOfView float64 `json:"masked_share"`
}

// mode counts values and knows the commonest, the lowest of equals.
type mode map[int32]int

func (m mode) top() int32 {
	best, count := int32(-1), 0
	for v, n := range m {
		if n > count || n == count && v < best {
			best, count = v, n
		}
	}
	return best
}

// measureCodes takes the micro-batches of one kind, with the model's choices.
func measureCodes(micros []*mixer.Micro, predicted []trainer.Prediction) Codes {
	all, byPlace, cells := mode{}, map[int]mode{}, 0
	for _, mi := range micros {
		per := mi.G * mi.G
		for i, c := range mi.Codes {
			all[int32(c)]++
			if byPlace[i%per] == nil {
				byPlace[i%per] = mode{}
			}
			byPlace[i%per][int32(c)]++
			cells++
		}
	}
	majority, placeMajority := all.top(), map[int]int32{}
	for place, m := range byPlace {
		placeMajority[place] = m.top()
	}
	var r Codes
	var model, guess, place, own int
	for k, mi := range micros {
		per := mi.G * mi.G
		for row := range mi.N {
			visible := mode{}
			for i := row * per; i < (row+1)*per; i++ {
				if mi.VMask[i] == 0 {
					visible[int32(mi.Codes[i])]++
				}
			}
			commonest := visible.top()
			for i := row * per; i < (row+1)*per; i++ {
				if mi.VMask[i] == 0 {
					continue
				}
				truth := int32(mi.Codes[i])
				r.Patches++
				model += one(predicted[k].Codes[i] == truth)
				guess += one(majority == truth)
				place += one(placeMajority[i%per] == truth)
				own += one(commonest == truth)
			}
		}
	}
	r.Model, r.Majority, r.PositionMajority = share(model, r.Patches), share(guess, r.Patches), share(place, r.Patches)
	r.CommonestOwnCode, r.MaskedShareOfView, r.Perplexity = share(own, r.Patches), share(r.Patches, cells), perplexity(all)
	return r
}
