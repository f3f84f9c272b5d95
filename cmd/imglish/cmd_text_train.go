package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/sentencepiece/train"
)

type trainTextOptions struct {
	out      string
	jsonl    bool
	data     string
	rulesTSV string
	memoryMB int64
	json     bool
}

func newTextTrainCommand() *cobra.Command {
	cfg := train.Defaults()
	o := trainTextOptions{memoryMB: cfg.MemoryBytes >> 20}
	cmd := &cobra.Command{
		Use:   "train --out FILE [FILE…]",
		Short: "Make a SentencePiece model of texts",
		Long: `Trains a Unigram or BPE model on texts, a line each, from the files or from standard input; with --jsonl a line is a
JSON object with "text" or "b64"; with --data the texts are those of a data folder's committed shards, captions
included. The model loads in the original library too.

Memory is bounded by --memory-mb however much text there is: only words are kept, with counts; counts that do not fit go
to a temporary file, and words that do not fit are thinned out by chance. The same texts, settings and seed make the
same model, byte for byte, with any number of threads and in any order of the texts. docs/text-train.md says more, and what
spm_train's flags are called here.`,
		Example: "  imglish text train --out wiki.model --vocab 32000 wiki.txt\n" +
			"  imglish text train --out line.model --data data --vocab 64000 --byte-fallback --memory-mb 4096\n" +
			"  zcat *.jsonl.gz | imglish text train --out bpe.model --type bpe --jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTextTrain(cmd, cfg, o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "the .model to write")
	f.BoolVar(&o.jsonl, "jsonl", false, `lines are JSON objects with "text" or "b64"`)
	f.StringVar(&o.data, "data", "", "data folder whose texts to train on, or its URL")
	f.BoolVar(&o.json, "json", false, "print what was read and made as one JSON line")
	f.StringVar(&cfg.Type, "type", cfg.Type, "unigram or bpe")
	f.IntVar(&cfg.Vocab, "vocab", cfg.Vocab, "pieces, symbols included")
	f.BoolVar(&cfg.HardVocab, "hard-vocab-limit", cfg.HardVocab, "fewer pieces are an error")
	f.Float64Var(&cfg.Coverage, "character-coverage", cfg.Coverage, "share of the characters that are covered")
	f.StringVar(&cfg.RequiredChars, "required-chars", "", "characters that are covered however rare they are")
	f.StringVar(&cfg.Rule, "normalization", cfg.Rule, "rule: "+strings.Join(train.RuleNames, ", "))
	f.StringVar(&o.rulesTSV, "normalization-tsv", "", "file of own rules: code points in hex, tab, code points")
	f.BoolVar(&cfg.DummyPrefix, "add-dummy-prefix", cfg.DummyPrefix, "a space before each text")
	f.BoolVar(&cfg.CollapseSpaces, "remove-extra-whitespaces", cfg.CollapseSpaces, "spaces at the ends and doubled ones go")
	f.IntVar(&cfg.MaxPieceChars, "max-piece-length", cfg.MaxPieceChars, "characters of a piece")
	f.BoolVar(&cfg.SplitByScript, "split-by-unicode-script", cfg.SplitByScript, "no piece mixes scripts")
	f.BoolVar(&cfg.SplitByNumber, "split-by-number", cfg.SplitByNumber, "no piece mixes digits and letters")
	f.BoolVar(&cfg.SplitBySpace, "split-by-whitespace", cfg.SplitBySpace, "no piece reaches over a space")
	f.BoolVar(&cfg.SplitDigits, "split-digits", false, "each digit is a piece")
	f.BoolVar(&cfg.SpaceOnlyPieces, "allow-whitespace-only-pieces", false, "pieces of several spaces")
	f.BoolVar(&cfg.ByteFallback, "byte-fallback", false, "bytes as pieces, for characters that are not covered")
	f.StringSliceVar(&cfg.Control, "control-symbols", nil, "symbols that no text can spell, by commas")
	f.StringSliceVar(&cfg.UserDefined, "user-defined-symbols", nil, "symbols that are always one piece, by commas")
	f.IntVar(&cfg.UnkID, "unk-id", cfg.UnkID, "id of <unk>")
	f.IntVar(&cfg.BosID, "bos-id", cfg.BosID, "id of <s>, -1: none")
	f.IntVar(&cfg.EosID, "eos-id", cfg.EosID, "id of </s>, -1: none")
	f.IntVar(&cfg.PadID, "pad-id", cfg.PadID, "id of <pad>, -1: none")
	f.StringVar(&cfg.UnkPiece, "unk-piece", cfg.UnkPiece, "name of <unk>")
	f.StringVar(&cfg.BosPiece, "bos-piece", cfg.BosPiece, "name of <s>")
	f.StringVar(&cfg.EosPiece, "eos-piece", cfg.EosPiece, "name of </s>")
	f.StringVar(&cfg.PadPiece, "pad-piece", cfg.PadPiece, "name of <pad>")
	f.IntVar(&cfg.Seeds, "seed-pieces", cfg.Seeds, "unigram: candidates to begin with, if the memory is enough")
	f.Float64Var(&cfg.Shrink, "shrinking-factor", cfg.Shrink, "unigram: share of the pieces that a pruning keeps")
	f.IntVar(&cfg.SubIterations, "sub-iterations", cfg.SubIterations, "unigram: rounds of EM between prunings")
	f.IntVar(&cfg.MaxTextBytes, "max-text-bytes", 0, "leave longer texts out, 0: none")
	f.Float64Var(&cfg.Sample, "sample", cfg.Sample, "share of the texts to train on, drawn by --seed")
	f.Uint64Var(&cfg.Seed, "seed", 0, "seed of what is drawn")
	f.Int64Var(&o.memoryMB, "memory-mb", o.memoryMB, "memory to train in, MiB")
	f.IntVar(&cfg.Threads, "threads", 0, "threads (default: all processors); changes nothing in the model")
	f.StringVar(&cfg.Scratch, "scratch", "", "folder for counts that do not fit in memory; default: the system's")
	cmd.MarkFlagRequired("out")
	return cmd
}

func runTextTrain(cmd *cobra.Command, cfg train.Config, o trainTextOptions, files []string) error {
	cfg.MemoryBytes = min(o.memoryMB, 1<<40) << 20 // what does not fit in 64 bits is refused as the rest is
	if cfg.Threads == 0 {
		cfg.Threads = train.Defaults().Threads
	}
	if o.data != "" && (len(files) > 0 || o.jsonl) {
		return usageError{errors.New("--data is instead of files and --jsonl")}
	}
	if o.rulesTSV != "" {
		rules, err := readRules(o.rulesTSV)
		if err != nil {
			return err
		}
		cfg.Rules, cfg.Rule = rules, "user_defined"
	}
	if err := cfg.Validate(); err != nil {
		return usageError{err}
	}
	if err := writable(o.out); err != nil {
		return err
	}
	if cfg.Scratch != "" {
		if err := takesFile(cfg.Scratch, "--scratch "+cfg.Scratch); err != nil {
			return err
		}
	}
	// The collector works harder rather than let garbage take memory; it has little to walk through.
	defer debug.SetGCPercent(debug.SetGCPercent(40))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(cfg.MemoryBytes))
	texts := lineTexts(cmd.Context(), cmd.InOrStdin(), files, o.jsonl)
	if o.data != "" {
		texts = shardTexts(cmd, o.data)
	}
	start := time.Now()
	var p *progress
	label := ""
	r, err := train.Train(cmd.Context(), cfg, texts, func(what string, done, total int64, note string) {
		if what != label {
			if p != nil {
				p.finish()
			}
			p, label = newProgress(cmd.ErrOrStderr(), what), what
		}
		p.update(done, total, note)
	})
	if p != nil {
		p.finish()
	}
	if err != nil {
		return err
	}
	if err := durable.WriteFile(o.out, r.Model); err != nil {
		return err
	}
	return printTrained(cmd.OutOrStdout(), o, r, time.Since(start))
}

