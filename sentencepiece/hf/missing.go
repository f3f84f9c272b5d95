//go:build !tokenizers

package hf

import "github.com/imglish/imglish/sentencepiece"

// Tokenizer cannot be made in this build.
type Tokenizer struct{}

// Load returns ErrNotBuilt.
func Load(string) (*Tokenizer, error) { return nil, ErrNotBuilt }

// AppendIDs is never reached.
func (*Tokenizer) AppendIDs(dst []int32, _ string) []int32 { panic(ErrNotBuilt) }

// BatchIDs is never reached.
func (*Tokenizer) BatchIDs([]string, int) [][]int32 { panic(ErrNotBuilt) }

// Check is never reached.
func (*Tokenizer) Check(string) error { panic(ErrNotBuilt) }

// Encode is never reached.
func (*Tokenizer) Encode(string) sentencepiece.Encoding { panic(ErrNotBuilt) }

// Special is never reached.
func (*Tokenizer) Special() sentencepiece.Special { panic(ErrNotBuilt) }

// Fingerprint is never reached.
func (*Tokenizer) Fingerprint() string { panic(ErrNotBuilt) }

// Close does nothing.
func (*Tokenizer) Close() error { return nil }
