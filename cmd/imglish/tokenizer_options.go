package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/imglish/imglish/vqkd"
)

// tokenizerOptions are the flags of commands that compute codes.
type tokenizerOptions struct {
	tokenizer string
	threads   int
	vqkd.Options
}

// flags adds them. what is encoded: "pictures", "views".
func (o *tokenizerOptions) flags(f *pflag.FlagSet, what string) {
	f.StringVar(&o.tokenizer, "tokenizer", "", "weights of the tokenizer: safetensors or .pth")
	o.shapeFlags(f)
	f.IntVar(&o.Batch, "batch", o.Batch, what+" encoded at once; changes no code")
	f.IntVar(&o.threads, "threads", 0, "threads (default: all processors); changes no code")
}

// shapeFlags adds those that the weights do not show and that decide on the codes.
func (o *tokenizerOptions) shapeFlags(f *pflag.FlagSet) {
	f.IntVar(&o.Heads, "heads", 0, "attention heads (default: from FILE.json, else width/64)")
	f.IntVar(&o.Side, "side", 0, "side of the views in pixels (default: from FILE.json, else the weights' own)")
	f.TextVar(&o.Precision, "precision", o.Precision, "exact (float32) or fast, which changes fewer codes than float16 does")
}

// use loads the tokenizer on a backend of its own, says on w what it is, and closes both behind do.
func (o *tokenizerOptions) use(w io.Writer, do func(*vqkd.Tokenizer) error) error {
	b, err := openBackend(o.threads)
	if err != nil {
		return err
	}
	defer b.Close()
	t, err := vqkd.Load(b, o.tokenizer, o.Options)
	if err != nil {
		return err
	}
	defer t.Close()
	fmt.Fprintf(w, "tokenizer %s on %s\n", tokenizerLine(o.tokenizer, t.Info()), b.Name())
	return do(t)
}

// tokenizerLine describes a tokenizer that was loaded from a file, so that the hash in the file's name, if any, fits.
func tokenizerLine(path string, i vqkd.Info) string {
	line := filepath.Base(path)
	if hash := vqkd.NameHash(path); hash != "" {
		line += fmt.Sprintf(", SHA-256 begins with %s as its name says", hash)
	}
	return fmt.Sprintf("%s: %d pixels, grid %d×%d, %d codes, %s, fingerprint %.16s", line, i.Side, i.Grid, i.Grid, i.Codes, i.Precision, i.Fingerprint)
}
