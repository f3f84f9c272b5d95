package optest

import (
	"math"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// format is a 16-bit float.
type format struct {
	dt       tensor.DType
	fraction int     // bits behind the leading one
	least    int     // exponent of the least normal number
	most     float64 // largest finite number
}

var formats = []format{{tensor.BF16, 7, -126, 0x1.fep127}, {tensor.F16, 10, -14, 65504}}

// round is v to the nearest number of the format, ties to the even one.
func (f format) round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	_, e := math.Frexp(v) // v is in ½·2^e to 2^e
	unit := math.Ldexp(1, max(e-1, f.least)-f.fraction)
	if v = math.RoundToEven(v/unit) * unit; math.Abs(v) > f.most {
		return math.Inf(int(math.Copysign(1, v)))
	}
	return v
}

// cast widens every 16-bit pattern and narrows it again, and narrows what lies around every point where rounding turns.
func cast(t *testing.T, b tensor.Backend) {
	const all = 1 << 16
	for _, f := range formats {
		mark := b.Mark()
		x, h := b.Temp(tensor.Float, all), b.Temp(f.dt, all)
		bits, wide := make([]uint16, all), make([]float32, all)
		for i := range bits {
			bits[i] = uint16(i)
		}
		b.UploadU16(h, bits)
		b.Cast(x, h)
		b.Download(wide, x)
		if one := map[tensor.DType]int{tensor.BF16: 0x3f80, tensor.F16: 0x3c00}[f.dt]; wide[one] != 1 || wide[one+1] != float32(1+math.Ldexp(1, -f.fraction)) {
			t.Fatalf("%v: %#04x and the next are %v and %v", f.dt, one, wide[one], wide[one+1])
		}
		back := f.narrow(b, wide)
		for i, v := range wide {
			if v != v {
				if math.IsNaN(f.round(float64(v))) != isNaN(f, back[i]) {
					t.Fatalf("%v %#04x is no number, back it is %#04x", f.dt, i, back[i])
				}
			} else if back[i] != uint16(i) {
				t.Fatalf("%v %#04x is %v, back it is %#04x", f.dt, i, v, back[i])
			}
		}
		var around []float32
		for i, v := range wide {
			if i&0x7fff == 0x7fff || v != v {
				continue
			}
			next := wide[i+1]
			if math.IsInf(float64(next), 0) { // the step before infinity is as long as the one before it
				next = v + (v - wide[i-1])
			}
			mid := float32((float64(v) + float64(next)) / 2)
			around = append(around, mid, math.Nextafter32(mid, v), math.Nextafter32(mid, next))
		}
		around = append(around, math.MaxFloat32, -math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.NaN()))
		for i, got := range f.narrow(b, around) {
			if isNaN(f, got) != (around[i] != around[i]) {
				t.Fatalf("%v as %v is %#04x", around[i], f.dt, got)
			}
			want := f.round(float64(around[i]))
			if have := wide[got]; float64(have) != want && want == want || math.Signbit(float64(have)) != math.Signbit(float64(around[i])) {
				t.Fatalf("%v as %v is %v, want %v", around[i], f.dt, have, want)
			}
		}
		b.Release(mark)
	}
}

func (f format) narrow(b tensor.Backend, v []float32) []uint16 {
	mark := b.Mark()
	defer b.Release(mark)
	x, h, out := b.Temp(tensor.Float, len(v)), b.Temp(f.dt, len(v)), make([]uint16, len(v))
	b.Upload(x, v)
	b.Cast(h, x)
	b.DownloadU16(out, h)
	return out
}

// isNaN reports whether the exponent is full and the fraction not zero.
func isNaN(f format, h uint16) bool {
	full := uint16(0x7fff) &^ (1<<f.fraction - 1)
	return h&full == full && h&^full&0x7fff != 0
}
