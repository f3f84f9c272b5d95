package cpu_test

import (
	"fmt"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
)

func ExampleNew() {
	b, err := cpu.New(2)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	x, w := b.Alloc(tensor.Float, 1, 3), b.Alloc(tensor.Float, 2, 3)
	y := b.Alloc(tensor.Float, 1, 2)
	b.Upload(x, []float32{1, 2, 3})
	b.Upload(w, []float32{1, 0, 0, 1, 1, 1})
	b.Linear(y, tensor.Tensor{}, x, w, tensor.Tensor{}, tensor.Identity) // y = x·wᵀ
	got := make([]float32, 2)
	b.Download(got, y)
	fmt.Println(got, b.Sync())
	// Output: [1 6] <nil>
}
