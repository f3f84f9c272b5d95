package pixels

// The two passes in plain Go. They say what resize.c computes, and do the work in builds without cgo.

// portable makes the C code take its portable variant on any processor, for tests.
var portable bool

// rowsGo is the pass across, over the rows from top up to bottom.
func rowsGo(in *Image, top, bottom int, t taps) *Image {
	out := New(len(t.first), bottom-top)
	for y := range out.H {
		row := in.Pix[3*(top+y)*in.W : 3*(top+y+1)*in.W]
		for x := range out.W {
			first, w := t.of(x)
			p := row[3*first:]
			const half = 1 << (weightBits - 1)
			r, g, b := int32(half), int32(half), int32(half)
			for i, k := range w {
				r += int32(p[3*i]) * k
				g += int32(p[3*i+1]) * k
				b += int32(p[3*i+2]) * k
			}
			out.Set(x, y, clip8(r), clip8(g), clip8(b))
		}
	}
	return out
}

// columnsGo is the pass down. It walks whole rows, so that memory is read in order.
func columnsGo(in *Image, t taps) *Image {
	out := New(in.W, len(t.first))
	n := 3 * in.W
	sum := make([]int32, n)
	for y := range out.H {
		for i := range sum {
			sum[i] = 1 << (weightBits - 1)
		}
		first, w := t.of(y)
		for i, k := range w {
			row := in.Pix[n*(first+i):][:len(sum)]
			for x, v := range row {
				sum[x] += int32(v) * k
			}
		}
		o := out.Pix[n*y:][:len(sum)]
		for x, s := range sum {
			o[x] = clip8(s)
		}
	}
	return out
}

// clip8 drops the fraction bits and keeps the rest in 0..255.
func clip8(v int32) uint8 { return uint8(min(max(v>>weightBits, 0), 255)) }
