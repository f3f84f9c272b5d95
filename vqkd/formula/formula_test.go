package formula_test

import (
	"strings"
	"testing"

	"github.com/imglish/imglish/tensor/checkpoint"
	"github.com/imglish/imglish/vqkd/formula"
)

// The formula gives the tiny model's file, which another program wrote, so it can be trusted for other sizes.
func TestFormulaGivesTheTinyModel(t *testing.T) {
	f, err := checkpoint.Open("../testdata/vqkd_tiny.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, name := range f.Names() {
		if strings.HasSuffix(name, "embed_avg") {
			continue // not needed for codes
		}
		want, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		got := formula.Tensor(name, f.Shape(name), 1)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s[%d] = %v, want %v", name, i, got[i], want[i])
				break
			}
		}
	}
}
