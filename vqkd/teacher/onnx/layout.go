package onnx

import "fmt"

// layout is where the patches' vectors stand in an output.
type layout struct {
	dim           int // D, of a vector
	first         int // index of the first value of the first patch
	patch, stride int // values from one patch to the next, and from one component to the next
}

// layoutOf finds the patches of a grid in an output of this shape, or says why they are not there.
//
//	[1, skip+N, D] or [1, D, G, G]
func layoutOf(shape []int64, grid, skip int) (layout, error) {
	n := grid * grid
	if len(shape) != 3 && len(shape) != 4 || shape[0] != 1 {
		return layout{}, fmt.Errorf("%v, no grid", shape)
	}
	if len(shape) == 4 {
		if shape[2] != int64(grid) || shape[3] != int64(grid) {
			return layout{}, fmt.Errorf("%v, a grid of %d×%d", shape, shape[2], shape[3])
		}
		return layout{dim: int(shape[1]), patch: 1, stride: n}, nil
	}
	if skip < 0 {
		skip = 0
		if shape[1] == int64(n)+1 {
			skip = 1
		}
	}
	if shape[1] != int64(skip+n) {
		return layout{}, fmt.Errorf("%v, %d vectors behind the %d that are skipped", shape, shape[1]-int64(skip), skip)
	}
	d := int(shape[2])
	return layout{dim: d, first: skip * d, patch: d, stride: 1}, nil
}

// take copies the patches' vectors.   dst: [n, D]
func (l layout) take(dst, values []float32) {
	for i := range len(dst) / l.dim {
		at := l.first + i*l.patch
		for j := range l.dim {
			dst[i*l.dim+j] = values[at+j*l.stride]
		}
	}
}

// last is how many values an output of n patches has at least.
func (l layout) last(n int) int { return l.first + (n-1)*l.patch + (l.dim-1)*l.stride + 1 }
