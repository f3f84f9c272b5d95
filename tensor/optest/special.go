package optest

import (
	"fmt"
	"math"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// tieCases hold what small integers make exact in any precision: the first of equal values wins; non-finite gradients
// give a factor of 0.
func tieCases() []opCase {
	ints := func(shape []int, x ...float64) value { return value{dt: tensor.Float, shape: shape, x: x} }
	long := value{dt: tensor.Float, shape: []int{2, 67}, x: make([]float64, 2*67), rows: true}
	long.x[9], long.x[33], long.x[66] = 4, 4, 4
	for i := 67; i < 2*67; i++ {
		long.x[i] = -3
	}
	book := ints([]int{35, 2})
	for i := range 35 {
		book.x = append(book.x, 1, 0)
		if i == 0 {
			book.x = []float64{0, 1}
		}
	}
	return []opCase{
		{name: "ArgMax/ties", in: []value{long}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			ids := b.Temp(tensor.I32, in[0].Dim(0))
			b.ArgMax(ids, in[0])
			return []tensor.Tensor{ids}
		}},
		{name: "NearestCode/ties", in: []value{ints([]int{4, 2}, 5, 1, 1, 5, 2, 2, -1, -1).byRow(), book}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			codes := b.Temp(tensor.U16, in[0].Dim(0))
			b.NearestCode(codes, tensor.Tensor{}, in[0], in[1])
			return []tensor.Tensor{codes}
		}},
		{name: "ClipFactor/notFinite", in: []value{ints([]int{2}, math.NaN(), math.Inf(1))}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			f := b.Temp(tensor.Float, 4)
			b.ClipFactor(f.Rows(0, 1), in[0].Rows(0, 1), 3)
			b.ClipFactor(f.Rows(1, 2), in[0].Rows(1, 2), 3)
			b.ClipFactor(f.Rows(2, 3), in[0].Rows(0, 1), 0)
			b.ClipFactor(f.Rows(3, 4), in[0].Rows(1, 2), 0)
			return []tensor.Tensor{f}
		}},
		{name: "Smallest/special", in: []value{ints([]int{7}, math.NaN(), math.Inf(1), 0, math.Copysign(0, -1), math.Inf(-1), math.NaN(), 0)}, run: func(b tensor.Backend, in []tensor.Tensor) (out []tensor.Tensor) {
			for k := range 8 { // −∞; the zeroes in their order, whatever their sign; ∞; the NaNs in their order
				keep := b.Temp(tensor.Float, 7)
				b.Smallest(keep, in[0], k)
				out = append(out, keep)
			}
			return out
		}},
		{name: "nothing", run: func(b tensor.Backend, _ []tensor.Tensor) []tensor.Tensor {
			none, empty, seg := tensor.Tensor{}, b.Temp(tensor.Float, 0), b.Temp(tensor.I32, 0, 4)
			wide, cache, sum := b.Temp(tensor.Float, 0, 12), b.Temp(tensor.Float, 2, 3, 8), b.Temp(tensor.Float, 1)
			b.Zero(sum)
			b.Cast(b.Temp(tensor.BF16, 0), empty)
			b.Smallest(empty, empty, 0)
			b.BCE(empty, none, wide, wide, none)
			b.SoftCrossEntropy(empty, none, wide, wide, none)
			b.ScaleExp(empty, empty, sum)
			b.ScaleExpBackward(empty, sum, empty, empty, sum)
			b.AttentionCached(wide.Reshape(0, 4), wide, cache, seg, tensor.Attend{Heads: 2})
			b.MeanRowsBackward(wide, wide, seg.Reshape(0, 2))
			return []tensor.Tensor{sum}
		}},
		{name: "L2Normalize/zero", in: []value{ints([]int{2, 3}, 0, 0, 0, 3, 0, 4).byRow()}, ulps: 4, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y, norm := b.Temp(tensor.Float, in[0].Shape...), b.Temp(tensor.Float, in[0].Dim(0))
			b.L2Normalize(y, norm, in[0], 1e-12)
			return []tensor.Tensor{y, norm}
		}},
		{name: "CrossEntropy/large", in: []value{ints([]int{2, 3}, 1000, -1000, 0, 88, 89, -200).byRow(), {dt: tensor.I32, shape: []int{2}, x: []float64{0, 1}, rows: true}}, ulps: 512,
			run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				n := in[0].Dim(0)
				loss, d := b.Temp(tensor.Float, n), b.Temp(tensor.Float, n, 3)
				b.CrossEntropy(loss, d, in[0], in[1], tensor.Tensor{}, 0)
				return []tensor.Tensor{loss, d}
			}},
	}
}

// layout places samples in a packed sequence. A sample is {vision rows, text rows}.
type layout struct {
	seg  []int32
	n    int   // rows, a few of them in no segment
	rows []int // for each sample in order, its rows: vision, then text
}

// pack lays the samples out in the given order, all vision rows first, with gap rows between that belong to nobody.
func pack(samples [][2]int, order []int, gap int) layout {
	l := layout{seg: make([]int32, 4*len(samples))}
	l.n = gap
	for part := range 2 {
		for slot, s := range order {
			l.seg[4*slot+2*part], l.seg[4*slot+2*part+1] = int32(l.n), int32(samples[s][part])
			l.n += samples[s][part]
		}
		l.n += gap
	}
	slotOf := make([]int, len(samples))
	for slot, s := range order {
		slotOf[s] = slot
	}
	for s := range samples {
		for part := range 2 {
			from := int(l.seg[4*slotOf[s]+2*part])
			for i := range samples[s][part] {
				l.rows = append(l.rows, from+i)
			}
		}
	}
	return l
}

