// Package hf serves the tokenizer.json files of Hugging Face behind the interface sentencepiece.Tokenizer.
//
// In goes a tokenizer.json (Load) and text; out come ids as that file numbers them, pieces and spans. It is a binding to
// the Rust library through github.com/daulet/tokenizers and needs that library at build time: the build tag tokenizers
// turns it on, and `make build` sets the tag where it could build the library. Without the tag Load returns
// ErrNotBuilt.
//
// Text is never cut or padded, whatever the file asks for, and the name of a special token inside a text, such as
// "</s>", is plain text. A NUL byte, which the binding cannot pass, and each byte that is not UTF-8 count as U+FFFD.
// What the library cannot encode gives no ids, since it reports no error: Check tells such a text from one that is
// empty. There is one call a text, also in BatchIDs; for speed use a .model file and package sentencepiece.
//
// A Tokenizer may be used from several goroutines at once. Close frees the memory that the Rust side holds.
package hf
