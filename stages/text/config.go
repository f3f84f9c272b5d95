package text

import "errors"

// Config names the tokenizer of a line.
type Config struct {
	Tokenizer string `yaml:"tokenizer"`  // a SentencePiece .model or a tokenizer.json
	MaxPieces int    `yaml:"max_pieces"` // of a part, bos and eos not counted
}

// Defaults names no tokenizer: which one it is decides what the shards mean, so nobody should get one unawares.
func Defaults() Config {
	return Config{MaxPieces: 510} // with bos and eos the 512 that the published text models are trained on
}

// Validate says which setting is out of range.
func (c Config) Validate() error {
	if c.Tokenizer == "" {
		return errors.New("text: tokenizer is empty, want the path of a SentencePiece .model or a tokenizer.json")
	}
	// One character can be 18 pieces (U+FDFA), and a part must have room for one.
	if c.MaxPieces < 32 || c.MaxPieces > 1<<20 {
		return errors.New("text: max_pieces must be 32 to 1048576")
	}
	return nil
}
