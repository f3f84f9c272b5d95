package mixer

import (
	"encoding/hex"
	"fmt"

	"github.com/imglish/imglish/store/shards"
)

// Position is what a checkpoint keeps of a mixer, as JSON a few hundred bytes: enough to open the same shards again
// while a line goes on adding to them, and to prove that the order is the same.
type Position struct {
	Step    int64          `json:"step"`    // that comes next
	Digest  string         `json:"digest"`  // of all rows before it, hex
	Set     string         `json:"set"`     // hash of the shards, hex
	Through shards.Through `json:"through"` // last seq of each lane
	Seed    uint64         `json:"seed"`
	Images  int            `json:"images"`
	Texts   int            `json:"texts"`
	Pairs   int            `json:"pairs"`
	HeldOut float64        `json:"held_out"`
}

// Position returns the place behind the step of a batch.
func (m *Mixer) Position(b Batch) Position {
	p := m.position()
	p.Step, p.Digest = b.Step+1, hex.EncodeToString(b.Digest[:])
	return p
}

func (m *Mixer) position() Position {
	set := m.set.Hash()
	return Position{
		Set: hex.EncodeToString(set[:]), Through: m.set.Through(), Seed: m.config.Seed,
		Images: m.config.Images, Texts: m.config.Texts, Pairs: m.config.Pairs, HeldOut: m.config.HeldOut,
	}
}

// moved is an error about a position that this mixer cannot go on from.
type moved struct{ error }

// Hint says what a user can do.
func (moved) Hint() string {
	return "open the mixer with the checkpoint's settings and its Through, on the data that it was trained on; or begin anew"
}

// Resume goes on at a position without computing the digest of all steps before it. It is an error if the shards, the
// seed or the numbers are others: the rows to come would not be those of an undisturbed run.
func (m *Mixer) Resume(p Position) error {
	want := m.position()
	want.Step, want.Digest, want.Through = p.Step, p.Digest, p.Through
	if fmt.Sprint(want) != fmt.Sprint(p) {
		return moved{fmt.Errorf("mixer: resume at step %d: the position is of %+v, the mixer of %+v", p.Step, p, want)}
	}
	sum, err := hex.DecodeString(p.Digest)
	if err != nil || len(sum) != len(m.digest.sum) || p.Step < 0 {
		return moved{fmt.Errorf("mixer: resume at step %d: digest is %.80q", p.Step, p.Digest)}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.digest = digest{next: p.Step, sum: [32]byte(sum)}
	return nil
}
