package masking

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Ignored is the target of a position that is not predicted.
const Ignored = -100

// Replace says what stands in the place of a masked piece, and which ids are never masked.
type Replace struct {
	// MaskID is the id of <mask>.
	MaskID int32
	// RandomFrom and RandomTo bound the ids of a random replacement: [RandomFrom, RandomTo).
	RandomFrom, RandomTo int32
	// Mask and Random are shares of the masked positions; what is left over keeps its piece.
	Mask, Random float64
	// Special are ids that are never masked: bos, eos and pad.
	Special []int32
}

// BERT is the 80/10/10 rule: of the masked pieces 80 % become <mask>, 10 % a random piece of [from, to), and 10 % stay.
func BERT(maskID, from, to int32, special ...int32) Replace {
	return Replace{MaskID: maskID, RandomFrom: from, RandomTo: to, Mask: 0.8, Random: 0.1, Special: special}
}

// Count is how many of n pieces are masked at share p: max(1, ⌊p·n + ½⌋), never more than n, and 0 of none.
func Count(n int, p float64) int {
	return min(n, max(1, int(math.Floor(p*float64(n)+0.5))))
}

// Text masks a text in place: Count(n, p) of its n non-special pieces, every set equally likely.
//
//	ids:     [T] int32, with bos and eos; masked positions are replaced
//	targets: [T] int32, written: the id before replacement, or Ignored
//	masked:  positions in ascending order
//
// Text panics if targets is shorter than ids or a random replacement has no ids to draw from.
func Text(r *rand.Rand, ids, targets []int32, p float64, rule Replace) (masked []int) {
	if len(targets) < len(ids) || rule.Random > 0 && rule.RandomTo <= rule.RandomFrom {
		panic(fmt.Sprintf("masking.Text: %d targets for %d ids, random ids from [%d, %d)",
			len(targets), len(ids), rule.RandomFrom, rule.RandomTo))
	}
	plain := make([]int, 0, len(ids))
	for i, id := range ids {
		targets[i] = Ignored
		if !slices.Contains(rule.Special, id) {
			plain = append(plain, i)
		}
	}
	masked = choose(r, len(plain), Count(len(plain), p))
	for k, i := range masked {
		masked[k] = plain[i]
	}
	slices.Sort(masked)
	for _, i := range masked {
		targets[i] = ids[i]
		switch u := r.Float64(); {
		case u < rule.Mask:
			ids[i] = rule.MaskID
		case u < rule.Mask+rule.Random:
			ids[i] = rule.RandomFrom + r.Int32N(rule.RandomTo-rule.RandomFrom)
		}
	}
	return masked
}
