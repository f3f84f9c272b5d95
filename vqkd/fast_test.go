package vqkd

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/tensor"
)

// Tier fast changes fewer codes than float16 operands do: those change 0.17 % at the published size. So small a sample
// may have one more.
func TestFastTier(t *testing.T) {
	inputs, _ := filepath.Glob("../pixels/testdata/v-*.jpg")
	for _, weights := range []struct {
		path  string
		heads int
	}{{tiny, 3}, {"demo/demo-vqkd.safetensors", 0}} {
		exact, fast := open(t, weights.path, Options{Heads: weights.heads}), open(t, weights.path, Options{Heads: weights.heads, Precision: tensor.Fast})
		differ, total := 0, 0
		for _, path := range inputs {
			view := pixels.ReferenceView(decode(t, path), exact.Side())
			want, err := exact.Encode(context.Background(), view.Pix, 1)
			if err != nil {
				t.Fatal(err)
			}
			got, err := fast.Encode(context.Background(), view.Pix, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if total++; got[i] != want[i] {
					differ++
				}
			}
		}
		t.Logf("%s: %d of %d codes differ", weights.path, differ, total)
		if differ > 1+total/500 {
			t.Errorf("%s: %d of %d codes differ", weights.path, differ, total)
		}
	}
}

// open loads a tokenizer on the processor's best kernels.
func open(t testing.TB, path string, o Options) *Tokenizer {
	t.Helper()
	b, err := cpu.New(0)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := Load(b, path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(tok.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	return tok
}
