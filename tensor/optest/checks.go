package optest

import (
	"strings"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// checks holds that wrong shapes, dtypes and indices panic, with the op's name and the values, before memory is touched.
func checks(t *testing.T, b tensor.Backend) {
	mark := b.Mark()
	defer b.Release(mark)
	f := func(shape ...int) tensor.Tensor {
		x := b.Temp(tensor.Float, shape...)
		b.Zero(x)
		return x
	}
	ids := func(shape []int, x ...int32) tensor.Tensor {
		y := b.Temp(tensor.I32, shape...)
		b.UploadI32(y, x)
		return y
	}
	four := []int{1, 4}
	none, a := tensor.Tensor{}, tensor.Attend{Heads: 2, Scale: 1}
	for _, c := range []struct {
		want string
		call func()
	}{
		{"Copy: y is float[3], x is bf16[3]", func() { b.Copy(f(3), b.Temp(tensor.BF16, 3)) }},
		{"Cast: y is float[3], x is float[3]", func() { b.Cast(f(3), f(3)) }},
		{"Cast: y is bf16[3], x is f16[3]", func() { b.Cast(b.Temp(tensor.BF16, 3), b.Temp(tensor.F16, 3)) }},
		{"Cast: y is f16[2], x is float[3]", func() { b.Cast(b.Temp(tensor.F16, 2), f(3)) }},
		{"Scale: y is float[2], want float[3]", func() { b.Scale(f(2), f(3), 1) }},
		{"Add: b is float[2], want float[3]", func() { b.Add(f(3), f(3), f(2)) }},
		{"AddRows: rowFactor is float[3], want float[2]", func() { b.AddRows(f(2, 3), f(2, 3), f(3)) }},
		{"ScaleExp: s is float[2], want float[1]", func() { b.ScaleExp(f(3), f(3), f(2)) }},
		{"ScaleExpBackward: dy is float[2], want float[3]", func() { b.ScaleExpBackward(f(3), f(1), f(2), f(3), f(1)) }},
		{"Gather: table is float[4 2], want float[-1 3]", func() { b.Gather(f(2, 3), f(4, 2), ids([]int{2}, 0, 0)) }},
		{"Gather: ids[1] = 4, table has 4 rows", func() { b.Gather(f(2, 3), f(4, 3), ids([]int{2}, 0, 4)) }},
		{"Scatter: ids is float[2], want int32[2]", func() { b.Scatter(f(4, 3), f(2, 3), f(2)) }},
		{"ScatterAdd: ids[0] = 9, table has 4 rows", func() { b.ScatterAdd(f(4, 3), f(1, 3), ids([]int{1}, 9)) }},
		{"Patches: pixels are float[1 8 8 3]", func() { b.Patches(f(4, 48), f(1, 8, 8, 3), 4, [3]float64{}, [3]float64{}) }},
		{"SelectRows: mask is int32[2], want uint8[2]", func() { b.SelectRows(f(2, 3), f(2, 3), f(3), ids([]int{2}, 0, 0)) }},
		{"Linear: b is float[3], want float[2]", func() { b.Linear(f(1, 2), none, f(1, 3), f(2, 3), f(3), tensor.Identity) }},
		{"LinearBackward: pre is none, want float[1 2]", func() {
			b.LinearBackward(f(1, 3), none, none, f(1, 2), none, f(1, 3), f(2, 3), tensor.GELU)
		}},
		{"activation 9", func() { b.Linear(f(1, 2), none, f(1, 3), f(2, 3), none, 9) }},
		{"LayerNorm: gamma is float[2], want float[3]", func() { b.LayerNorm(f(1, 3), f(1, 2), f(1, 3), f(2), f(3), 0) }},
		{"LayerNormBackward: stats is float[1 3], want float[1 2]", func() {
			b.LayerNormBackward(f(1, 3), none, none, f(1, 3), f(1, 3), f(1, 3), f(3))
		}},
		{"Attention: width 3 does not split into 2 heads", func() { b.Attention(f(1, 3), f(1, 2), f(1, 9), ids(four, 0, 1, 0, 0), a) }},
		{"Attention: segment 0 is [1 1 0 0], rows are 1", func() { b.Attention(f(1, 4), f(1, 2), f(1, 12), ids(four, 1, 1, 0, 0), a) }},
		{"AttentionBackward: dout is float[2 4], want float[1 4]", func() {
			b.AttentionBackward(f(1, 12), f(2, 4), f(1, 4), f(1, 2), f(1, 12), ids(four, 0, 1, 0, 0), a)
		}},
		{"AttentionCached: cache is float[2 5 4], want float[slots capacity 8]", func() {
			b.AttentionCached(f(1, 4), f(1, 12), f(2, 5, 4), ids(four, 0, 1, 0, 0), a)
		}},
		{"AttentionCached: segment 0 is [0 1 0 5], rows are 1, the cache is 2 slots of 5", func() {
			b.AttentionCached(f(1, 4), f(1, 12), f(2, 5, 8), ids(four, 0, 1, 0, 5), a)
		}},
		{"AttentionCached: segment 0 is [0 1 2 0], rows are 1, the cache is 2 slots of 5", func() {
			b.AttentionCached(f(1, 4), f(1, 12), f(2, 5, 8), ids(four, 0, 1, 2, 0), a)
		}},
		{"AttentionCached: segments 0 and 1 both have slot 1", func() {
			b.AttentionCached(f(2, 4), f(2, 12), f(2, 5, 8), ids([]int{2, 4}, 0, 1, 1, 0, 1, 1, 1, 0), a)
		}},
		{"MeanRows: y is float[2 3], want float[1 3]", func() { b.MeanRows(f(2, 3), f(4, 3), ids([]int{1, 2}, 0, 4)) }},
		{"MeanRows: segment 0 is [2 3], rows are 4", func() { b.MeanRows(f(1, 3), f(4, 3), ids([]int{1, 2}, 2, 3)) }},
		{"MeanRows: segment 0 is [-1 1], rows are 4", func() { b.MeanRowsBackward(f(4, 3), f(1, 3), ids([]int{1, 2}, -1, 1)) }},
		{"CrossEntropy: targets is float[2], want int32[2]", func() { b.CrossEntropy(f(2), none, f(2, 3), f(2), none, 0) }},
		{"CrossEntropy: smooth is 0.1 with 1 classes", func() { b.CrossEntropy(f(1), none, f(1, 1), ids([]int{1}, 0), none, 0.1) }},
		{"CrossEntropy: smooth is 1.5 with 3 classes", func() { b.CrossEntropy(f(1), none, f(1, 3), ids([]int{1}, 0), none, 1.5) }},
		{"SoftCrossEntropy: targets is float[2 4], want float[2 3]", func() { b.SoftCrossEntropy(f(2), none, f(2, 3), f(2, 4), none) }},
		{"BCE: dlogits is float[3 2], want float[2 3]", func() { b.BCE(f(2), f(3, 2), f(2, 3), f(2, 3), none) }},
		{"Smallest: k is 4 of 3", func() { b.Smallest(f(3), f(3), 4) }},
		{"Smallest: keep is int32[3], want float[3]", func() { b.Smallest(ids([]int{3}, 0, 0, 0), f(3), 2) }},
		{"ArgMax: ids is int32[2], want int32[1]", func() { b.ArgMax(ids([]int{2}, 0, 0), f(1, 3)) }},
		{"Contrastive: u is float[2 4], want float[2 3]", func() {
			tensor.Contrastive(b, f(2), f(2, 3), f(2, 3), f(1), f(2, 3), f(2, 4), f(1), 1)
		}},
		{"L2Normalize: norm is float[1], want float[2]", func() { b.L2Normalize(f(2, 3), f(1), f(2, 3), 0) }},
		{"NearestCode: codes is int32[1], want uint16[1]", func() { b.NearestCode(ids([]int{1}, 0), none, f(1, 3), f(4, 3)) }},
		{"SumByCode: counts is float[3], want float[4]", func() { b.SumByCode(f(4, 3), f(3), f(1, 3), b.Temp(tensor.U16, 1)) }},
		{"CodebookEMA: usage is float[3], want float[4]", func() { b.CodebookEMA(f(4, 3), f(3), f(4, 3), f(4), 0.9) }},
		{"CosineLoss: target is float[2 4], want float[2 3]", func() { b.CosineLoss(f(2), none, f(2, 3), f(2, 4), none) }},
		{"SquaredError: loss is float[1], want float[2]", func() { b.SquaredError(f(1), none, f(2, 3), f(2, 3), 1) }},
		{"Sum: out is float[2], want float[1]", func() { b.Sum(f(2), f(3)) }},
		{"ClipFactor: sumSquares is float[2], want float[1]", func() { b.ClipFactor(f(1), f(2), 1) }},
		{"AdamWStep: factor is float[2], want float[1]", func() { b.AdamWStep(f(3), f(3), f(3), f(3), f(2), tensor.AdamW{Step: 1}) }},
		{"AdamWStep: step 0, counted from 1", func() { b.AdamWStep(f(3), f(3), f(3), f(3), f(1), tensor.AdamW{}) }},
		{"UploadU16: tensor is int32[2], slice is uint16[2]", func() { b.UploadU16(ids([]int{2}, 0, 0), make([]uint16, 2)) }},
		{"Download: tensor is bf16[2], slice is float[2]", func() { b.Download(make([]float32, 2), b.Temp(tensor.BF16, 2)) }},
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, c.want) || !strings.HasPrefix(got, "tensor: ") {
					t.Errorf("panics with %q, want %q", got, "tensor: "+c.want)
				}
			}()
			c.call()
		}()
	}
	if err := b.Sync(); err != nil {
		t.Errorf("Sync behind refused calls: %v", err)
	}
}
