package clean

import (
	"math"
	"slices"

	"github.com/imglish/imglish/pixels"
)

// hashSide is the side to which a picture shrinks before its perceptual hash.
const hashSide = 32

// cosines of the two-dimensional DCT-II: cosines[k][x] = cos(π/32·(x+½)·k), for the eight lowest frequencies.
var cosines = func() (c [8][hashSide]float64) {
	for k := range c {
		for x := range c[k] {
			c[k][x] = math.Cos(math.Pi / hashSide * (float64(x) + 0.5) * float64(k))
		}
	}
	return c
}()

// perceptualHash is the well-known pHash: the luma of the picture at 32×32 pixels, its 8×8 lowest DCT coefficients, and
// a bit for each that lies above their median, row by row, the first bit highest. Pictures that look alike differ in few
// bits: after JPEG or a resize mostly in none to four of 64.
//
//	im: [32, 32, 3] uint8, RGB
func perceptualHash(im *pixels.Image) uint64 {
	var luma [hashSide][hashSide]float64
	for y := range hashSide {
		for x := range hashSide {
			r, g, b := im.At(x, y)
			luma[y][x] = 0.299*float64(r) + 0.587*float64(g) + 0.114*float64(b)
		}
	}
	var rows [hashSide][8]float64
	for y := range rows {
		for k := range 8 {
			for x, v := range luma[y] {
				rows[y][k] += v * cosines[k][x]
			}
		}
	}
	var low [64]float64
	for ky := range 8 {
		for kx := range 8 {
			for y := range hashSide {
				low[8*ky+kx] += rows[y][kx] * cosines[ky][y]
			}
		}
	}
	sorted := low
	slices.Sort(sorted[:])
	median := (sorted[31] + sorted[32]) / 2
	hash := uint64(0)
	for _, v := range low {
		hash <<= 1
		if v > median {
			hash |= 1
		}
	}
	return hash
}
