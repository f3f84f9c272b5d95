package checkpoint_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/imglish/imglish/tensor/checkpoint"
)

func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "weights.safetensors")
	err = checkpoint.WriteSafetensors(path, []checkpoint.Named{
		{Name: "head.weight", Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}},
	}, map[string]string{"step": "10"})
	if err != nil {
		log.Fatal(err)
	}
	f, err := checkpoint.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	w, err := f.Float32("head.weight")
	fmt.Println(f.Names(), f.Shape("head.weight"), w, err, f.Metadata()["step"])
	// Output: [head.weight] [2 2] [1 2 3 4] <nil> 10
}
