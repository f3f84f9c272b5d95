package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/sentencepiece/hf"
)

func newTextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "text",
		Short: "Turn text into ids and back, and look into a tokenizer",
	}
	cmd.AddCommand(newTextEncodeCommand(), newTextDecodeCommand(), newTextInspectCommand(), newTextTrainCommand())
	return cmd
}

// textOptions are what the commands that read lines have in common.
type textOptions struct {
	model   string
	ids     string
	format  string
	threads int
}

func (o *textOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.model, "model", "", "SentencePiece .model or tokenizer.json (required)")
	f.StringVar(&o.ids, "ids", "raw", "numbering: raw, as the file has it, or xlmr, as BEiT-3 has it")
	f.IntVar(&o.threads, "threads", 0, "threads (default: all processors); changes no output")
}

func (o *textOptions) check(formats ...string) error {
	if o.ids != "raw" && o.ids != "xlmr" {
		return usageError{fmt.Errorf("--ids is %q, must be raw or xlmr", o.ids)}
	}
	if o.threads < 0 || o.threads > maxThreads {
		return usageError{fmt.Errorf("--threads is %d, must be 0 (all processors) to %d", o.threads, maxThreads)}
	}
	return oneOf("--format", o.format, formats...)
}

// oneOf refuses a flag's value that is none of those that it can have.
func oneOf(flag, value string, values ...string) error {
	for _, v := range values {
		if v == value {
			return nil
		}
	}
	return usageError{fmt.Errorf("%s is %q, must be one of %v", flag, value, values)}
}

// encoder is what both kinds of tokenizer have.
type encoder interface {
	sentencepiece.Tokenizer
	Encode(text string) sentencepiece.Encoding
}

// open loads the tokenizer. m is nil for a tokenizer.json.
func (o *textOptions) open() (t encoder, m *sentencepiece.Model, err error) {
	opened, err := hf.Open(o.model)
	if err != nil {
		return nil, nil, err
	}
	t = opened.(encoder)
	m, isModel := t.(*sentencepiece.Model)
	if o.ids == "xlmr" && !isModel {
		return nil, nil, usageError{errors.New("--ids xlmr is for a SentencePiece .model; a tokenizer.json numbers its pieces itself")}
	}
	return t, m, nil
}

// openModel is open for what a tokenizer.json cannot do.
func (o *textOptions) openModel() (*sentencepiece.Model, error) {
	_, m, err := o.open()
	if err == nil && m == nil {
		err = usageError{fmt.Errorf("%s is a tokenizer.json, and this needs a SentencePiece .model", o.model)}
	}
	return m, err
}
