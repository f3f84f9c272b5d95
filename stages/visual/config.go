package visual

import (
	"errors"

	"github.com/imglish/imglish/vqkd"
)

// Config names the tokenizer of a line.
type Config struct {
	Tokenizer    string `yaml:"tokenizer"` // weights: safetensors, or a published .pth; FILE.json beside it, if there is one
	Threads      int    `yaml:"threads"`   // of the CPU backend, 0: all processors
	vqkd.Options `yaml:",inline"`
}

// Defaults names no tokenizer: which one it is decides what the shards mean, so nobody should get one unawares.
func Defaults() Config { return Config{Options: vqkd.Defaults()} }

// Validate says which setting is out of range.
func (c Config) Validate() error {
	if c.Tokenizer == "" {
		return errors.New("visual: tokenizer is empty, want the path of a VQ-KD file")
	}
	if c.Threads < 0 || c.Threads > 1024 {
		return errors.New("visual: threads must be 0 (all processors) to 1024")
	}
	return c.Options.Validate()
}
