//go:build !tokenizers

package hf_test

import (
	"errors"
	"testing"

	"github.com/imglish/imglish/sentencepiece/hf"
)

func TestLoadSaysWhatIsMissing(t *testing.T) {
	_, err := hf.Load("tokenizer.json")
	var h interface{ Hint() string }
	if !errors.Is(err, hf.ErrNotBuilt) || !errors.As(err, &h) || h.Hint() == "" {
		t.Errorf("error %v, want ErrNotBuilt with a hint", err)
	}
}
