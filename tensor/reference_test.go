package tensor_test

import (
	"fmt"
	"testing"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/tensor/optest"
)

func TestReferenceFloat32(t *testing.T) {
	optest.Run(t, tensor.NewReferenceThreads[float32], optest.Float32)
}

func TestReferenceFloat64(t *testing.T) {
	optest.Run(t, tensor.NewReferenceThreads[float64], 1.0/(1<<52))
}

// The reference's numbers are float32, those of a formula's weights; the bound is some 40 roundings.
func TestReferenceHeads(t *testing.T) {
	optest.Heads(t, tensor.NewReference[float32](), 1e-5)
	optest.Heads(t, tensor.NewReference[float64](), 1e-5)
}

func TestReferenceGradients(t *testing.T) {
	optest.Gradients(t, tensor.NewReference[float64]())
}

// Shapes that do not fit panic with the values, before any memory is touched.
func TestChecksNameTheValues(t *testing.T) {
	b := tensor.NewReference[float32]()
	x, w, y := b.Alloc(tensor.Float, 4, 3), b.Alloc(tensor.Float, 5, 2), b.Alloc(tensor.Float, 4, 5)
	defer func() {
		const want = "tensor: Linear: x is float[4 3], want float[4 2]"
		if got := recover(); got != want {
			t.Errorf("Linear of the wrong width panics with %v, want %q", got, want)
		}
	}()
	b.Linear(y, tensor.Tensor{}, x, w, tensor.Tensor{}, tensor.Identity)
}

func ExampleBackend() {
	b := tensor.NewReference[float32]()
	x, w, y := b.Alloc(tensor.Float, 2, 3), b.Alloc(tensor.Float, 1, 3), b.Alloc(tensor.Float, 2, 1)
	b.Upload(x, []float32{1, 2, 3, 4, 5, 6})
	b.Upload(w, []float32{1, 0, -1})
	b.Linear(y, tensor.Tensor{}, x, w, tensor.Tensor{}, tensor.Identity)
	out := make([]float32, 2)
	b.Download(out, y)
	fmt.Println(out)
	// Output: [-2 -2]
}
