package tensor

import "fmt"

// CheckPatches returns the number of images n, the grid's side G and the images' side S.
func CheckPatches(y, pixels Tensor, patch int) (n, g, s int) {
	if pixels.None() || pixels.DType != U8 || len(pixels.Shape) != 4 || pixels.Dim(3) != 3 || pixels.Dim(1) != pixels.Dim(2) ||
		patch < 1 || pixels.Dim(1)%patch != 0 {
		panic(fmt.Sprintf("tensor: Patches: pixels are %v, want uint8[n S S 3] with S a multiple of the patch, %d", pixels, patch))
	}
	n, s = pixels.Dim(0), pixels.Dim(1)
	g = s / patch
	matrix("Patches", "y", y, Float, n*g*g, 3*patch*patch)
	return n, g, s
}

// CheckSelectRows is for SelectRows (y, x) and its backward (dx as y, dy as x, dtoken as token).
func CheckSelectRows(y, x, token, mask Tensor) (n, d int) {
	n, d = shape2("SelectRows", "x", x)
	matrix("SelectRows", "x", x, Float, n, d)
	matrix("SelectRows", "y", y, Float, n, d)
	vector("SelectRows", "token", token, Float, d)
	vector("SelectRows", "mask", mask, U8, n)
	return n, d
}

func (r *Reference[F]) Patches(y, pixels Tensor, patch int, scale, shift [3]float64) {
	n, g, s := CheckPatches(y, pixels, patch)
	ys, px := r.f(y), r.u8(pixels)
	r.each(n*g*g, 3*patch*patch, func(i int) {
		image, py, x0 := i/(g*g), i/g%g, i%g*patch
		y0 := py * patch
		yi := row(ys, i, 3*patch*patch)
		for c := range 3 {
			for dy := range patch {
				for dx := range patch {
					v := px[((image*s+y0+dy)*s+x0+dx)*3+c]
					yi[(c*patch+dy)*patch+dx] = F(v)*F(scale[c]) + F(shift[c])
				}
			}
		}
	})
}

func (r *Reference[F]) SelectRows(y, x, token, mask Tensor) {
	n, d := CheckSelectRows(y, x, token, mask)
	ys, xs, ts, ms := r.f(y), r.f(x), r.f(token), r.u8(mask)
	for i := range n {
		if ms[i] != 0 {
			copy(row(ys, i, d), ts)
		} else {
			copy(row(ys, i, d), row(xs, i, d))
		}
	}
}

func (r *Reference[F]) SelectRowsBackward(dx, dtoken, dy, mask Tensor) {
	n, d := CheckSelectRows(dx, dy, dtoken, mask)
	dxs, dts, dys, ms := r.f(dx), r.f(dtoken), r.f(dy), r.u8(mask)
	for i := range n {
		dxi, dyi := row(dxs, i, d), row(dys, i, d)
		if ms[i] == 0 {
			copy(dxi, dyi)
			continue
		}
		for j := range dts {
			dts[j] += dyi[j]
		}
		clear(dxi) // last, since dx may be dy
	}
}
