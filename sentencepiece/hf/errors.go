package hf

import "github.com/imglish/imglish/sentencepiece"

// ErrNotBuilt says that this binary was built without the Rust tokenizers library.
var ErrNotBuilt error = notBuilt{}

type notBuilt struct{}

func (notBuilt) Error() string {
	return "tokenizer.json files need the Rust tokenizers library, and this binary was built without it"
}

// Hint says what to do about it.
func (notBuilt) Hint() string {
	return "install Rust 1.78 or newer and a C++ compiler, run `make build` again; or use a SentencePiece .model file"
}

var _ sentencepiece.Batcher = (*Tokenizer)(nil)
