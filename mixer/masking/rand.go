package masking

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// Rand returns the generator of one choice: ChaCha8, seeded with SHA-256 over
//
//	len(purpose) as uint64 | purpose | seed as uint64 | epoch as int64 | id | each of part as int64
//
// all little-endian. purpose names what is drawn ("mask", "order"), so that two choices about one row are independent;
// epoch is that of the row's source; part is the number of the view or the part, or both.
func Rand(seed uint64, purpose string, epoch int, id [16]byte, part ...int) *rand.Rand {
	key := make([]byte, 0, 128)
	key = binary.LittleEndian.AppendUint64(key, uint64(len(purpose)))
	key = append(key, purpose...)
	key = binary.LittleEndian.AppendUint64(key, seed)
	key = binary.LittleEndian.AppendUint64(key, uint64(int64(epoch)))
	key = append(key, id[:]...)
	for _, p := range part {
		key = binary.LittleEndian.AppendUint64(key, uint64(int64(p)))
	}
	return rand.New(rand.NewChaCha8(sha256.Sum256(key)))
}

// Draws is where a mask's choices come from. A test replays recorded ones; everything else uses From.
type Draws interface {
	// Uniform returns a number between lo and hi, whichever is larger.
	Uniform(lo, hi float64) float64
	// Int returns a whole number in [lo, hi], both included.
	Int(lo, hi int) int
	// Choose returns k different numbers of [0, n), each set equally likely.
	Choose(n, k int) []int
}

// From draws from a generator.
func From(r *rand.Rand) Draws { return generator{r} }

type generator struct{ r *rand.Rand }

func (g generator) Uniform(lo, hi float64) float64 { return lo + (hi-lo)*g.r.Float64() }

func (g generator) Int(lo, hi int) int { return lo + g.r.IntN(hi-lo+1) }

func (g generator) Choose(n, k int) []int { return choose(g.r, n, k) }

// choose is the start of a Fisher-Yates shuffle: O(n) memory, k draws.
func choose(r *rand.Rand, n, k int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	for i := range k {
		j := i + r.IntN(n-i)
		all[i], all[j] = all[j], all[i]
	}
	return all[:k]
}
