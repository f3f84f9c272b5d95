package optest

import (
	"math"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// transfer holds that what goes up comes down, also through views.
func transfer(t *testing.T, b tensor.Backend) {
	x := b.Alloc(tensor.Float, 5, 3)
	defer b.Free(x)
	got := make([]float32, 15)
	b.Download(got, x)
	for i, v := range got {
		if v != 0 {
			t.Fatalf("fresh memory holds %v at %d", v, i)
		}
	}
	b.Upload(x.Rows(1, 3), []float32{1, 2, 3, 4, 5, 6})
	b.UploadF64(x.Rows(4, 5), []float64{7, 8, math.Inf(-1)})
	b.Download(got, x)
	want := []float32{0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 8, float32(math.Inf(-1))}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("after uploads into views: %v, want %v", got, want)
		}
	}
	b.Copy(x.Rows(0, 2), x.Rows(3, 5))
	b.Zero(x.Rows(3, 5))
	b.Download(got, x)
	want = []float32{0, 0, 0, 7, 8, float32(math.Inf(-1)), 4, 5, 6, 0, 0, 0, 0, 0, 0}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("after Copy and Zero of views: %v, want %v", got, want)
		}
	}
	ids := b.Alloc(tensor.I32, 4)
	defer b.Free(ids)
	b.UploadI32(ids, []int32{-100, 0, math.MaxInt32, math.MinInt32})
	back := make([]int32, 4)
	b.DownloadI32(back, ids)
	if back[0] != -100 || back[2] != math.MaxInt32 || back[3] != math.MinInt32 {
		t.Fatalf("int32 came back as %v", back)
	}
	codes := b.Alloc(tensor.U16, 2)
	defer b.Free(codes)
	b.UploadU16(codes, []uint16{65535, 8191})
	c := make([]uint16, 2)
	b.DownloadU16(c, codes)
	if c[0] != 65535 || c[1] != 8191 {
		t.Fatalf("uint16 came back as %v", c)
	}
}

// arena holds that Temp's tensors do not overlap while they live, nested marks included.
func arena(t *testing.T, b tensor.Backend) {
	fill := func(x tensor.Tensor, v float64) {
		data := make([]float64, x.Len())
		for i := range data {
			data[i] = v
		}
		b.UploadF64(x, data)
	}
	check := func(x tensor.Tensor, want float64) {
		t.Helper()
		for i, v := range download(b, x) {
			if v != want {
				t.Fatalf("element %d is %v, want %v: temporaries overlap", i, v, want)
			}
		}
	}
	outer := b.Mark()
	a := b.Temp(tensor.Float, 7)
	fill(a, 1)
	for round := range 3 {
		inner := b.Mark()
		c := b.Temp(tensor.Float, 1000*(round+1)+1)
		d := b.Temp(tensor.Float, 3)
		fill(c, 2)
		fill(d, 3)
		check(a, 1)
		check(c, 2)
		check(d, 3)
		b.Release(inner)
	}
	e := b.Temp(tensor.Float, 50)
	fill(e, 4)
	check(a, 1)
	check(e, 4)
	b.Release(outer)
}
