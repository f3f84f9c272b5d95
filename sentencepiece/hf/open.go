package hf

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/imglish/imglish/sentencepiece"
)

// Open loads a tokenizer file of either kind, told by its content: a tokenizer.json starts with a brace, a SentencePiece
// .model with the byte 10.
func Open(path string) (sentencepiece.Tokenizer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer file: %w", err)
	}
	defer f.Close()
	var head [64]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("read tokenizer file %s: %w", path, err)
	}
	// A nil pointer in the interface would not be nil, so each kind is returned by itself.
	if bytes.HasPrefix(bytes.TrimLeft(head[:n], " \t\r"), []byte("{")) {
		t, err := Load(path)
		if err != nil {
			return nil, err
		}
		return t, nil
	}
	m, err := sentencepiece.Load(path)
	if err != nil {
		return nil, err
	}
	return m, nil
}
