package trainer

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/tensor"
)

// dropPath leaves out a sublayer's branch for some samples, at a rate that grows linearly from 0 at the first layer, and
// scales the others up, so that the mean stays. What is dropped depends on seed, step and row alone.
type dropPath struct {
	rate float64 // of the last layer
	seed uint64
	step int64
}

// draws gives two uniform numbers a layer for one row.
func (dp *dropPath) draws(r mixer.Row, layers int) []float64 {
	key := []byte("imglish drop path\x00")
	for _, v := range []uint64{dp.seed, uint64(dp.step), uint64(r.View), uint64(r.Part), uint64(r.Epoch)} {
		key = binary.LittleEndian.AppendUint64(key, v)
	}
	key = append(key, r.ID[:]...)
	rng := rand.New(rand.NewChaCha8(sha256.Sum256(key)))
	u := make([]float64, 2*layers)
	for i := range u {
		u[i] = rng.Float64()
	}
	return u
}

// factors gives each layer's factors [n] for attention and experts; nil without drop path.
func (dp *dropPath) factors(m *Model, p *pack) [][2]tensor.Tensor {
	if dp == nil || dp.rate == 0 {
		return nil
	}
	layers := len(m.layers)
	bySample := make([][]float64, len(p.rows))
	for s, r := range p.rows {
		bySample[s] = dp.draws(r, layers)
	}
	out := make([][2]tensor.Tensor, layers)
	x := make([]float64, p.n)
	for l := 1; l < layers; l++ { // the first layer's rate is 0
		rate := dp.rate * float64(l) / float64(layers-1)
		for branch := range 2 {
			for i, s := range p.sample {
				x[i] = 0
				if bySample[s][2*l+branch] >= rate {
					x[i] = 1 / (1 - rate)
				}
			}
			out[l][branch] = m.b.Temp(tensor.Float, p.n)
			m.b.UploadF64(out[l][branch], x)
		}
	}
	return out
}
