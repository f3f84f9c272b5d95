package vqkd

import (
	"context"
	"fmt"

	"github.com/imglish/imglish/tensor"
)

// Rounding is how much further than the nearest a row of the codebook may lie, as a squared distance between unit
// vectors, and still be taken for the nearest by another kind of processor, whose sums and products round otherwise. For
// tier exact it is what the tier promises against the reference. Tier fast rounds differently where a processor computes
// it differently; with formula weights of the published size the furthest of 6,076 codes was off by 3.2e-4.
//
// The bound of tier fast is measured, not derived. Where rounding moves z by δ, a code e that is given for the nearest e'
// is further by at most 2·|δ|·|e − e'| (Cauchy and Schwarz), so by 4·|δ|; but what each product loses says nothing useful
// of δ behind twelve blocks. On one machine |δ| was up to 8.5e-4 with those weights (median 4.5e-4) and up to 4.1e-4 with
// the shipped tokenizer (4.2e-5), on 14 photos each: a δ that points from one code straight to another, far one could
// exceed the bound.
func (t *Tokenizer) Rounding() float64 {
	if t.precision == tensor.Fast {
		return 1e-3
	}
	return 1e-4
}

// Gaps says how far other codes are from being right: |z − e_given|² − |z − e_nearest|² for each patch of one picture,
// with z the patch's unit vector and e rows of the codebook. It is 0 where the given code is the nearest, and below
// Rounding where two codes are so near one another that machines may differ.
//
//	pixels: [S, S, 3] uint8, row-major, RGB
//	codes:  [G²] in [0, K), as somebody else computed them
//	result: [G²]
func (t *Tokenizer) Gaps(ctx context.Context, pixels []uint8, codes []uint16) ([]float64, error) {
	cells := t.gridNow * t.gridNow
	if len(pixels) != t.side*t.side*3 || len(codes) != cells {
		return nil, fmt.Errorf("gaps of a picture: %d bytes and %d codes, want %d×%d×3 and %d", len(pixels), len(codes), t.side, t.side, cells)
	}
	for i, c := range codes {
		if int(c) >= t.codes {
			return nil, fmt.Errorf("gaps of a picture: code %d is %d, the codebook has %d", i, c, t.codes)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.model == nil {
		return nil, fmt.Errorf("gaps: the tokenizer is closed")
	}
	nearest, z, seen := make([]uint16, cells), make([]float32, cells*t.dim), false
	book := make([]float32, t.codes*t.dim)
	err := t.encodeBatch(nearest, pixels, 1, func(name string, x tensor.Tensor) {
		if name == "z" {
			t.b.Download(z, x)
			seen = true
		}
	})
	if err != nil {
		return nil, err
	}
	if !seen {
		panic("encodeBatch shows no z")
	}
	t.b.Download(book, t.book)
	if err := t.b.Sync(); err != nil {
		return nil, err
	}
	distance := func(cell int, code uint16) (sum float64) {
		for i, v := range z[cell*t.dim : (cell+1)*t.dim] {
			d := float64(v) - float64(book[int(code)*t.dim+i])
			sum += d * d
		}
		return sum
	}
	gaps := make([]float64, cells)
	for i := range gaps {
		gaps[i] = distance(i, codes[i]) - distance(i, nearest[i])
	}
	return gaps, nil
}
