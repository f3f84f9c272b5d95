package view

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/imglish/imglish/pixels"
)

// drawn is what chance decided for a view.
type drawn struct {
	x, y, w, h int // crop in pixels
	flip       bool
	jitter     *pixels.Jitter // nil: colours stay
}

// generator is keyed by seed, id and view number, and by nothing else.
func generator(seed uint64, id []byte, number int) *rand.Rand {
	key := append([]byte("imglish view 1"), 0)
	key = binary.BigEndian.AppendUint64(key, seed)
	key = binary.BigEndian.AppendUint64(key, uint64(number))
	key = append(key, id...)
	sum := sha256.Sum256(key)
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:])))
}

// draw decides on a view of a picture of w×h pixels. Each choice is drawn whether it is used or not, so that a change of
// one setting leaves the others' results as they are; only the crop takes as many draws as it needs, so it comes last.
func (d Draw) draw(r *rand.Rand, w, h int) drawn {
	v := drawn{flip: r.Float64() < d.Flip}
	var factor [3]float32
	for i, s := range d.Jitter {
		factor[i] = float32(1 - s + 2*s*r.Float64())
	}
	j := pixels.Jitter{Brightness: factor[0], Contrast: factor[1], Saturation: factor[2]}
	for i, o := range r.Perm(3) {
		j.Order[i] = uint8(o)
	}
	if d.Jitter != [3]float64{} {
		v.jitter = &j
	}
	v.x, v.y, v.w, v.h = d.crop(r, w, h)
	return v
}

// crop draws a box as torchvision's RandomResizedCrop does: area uniform, aspect log-uniform, place uniform, ten tries;
// then the largest centred box whose aspect is allowed.
func (d Draw) crop(r *rand.Rand, w, h int) (x, y, cw, ch int) {
	lo, hi := math.Log(d.Aspect[0]), math.Log(d.Aspect[1])
	for range 10 {
		area := float64(w) * float64(h) * (d.Scale[0] + (d.Scale[1]-d.Scale[0])*r.Float64())
		aspect := math.Exp(lo + (hi-lo)*r.Float64())
		cw = int(math.RoundToEven(math.Sqrt(area * aspect)))
		ch = int(math.RoundToEven(math.Sqrt(area / aspect)))
		if 0 < cw && cw <= w && 0 < ch && ch <= h {
			return r.IntN(w - cw + 1), r.IntN(h - ch + 1), cw, ch
		}
	}
	cw, ch = w, h
	switch aspect := float64(w) / float64(h); {
	case aspect < d.Aspect[0]:
		ch = max(1, int(math.RoundToEven(float64(w)/d.Aspect[0])))
	case aspect > d.Aspect[1]:
		cw = max(1, int(math.RoundToEven(float64(h)*d.Aspect[1])))
	}
	return (w - cw) / 2, (h - ch) / 2, cw, ch
}
