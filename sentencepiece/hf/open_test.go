package hf_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/sentencepiece/hf"
)

func TestOpenTellsKindsApart(t *testing.T) {
	m, err := hf.Open("../demo/demo.model")
	if _, ok := m.(*sentencepiece.Model); err != nil || !ok {
		t.Errorf("a .model opens as %T, error %v", m, err)
	}
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	if err := os.WriteFile(path, []byte(` {"model":{"type":"WordLevel","unk_token":"a","vocab":{"a":0}}}`), 0o666); err != nil {
		t.Fatal(err)
	}
	// With the Rust library it loads; without, the error says what is missing. It is never taken for a .model.
	if j, err := hf.Open(path); err == nil && j.Special().Vocab < 1 || err != nil && !errors.Is(err, hf.ErrNotBuilt) {
		t.Errorf("a tokenizer.json opens as %T, error %v", j, err)
	}
	for _, bad := range []string{"open.go", "missing.model"} {
		if m, err := hf.Open(bad); err == nil || m != nil {
			t.Errorf("%s opens as %T, error %v", bad, m, err)
		}
	}
}
