package pixels

import (
	"fmt"
	"math"
)

// Filter is a resampling kernel. Shrinking widens it by the scale, so nothing aliases.
type Filter uint8

const (
	Bicubic  Filter = iota // Keys' cubic with a = -0.5, support 2
	Bilinear               // triangle, support 1
	Lanczos                // sinc windowed by sinc, support 3
)

func (f Filter) String() string {
	switch f {
	case Bicubic:
		return "bicubic"
	case Bilinear:
		return "bilinear"
	case Lanczos:
		return "lanczos"
	}
	return fmt.Sprintf("Filter(%d)", uint8(f))
}

// support is half the width of the kernel, in pixels of the coarser picture.
func (f Filter) support() float64 {
	switch f {
	case Bicubic:
		return 2
	case Bilinear:
		return 1
	case Lanczos:
		return 3
	}
	panic(fmt.Sprintf("pixels: %v", f))
}

// at is the kernel's value at distance x.
func (f Filter) at(x float64) float64 {
	switch f {
	case Bicubic:
		const a = -0.5
		x = math.Abs(x)
		if x < 1 {
			return ((a+2)*x-(a+3))*x*x + 1
		}
		if x < 2 {
			return (((x-5)*x+8)*x - 4) * a
		}
	case Bilinear:
		if x = math.Abs(x); x < 1 {
			return 1 - x
		}
	case Lanczos:
		if -3 <= x && x < 3 {
			return sinc(x) * sinc(x/3)
		}
	}
	return 0
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	x *= math.Pi
	return math.Sin(x) / x
}

// weightBits is the precision of the fixed-point weights: 8 bits of pixel, 2 bits of room for overshoot and sign, and
// the rest of 32 for the weight, as Pillow has it.
const weightBits = 32 - 8 - 2

// taps says which input pixels make each output pixel along one axis: output i is the sum over k in at[i] .. at[i+1] of
// w[k] times the input pixels from first[i] on.
type taps struct {
	first []int32 // [n]
	at    []int32 // [n+1] into w
	w     []int32 // fixed point of weightBits
}

// of gives the first input pixel and the weights of output i.
func (t taps) of(i int) (first int, w []int32) {
	return int(t.first[i]), t.w[t.at[i]:t.at[i+1]]
}

// part keeps the outputs from i up to j.
func (t taps) part(i, j int) taps {
	return taps{t.first[i:j], t.at[i : j+1], t.w}
}

// weights computes the taps along one axis: out pixels over [from, to) of an axis of size pixels.
func weights(size int, from, to float64, out int, f Filter) taps {
	scale := (to - from) / float64(out)
	filterScale := max(scale, 1)
	support := f.support() * filterScale
	inv := 1 / filterScale
	t := taps{first: make([]int32, out), at: make([]int32, out+1)}
	k := make([]float64, 0, 2*int(math.Ceil(support))+1)
	for x := range out {
		centre := from + (float64(x)+0.5)*scale
		lo := max(int(centre-support+0.5), 0)
		hi := min(int(centre+support+0.5), size)
		k = k[:0]
		sum := 0.0
		for i := lo; i < hi; i++ {
			v := f.at((float64(i) - centre + 0.5) * inv)
			k = append(k, v)
			sum += v
		}
		for _, v := range k {
			if sum != 0 {
				v /= sum
			}
			v *= 1 << weightBits
			if v < 0 {
				v -= 0.5
			} else {
				v += 0.5
			}
			t.w = append(t.w, int32(v))
		}
		t.first[x], t.at[x+1] = int32(lo), int32(len(t.w))
	}
	return t
}
