//go:build cgo

package cpu_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
)

// TestPoolsSideBySide has more threads than processors, pools that start and end while others work, and ops so short
// that threads come when all is done.
func TestPoolsSideBySide(t *testing.T) {
	run := func(b tensor.Backend, n int) []float32 {
		mark := b.Mark()
		defer b.Release(mark)
		x, w, y := b.Temp(tensor.Float, n, 40), b.Temp(tensor.Float, 70, 40), b.Temp(tensor.Float, n, 70)
		v := make([]float32, x.Len())
		for i := range v {
			v[i] = float32(i%23) - 11
		}
		b.Upload(x, v)
		b.Upload(w, slices.Repeat([]float32{1, -2, 0.5, 3}, 700))
		b.Linear(y, tensor.Tensor{}, x, w, tensor.Tensor{}, tensor.Tanh)
		return download(b, y)
	}
	sizes := []int{1, 13, 600, 150}
	alone, err := cpu.New(1)
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	want := map[int][]float32{}
	for _, n := range sizes {
		want[n] = run(alone, n)
	}
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Go(func() {
			for life := range 5 {
				b, err := cpu.New(1 + (g+life)%7)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range 40 {
					if n := sizes[i%len(sizes)]; !slices.Equal(run(b, n), want[n]) {
						t.Errorf("%s: %d rows differ from those of one thread", b.Name(), n)
					}
				}
				if err := b.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
