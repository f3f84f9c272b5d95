package optest

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/imglish/imglish/tensor"
)

// value is one input of a case, as plain numbers.
type value struct {
	dt    tensor.DType
	shape []int
	x     []float64
	rows  bool // one entry of the first axis belongs to one row of the case
}

func (v value) pick(rows []int) value {
	per := 1
	for _, d := range v.shape[1:] {
		per *= d
	}
	w := value{dt: v.dt, rows: true, shape: append([]int{len(rows)}, v.shape[1:]...)}
	for _, i := range rows {
		w.x = append(w.x, v.x[i*per:(i+1)*per]...)
	}
	return w
}

func upload(b tensor.Backend, v value) tensor.Tensor {
	t := b.Temp(v.dt, v.shape...)
	switch v.dt {
	case tensor.Float:
		b.UploadF64(t, v.x)
	case tensor.U8:
		b.UploadU8(t, convert[uint8](v.x))
	case tensor.U16:
		b.UploadU16(t, convert[uint16](v.x))
	case tensor.I32:
		b.UploadI32(t, convert[int32](v.x))
	}
	return t
}

func convert[T uint8 | uint16 | int32](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

func download(b tensor.Backend, t tensor.Tensor) []float64 {
	y := make([]float64, t.Len())
	switch t.DType {
	case tensor.Float:
		b.DownloadF64(y, t)
	case tensor.I32:
		x := make([]int32, t.Len())
		b.DownloadI32(x, t)
		for i, v := range x {
			y[i] = float64(v)
		}
	case tensor.U16:
		x := make([]uint16, t.Len())
		b.DownloadU16(x, t)
		for i, v := range x {
			y[i] = float64(v)
		}
	}
	return y
}

// maker draws inputs; floats are rounded to float32, so that every backend sees the same numbers.
type maker struct{ r *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 7))} }

func (m maker) floats(shape ...int) value {
	v := value{dt: tensor.Float, shape: shape}
	for range size(shape) {
		v.x = append(v.x, float64(float32(m.r.NormFloat64())))
	}
	return v
}

// uniform draws from [0, 1).
func (m maker) uniform(shape ...int) value {
	v := value{dt: tensor.Float, shape: shape}
	for range size(shape) {
		v.x = append(v.x, float64(m.r.Float32()))
	}
	return v
}

// probabilities draws rows whose sum is about 1, most of it in few places.
func (m maker) probabilities(n, d int) value {
	v := m.uniform(n, d)
	for i := range n {
		row, sum := v.x[i*d:(i+1)*d], 0.0
		for j := range row {
			row[j] = math.Pow(row[j], 8)
			sum += row[j]
		}
		for j := range row {
			row[j] = float64(float32(row[j] / sum))
		}
	}
	return v
}

// units draws rows of length 1.
func (m maker) units(n, d int) value {
	v := m.floats(n, d)
	for i := range n {
		row, sum := v.x[i*d:(i+1)*d], 0.0
		for _, x := range row {
			sum += x * x
		}
		for j := range row {
			row[j] = float64(float32(row[j] / math.Sqrt(sum)))
		}
	}
	return v
}

func (m maker) ints(dt tensor.DType, from, to int, shape ...int) value {
	v := value{dt: dt, shape: shape}
	for range size(shape) {
		v.x = append(v.x, float64(from+m.r.IntN(to-from)))
	}
	return v
}

func (v value) copy() value { v.x = slices.Clone(v.x); return v }

// byRow marks the value as one entry a row.
func (v value) byRow() value { v.rows = true; return v }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// times scales the values, rounded to float32 again.
func (v value) times(a float64) value {
	for i := range v.x {
		v.x[i] = float64(float32(v.x[i] * a))
	}
	return v
}

func (v value) asFloats() value { v.dt = tensor.Float; return v }