var attentionSamples = []struct {
	samples  [][2]int
	heads, d int
}{
	{[][2]int{{1, 0}}, 1, 1},
	{[][2]int{{0, 1}, {3, 2}, {5, 0}}, 3, 9},
	{[][2]int{{17, 0}, {0, 12}, {17, 5}, {0, 0}, {17, 12}}, 3, 48},
	{[][2]int{{65, 33}, {0, 130}, {197, 0}}, 2, 64},
	{[][2]int{{50, 20}, {31, 1}}, 1, 80},
}

func attentionCases(m maker) []opCase {
	var cs []opCase
	for k, s := range attentionSamples {
		order := make([]int, len(s.samples))
		for i := range order {
			order[i] = i
		}
		l := pack(s.samples, order, k)
		seg := value{dt: tensor.I32, shape: []int{len(s.samples), 4}}
		for _, v := range l.seg {
			seg.x = append(seg.x, float64(v))
		}
		for _, causal := range []bool{false, true} {
			a := tensor.Attend{Heads: s.heads, Scale: 1 / math.Sqrt(float64(s.d/s.heads)), Causal: causal}
			cs = append(cs, opCase{
				name: fmt.Sprintf("Attention/%d/causal=%v", k, causal), in: []value{m.floats(l.n, 3*s.d), m.floats(l.n, s.d), seg}, ulps: 512,
				run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
					return attend(b, in[0], in[1], in[2], a)
				},
			})
		}
	}
	return cs
}

// attend runs both directions, and forward without lse. The lse of rows in no segment is not part of the contract: it is left out.
func attend(b tensor.Backend, qkv, dout, seg tensor.Tensor, a tensor.Attend) []tensor.Tensor {
	n, d := dout.Dim(0), dout.Dim(1)
	out, lse, dqkv := b.Temp(tensor.Float, n, d), b.Temp(tensor.Float, n, a.Heads), b.Temp(tensor.Float, n, 3*d)
	b.Attention(out, lse, qkv, seg, a)
	b.AttentionBackward(dqkv, dout, out, lse, qkv, seg, a)
	alone := b.Temp(tensor.Float, n, d)
	b.Attention(alone, tensor.Tensor{}, qkv, seg, a)
	return []tensor.Tensor{out, dqkv, alone}
}

// attentionPacking holds that a sample's rows are bit-equal alone, in another order and at other places.
func attentionPacking(t *testing.T, backends ...tensor.Backend) {
	m := newMaker(3)
	for _, s := range attentionSamples {
		total := 0
		for _, sample := range s.samples {
			total += sample[0] + sample[1]
		}
		qkv, dout := m.floats(total, 3*s.d), m.floats(total, s.d)
		for _, causal := range []bool{false, true} {
			a := tensor.Attend{Heads: s.heads, Scale: 0.4, Causal: causal}
			var first [][]float64
			for _, b := range backends {
				orders := [][]int{{}, {}}
				for i := range s.samples {
					orders[0] = append(orders[0], i)
					orders[1] = append(orders[1], len(s.samples)-1-i)
				}
				for gap, order := range orders {
					got := packed(b, pack(s.samples, order, 3*gap), qkv, dout, a)
					if first == nil {
						first = got
					}
					for i := range got {
						if err := same(got[i], first[i]); err != nil {
							t.Fatalf("samples %v, output %d, order %v: %v", s.samples, i, order, err)
						}
					}
				}
				from := 0
				for k, sample := range s.samples { // each alone
					n := sample[0] + sample[1]
					part := func(v value) value {
						per := v.shape[1]
						return value{dt: v.dt, shape: []int{n, per}, x: v.x[from*per : (from+n)*per]}
					}
					got := packed(b, pack([][2]int{sample}, []int{0}, 1), part(qkv), part(dout), a)
					for i, per := range []int{s.d, 3 * s.d} {
						if err := same(got[i], first[i][from*per:(from+n)*per]); err != nil {
							t.Fatalf("sample %d %v alone, output %d: %v", k, sample, i, err)
						}
					}
					from += n
				}
			}
		}
	}
}

// packed runs attention with the samples' rows placed by l and gives the results in the samples' own order.
func packed(b tensor.Backend, l layout, qkv, dout value, a tensor.Attend) [][]float64 {
	mark := b.Mark()
	defer b.Release(mark)
	spread := func(v value) tensor.Tensor {
		per := v.shape[1]
		w := value{dt: v.dt, shape: []int{l.n, per}, x: make([]float64, l.n*per)}
		for i, r := range l.rows {
			copy(w.x[r*per:(r+1)*per], v.x[i*per:(i+1)*per])
		}
		return upload(b, w)
	}
	seg := b.Temp(tensor.I32, len(l.seg)/4, 4)
	b.UploadI32(seg, l.seg)
	var out [][]float64
	for _, y := range attend(b, spread(qkv), spread(dout), seg, a) {
		all, per := download(b, y), y.Cols()
		own := make([]float64, 0, len(l.rows)*per)
		for _, r := range l.rows {
			own = append(own, all[r*per:(r+1)*per]...)
		}
		out = append(out, own)
	}
	return out
}
