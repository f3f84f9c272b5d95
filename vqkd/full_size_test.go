package vqkd

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/imglish/imglish/vqkd/formula"
)

// The published model's size: 167 tensors of ViT-B/16, 8192 codes of 32. What is checked is that it loads, and that its
// codes are the same whatever shares the batch.
func TestFullSize(t *testing.T) {
	needJPEG(t)
	if testing.Short() {
		t.Skip("makes a 440 MB file")
	}
	path := filepath.Join(t.TempDir(), "base.safetensors")
	if err := formula.WriteBase(path); err != nil {
		t.Fatal(err)
	}
	tok, err := Load(backends(t)["cpu"](), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tok.Grid() != 14 || tok.Side() != 224 || tok.Codes() != 8192 || tok.heads != 12 {
		t.Fatalf("grid %d, side %d, codes %d, heads %d", tok.Grid(), tok.Side(), tok.Codes(), tok.heads)
	}
	im := decode(t, "../pixels/testdata/v-224.jpg")
	if im.W != 224 || im.H != 224 {
		t.Fatalf("%d×%d", im.W, im.H)
	}
	two := append(append([]uint8{}, im.Pix...), make([]uint8, len(im.Pix))...)
	together, err := tok.Encode(context.Background(), two, 2)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := tok.Encode(context.Background(), im.Pix, 1)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint16]bool{}
	for i, c := range alone {
		if together[i] != c {
			t.Fatalf("code %d = %d in a batch of two, %d alone", i, together[i], c)
		}
		seen[c] = true
	}
	if len(seen) < 5 {
		t.Errorf("a photo has %d different codes", len(seen))
	}
}