func printTrained(w io.Writer, o trainTextOptions, r *train.Result, took time.Duration) error {
	s := r.Stats
	if o.json {
		return printJSON(w, struct {
			Out string `json:"out"`
			train.Stats
			Seconds float64 `json:"seconds"`
		}{o.out, s, took.Seconds()})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d pieces from %d texts of %.1f MB in %.1f s\n", o.out, s.Pieces, s.Texts, float64(s.Bytes)/1e6, took.Seconds())
	fmt.Fprintf(&b, "%d of %d characters covered, %d different words\n", s.Chars, s.CharsSeen, s.Kept)
	for _, x := range []struct {
		n    int64
		what string
	}{
		{s.LeftOut, "texts not drawn"}, {s.TooLong, "texts left out as too long"},
		{s.NotUTF8, "texts left out as they are not UTF-8"}, {s.Empty, "texts empty"},
		{int64(s.Spills), "times counts did not fit in memory and went to a file"},
	} {
		if x.n > 0 {
			fmt.Fprintf(&b, "%d %s\n", x.n, x.what)
		}
	}
	if s.Thinned > 1 {
		fmt.Fprintf(&b, "words that occur less than %d times were thinned out to fit in memory\n", s.Thinned)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writable says before long work whether its result can be written.
func writable(path string) error {
	if path == "" {
		return usageError{errors.New("--out is empty: name a file")}
	}
	if err := durable.Replaceable(path); err != nil {
		return usageError{fmt.Errorf("--out: %w", err)}
	}
	return takesFile(filepath.Dir(path), "--out "+path+": its folder")
}

// takesFile says whether a folder, which errors call what, takes a file.
func takesFile(folder, what string) error {
	f, err := os.CreateTemp(folder, ".imglish-*")
	if err != nil {
		return usageError{fmt.Errorf("%s takes no file: %w", what, errors.Unwrap(err))}
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
