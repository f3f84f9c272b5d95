package demo

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/imglish/imglish/durable"
	spmdemo "github.com/imglish/imglish/sentencepiece/demo"
	vqkddemo "github.com/imglish/imglish/vqkd/demo"
)

// The tokenizers that ship with imglish, as files in the demo's folder.
const (
	visualModel = "demo-vqkd.safetensors"
	textModel   = "demo.model"
)

// writeModels writes the tokenizers that the binary carries, unless they are there.
func writeModels(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the demo's tokenizers: %w", err)
	}
	for name, data := range map[string][]byte{
		visualModel:           vqkddemo.Weights,
		visualModel + ".json": vqkddemo.Config,
		textModel:             spmdemo.File(),
	} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := durable.WriteFile(path, data); err != nil {
			return err
		}
	}
	return nil
}
