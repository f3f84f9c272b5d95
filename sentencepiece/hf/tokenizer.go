//go:build tokenizers

package hf

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"

	"github.com/daulet/tokenizers"

	"github.com/imglish/imglish/sentencepiece"
)

// maxFileBytes bounds a tokenizer.json. The largest published ones have about 35 MB.
const maxFileBytes = 128 << 20

// Tokenizer is a tokenizer.json, ready to encode.
type Tokenizer struct {
	t           *tokenizers.Tokenizer
	special     sentencepiece.Special
	fingerprint string
	probe       string // a text that has ids
}

// Load reads a tokenizer.json of at most 128 MiB.
func Load(path string) (*Tokenizer, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("tokenizer file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read tokenizer file %s: %w", path, err)
	}
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("tokenizer file %s is larger than %d MiB", path, maxFileBytes>>20)
	}
	clean, special, err := readFile(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t, err := tokenizers.FromBytes(clean, tokenizers.WithEncodeSpecialTokens())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	loaded := &Tokenizer{t: t, special: special, fingerprint: hex.EncodeToString(sum[:])}
	loaded.probe = loaded.findProbe(data)
	return loaded, nil
}

// AppendIDs appends the ids of a text, without special tokens.
func (t *Tokenizer) AppendIDs(dst []int32, text string) []int32 {
	text, _ = passable(text)
	for _, id := range t.t.EncodeWithOptions(text, false).IDs {
		dst = append(dst, int32(id))
	}
	return dst
}

// Encode cuts a text into pieces, named as in the file.
func (t *Tokenizer) Encode(text string) sentencepiece.Encoding {
	text, from := passable(text)
	got := t.t.EncodeWithOptions(text, false, tokenizers.WithReturnTokens(), tokenizers.WithReturnOffsets())
	e := sentencepiece.Encoding{Pieces: got.Tokens}
	for _, id := range got.IDs {
		e.IDs = append(e.IDs, int32(id))
	}
	for _, o := range got.Offsets {
		s := [2]int{int(o[0]), int(o[1])}
		if from != nil {
			s = [2]int{from[s[0]], from[s[1]]}
		}
		e.Spans = append(e.Spans, s)
	}
	return e
}

// Special tells the special ids: those of the file, by their usual names, and new ones behind the vocabulary for what
// it has not.
func (t *Tokenizer) Special() sentencepiece.Special { return t.special }

// Fingerprint is the hex SHA-256 of the file.
func (t *Tokenizer) Fingerprint() string { return t.fingerprint }

// Close frees the tokenizer. It must not be used afterwards.
func (t *Tokenizer) Close() error { return t.t.Close() }
