package optest

import (
	"fmt"
	"math"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// feed is one call of AttentionCached: for each sample, how many rows it feeds and where they come in its sequence.
type feed [][2]int // rows, have

// decoder feeds samples' rows to a cache of its own, one slot a sample, in the slots' reverse order.
type decoder struct {
	b      tensor.Backend
	qkv    []value // a sample's whole sequence
	a      tensor.Attend
	cache  tensor.Tensor
	layers [][]float64 // out of each sample, as it came
}

func newDecoder(b tensor.Backend, qkv []value, a tensor.Attend, capacity int) *decoder {
	d := &decoder{b: b, qkv: qkv, a: a, layers: make([][]float64, len(qkv))}
	d.cache = b.Temp(tensor.Float, len(qkv)+1, capacity, qkv[0].shape[1]/3*2)
	return d
}

// step feeds rows [have, have+rows) of each sample, with a row of nobody between any two, and keeps what comes out.
func (d *decoder) step(f feed) {
	mark := d.b.Mark()
	defer d.b.Release(mark)
	wide := d.qkv[0].shape[1]
	x := value{dt: tensor.Float, shape: []int{0, wide}}
	seg := value{dt: tensor.I32, shape: []int{len(f), 4}}
	for s, r := range f {
		rows, have := r[0], r[1]
		seg.x = append(seg.x, float64(x.shape[0]), float64(rows), float64(len(f)-1-s), float64(have))
		x.x = append(x.x, d.qkv[s].x[have*wide:(have+rows)*wide]...)
		x.x = append(x.x, make([]float64, wide)...)
		x.shape[0] += rows + 1
	}
	out := d.b.Temp(tensor.Float, x.shape[0], wide/3)
	d.b.AttentionCached(out, upload(d.b, x), d.cache, upload(d.b, seg), d.a)
	all, at := download(d.b, out), 0
	for s, r := range f {
		d.layers[s] = append(d.layers[s][:r[1]*wide/3], all[at:at+r[0]*wide/3]...)
		at += (r[0] + 1) * wide / 3
	}
}

// attentionCached holds that a sequence has the same bits however it is fed, that they are near those of Attention on the
// whole, that what was fed beyond a smaller have is forgotten, and that slots can change places.
func attentionCached(t *testing.T, tol float64, backends ...tensor.Backend) {
	ref := tensor.NewReference[float64]()
	for _, c := range []struct {
		lengths  []int
		heads, d int
	}{{[]int{1}, 1, 1}, {[]int{5, 1, 7}, 3, 9}, {[]int{70, 33}, 2, 64}, {[]int{20, 140, 3}, 1, 80}, {[]int{67, 66}, 2, 150}} {
		m := newMaker(4)
		var qkv []value
		for _, n := range c.lengths {
			qkv = append(qkv, m.floats(n, 3*c.d))
		}
		a := tensor.Attend{Heads: c.heads, Scale: 1 / math.Sqrt(float64(c.d/c.heads)), Causal: true}
		whole := wholeAttention(ref, qkv, a)
		var first *decoder
		for _, b := range backends {
			for name, feeds := range map[string][]feed{
				"at once":   {chunks(c.lengths, 0, 1<<30)},
				"by one":    byStep(c.lengths, 1),
				"by seven":  byStep(c.lengths, 7),
				"forgotten": withForgotten(c.lengths),
			} {
				mark := b.Mark()
				d := newDecoder(b, qkv, a, 150)
				for _, f := range feeds {
					d.step(f)
				}
				if first == nil {
					first = d
				}
				for s := range qkv {
					what := fmt.Sprintf("lengths %v, sample %d fed %s", c.lengths, s, name)
					if err := near(d.layers[s], whole[s], 512*tol); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
					if err := same(d.layers[s], first.layers[s]); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
				}
				b.Release(mark)
			}
			swapSlots(t, b, qkv, a)
			notCausal(t, b, ref, tol, qkv[0], a)
		}
	}
}

// chunks feeds up to size rows of each sample from row from on.
func chunks(lengths []int, from, size int) (f feed) {
	for _, n := range lengths {
		have := min(from, n)
		f = append(f, [2]int{min(size, n-have), have})
	}
	return f
}

func byStep(lengths []int, size int) (fs []feed) {
	for from := 0; from < 150; from += size {
		fs = append(fs, chunks(lengths, from, size))
	}
	return fs
}

// withForgotten feeds rows by two and one, and each time forgets the last, as one that generates does with its mask.
func withForgotten(lengths []int) (fs []feed) {
	for from := range 150 {
		fs = append(fs, chunks(lengths, from, 2))
	}
	return fs
}

// wholeAttention is the reference's Attention on each sample as a text.
func wholeAttention(b tensor.Backend, qkv []value, a tensor.Attend) (out [][]float64) {
	mark := b.Mark()
	defer b.Release(mark)
	for _, v := range qkv {
		n := v.shape[0]
		y, lse, seg := b.Temp(tensor.Float, n, v.shape[1]/3), b.Temp(tensor.Float, n, a.Heads), b.Temp(tensor.I32, 1, 4)
		b.UploadI32(seg, []int32{0, 0, 0, int32(n)})
		b.Attention(y, lse, upload(b, v), seg, a)
		out = append(out, download(b, y))
	}
	return out
}

// swapSlots moves samples to other slots by Gather, as beams do.
func swapSlots(t *testing.T, b tensor.Backend, qkv []value, a tensor.Attend) {
	if len(qkv) < 2 || qkv[0].shape[0] < 2 || qkv[1].shape[0] < 2 {
		return
	}
	mark := b.Mark()
	defer b.Release(mark)
	two := qkv[:2]
	straight, swapped := newDecoder(b, two, a, 9), newDecoder(b, two, a, 9)
	straight.step(feed{{1, 0}, {1, 0}})
	straight.step(feed{{1, 1}, {1, 1}})
	swapped.step(feed{{1, 0}, {1, 0}})
	slots, wide := swapped.cache.Dim(0), swapped.cache.Cols()
	other, ids := b.Temp(tensor.Float, swapped.cache.Shape...), b.Temp(tensor.I32, slots)
	b.UploadI32(ids, []int32{1, 0, -1}[:slots])
	b.Gather(other.Reshape(slots, wide), swapped.cache.Reshape(slots, wide), ids)
	swapped.cache = other
	swapped.qkv = []value{two[1], two[0]}
	swapped.step(feed{{1, 1}, {1, 1}})
	for s := range two {
		d := qkv[0].shape[1] / 3
		if err := same(swapped.layers[1-s][d:], straight.layers[s][d:]); err != nil {
			t.Fatalf("sample %d in another slot: %v", s, err)
		}
	}
}

// notCausal feeds all rows of a sample at once as rows that see each other: an image.
func notCausal(t *testing.T, b, ref tensor.Backend, tol float64, v value, a tensor.Attend) {
	a.Causal = false
	mark := b.Mark()
	defer b.Release(mark)
	d := newDecoder(b, []value{v}, a, 150)
	d.step(feed{{v.shape[0], 0}})
	if err := near(d.layers[0], wholeAttention(ref, []value{v}, a)[0], 512*tol); err != nil {
		t.Fatalf("%d rows that see each other: %v", v.shape[0], err)
	}
}
