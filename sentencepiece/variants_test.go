package sentencepiece_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/imglish/imglish/sentencepiece"
)

// The models of testdata/variants have the flags that common ones do not: symbols of the user's own, spaces kept or at
// the end of pieces, pieces over several words. make.py made the expected values with the original library.
func TestVariantsEqualOriginal(t *testing.T) {
	models, err := filepath.Glob("testdata/variants/*.model")
	if err != nil || len(models) != 7 {
		t.Fatalf("%d models, want 7; error %v", len(models), err)
	}
	for _, path := range models {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m, err := sentencepiece.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			type result struct {
				B64    []byte
				IDs    []int32
				Pieces []string
				Spans  [][2]int
				Dec    string
			}
			wants := readLines[result](t, strings.TrimSuffix(path, ".model")+".jsonl")
			if len(wants) < 200 {
				t.Fatalf("only %d texts", len(wants))
			}
			for _, want := range wants {
				text := string(want.B64)
				e := m.Encode(text)
				got := result{want.B64, e.IDs, e.Pieces, e.Spans, m.Decode(e.IDs)}
				if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%q (-want +got):\n%s", text, diff)
				}
				if diff := cmp.Diff(want.IDs, m.AppendRaw(nil, text), cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%q, ids alone (-want +got):\n%s", text, diff)
				}
			}
		})
	}
}
