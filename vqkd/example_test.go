package vqkd_test

import (
	"context"
	"fmt"
	"log"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
)

func Example() {
	t, err := vqkd.Load(tensor.NewReference[float32](), "testdata/vqkd_tiny.pth", vqkd.Options{Heads: 3})
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close()
	grey := make([]uint8, t.Side()*t.Side()*3)
	for i := range grey {
		grey[i] = 128
	}
	codes, err := t.Encode(context.Background(), grey, 1)
	fmt.Println(t.Side(), t.Grid(), t.Codes(), len(codes), err)
	// Output: 64 4 64 16 <nil>
}
