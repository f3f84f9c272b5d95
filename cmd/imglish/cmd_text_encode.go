package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/sentencepiece"
)

type textEncodeOptions struct {
	textOptions
	jsonl             bool
	nbest             int
	sample            bool
	alpha             float32
	seed              uint64
	bos, eos, reverse bool
}

func newTextEncodeCommand() *cobra.Command {
	var o textEncodeOptions
	cmd := &cobra.Command{
		Use:   "encode --model FILE [FILE…]",
		Short: "Print the pieces of texts, a line each",
		Long: `Reads texts, a line each, from the files or from standard input. With --jsonl a line is a JSON object with
"text", or with "b64": base64 of any bytes, also such as are not UTF-8; an empty line is an empty text.

--format json prints {"ids":[…], "pieces":[…], "spans":[[from,to],…]} a text, spans in bytes of the text;
--format ids and --format pieces print them with blanks between, as spm_encode does.

--ids xlmr numbers pieces as the published BEiT-3 models do: <s> 0, <pad> 1, </s> 2, <unk> 3, piece i at i+1. Texts
stand between <s> and </s>, which have no pieces and spans.

--nbest N prints the N best segmentations: {"nbest":[{"score":…, "ids":…}, …]}, or with the other formats a line each
behind its score and a tab. --sample draws one at random instead (subword regularisation): from all with a probability
that grows with exp(alpha·score), with --nbest N from the N best; a BPE model leaves out merges with probability alpha.
The same seed gives the same output.`,
		Example: "  echo 'a red circle' | imglish text encode --model sentencepiece/demo/demo.model\n" +
			"  imglish text encode --model beit3.spm --ids xlmr --jsonl captions.jsonl >ids.jsonl\n" +
			"  imglish text encode --model m.model --format ids --eos corpus.txt | wc -w\n" +
			"  imglish text encode --model m.model --sample --alpha 0.2 --seed 7 texts.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTextEncode(cmd, o, args)
		},
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.StringVar(&o.format, "format", "json", "output: json, ids or pieces")
	f.BoolVar(&o.jsonl, "jsonl", false, `lines are JSON objects with "text" or "b64"`)
	f.IntVar(&o.nbest, "nbest", 0, fmt.Sprintf("print the N best segmentations, up to %d (Unigram)", sentencepiece.MaxNBest))
	f.BoolVar(&o.sample, "sample", false, "draw a segmentation at random (Unigram, BPE)")
	f.Float32Var(&o.alpha, "alpha", 0.1, "how --sample draws: sharpness (Unigram), dropout (BPE)")
	f.Uint64Var(&o.seed, "seed", 1, "seed of --sample")
	f.BoolVar(&o.bos, "bos", false, "put the model's <s> in front (--ids raw)")
	f.BoolVar(&o.eos, "eos", false, "put the model's </s> behind (--ids raw)")
	f.BoolVar(&o.reverse, "reverse", false, "last piece first")
	cmd.MarkFlagRequired("model")
	return cmd
}

func (o *textEncodeOptions) check() error {
	if err := o.textOptions.check("json", "ids", "pieces"); err != nil {
		return err
	}
	switch {
	case o.nbest < 0 || o.nbest > sentencepiece.MaxNBest:
		return usageError{fmt.Errorf("--nbest is %d, must be from 0 to %d", o.nbest, sentencepiece.MaxNBest)}
	case !(o.alpha >= 0 && o.alpha < 1e9):
		return usageError{fmt.Errorf("--alpha is %v, must be 0 or more", o.alpha)}
	case o.ids == "xlmr" && (o.bos || o.eos):
		return usageError{errors.New("--ids xlmr has <s> and </s> already: leave out --bos and --eos")}
	}
	return nil
}

func runTextEncode(cmd *cobra.Command, o textEncodeOptions, files []string) error {
	if err := o.check(); err != nil {
		return err
	}
	if f := cmd.Flags(); !o.sample && (f.Changed("alpha") || f.Changed("seed")) {
		return usageError{errors.New("--alpha and --seed are for --sample, without which nothing is drawn")}
	}
	t, m, err := o.open()
	if err != nil {
		return err
	}
	w := textEncoder{o: &o, t: t, m: m, bos: -1, eos: -1}
	if err := w.prepare(); err != nil {
		return err
	}
	return mapLines(cmd, "encode", files, o.threads, func() lineWorker {
		own := w
		return &own
	})
}
