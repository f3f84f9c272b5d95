package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/sentencepiece"
)

func newTextInspectCommand() *cobra.Command {
	var asJSON, pieces bool
	cmd := &cobra.Command{
		Use:   "inspect FILE…",
		Short: "Print what a tokenizer is made of",
		Long: `Prints of each SentencePiece .model its type and size, special pieces, normaliser and flags, byte fallback, the
trainer's settings, the ids of the layout that BEiT-3 uses, and the fingerprint that token shards carry. Of a
tokenizer.json it prints the ids and the fingerprint. With --pieces it prints the pieces instead, a line each in the order
of their ids: the piece, a tab, its score, as in the .vocab files that spm_train writes.`,
		Example: "  imglish text inspect sentencepiece/demo/demo.model\n" +
			"  imglish text inspect --json *.model | jq .type\n" +
			"  imglish text inspect --pieces m.model >m.vocab",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if pieces && (asJSON || len(args) > 1) {
				return usageError{errors.New("--pieces is for one file, without --json")}
			}
			if pieces {
				return printPieces(cmd.OutOrStdout(), args[0])
			}
			for i, path := range args {
				if err := inspectText(cmd.OutOrStdout(), path, asJSON, i > 0); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON line a file")
	cmd.Flags().BoolVar(&pieces, "pieces", false, "print the pieces with their scores, a line each")
	return cmd
}

// printPieces prints the vocabulary as the original's spm_export_vocab does.
func printPieces(w io.Writer, path string) error {
	o := textOptions{model: path}
	m, err := o.openModel()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	for id := range int32(m.Size()) {
		fmt.Fprintf(out, "%s\t%.6g\n", m.Piece(id), m.Score(id))
	}
	return out.Flush()
}

func inspectText(w io.Writer, path string, asJSON, another bool) error {
	o := textOptions{model: path}
	t, m, err := o.open()
	if err != nil {
		return err
	}
	if m == nil {
		s := t.Special()
		if asJSON {
			return printJSON(w, struct {
				File        string                `json:"file"`
				Type        string                `json:"type"`
				Special     sentencepiece.Special `json:"ids"`
				Fingerprint string                `json:"fingerprint"`
			}{path, "tokenizer.json", s, t.Fingerprint()})
		}
		return printTable(w, another, [][2]string{{"file", path}, {"type", "tokenizer.json"}, {"ids", specialLine(s)}, {"fingerprint", t.Fingerprint()}})
	}
	info := m.Info()
	if asJSON {
		return printJSON(w, struct {
			File string `json:"file"`
			Type string `json:"type"` // by its name
			sentencepiece.Info
		}{path, info.Type.String(), info})
	}
	return printTable(w, another, [][2]string{
		{"file", path},
		{"type", fmt.Sprintf("%v, %d pieces", info.Type, info.Size)},
		{"pieces", kindsLine(info.Kinds)},
		{"special", rolesLine(m, &info)},
		{"longest", fmt.Sprintf("%q, %d characters", info.Longest, len([]rune(info.Longest)))},
		{"bytes", bytesLine(&info)},
		{"normaliser", normalizerLine(info.Normalizer)},
		{"denormaliser", denormalizerLine(info.Denormal)},
		{"unknown shows", fmt.Sprintf("%q", info.UnkSurface)},
		{"trained", trainerLine(&info.Trainer)},
		{"xlmr ids", specialLine(info.XLMR)},
		{"fingerprint", info.Fingerprint},
	})
}

func printTable(w io.Writer, another bool, rows [][2]string) error {
	if another {
		fmt.Fprintln(w)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%s\n", r[0], r[1])
	}
	return t.Flush()
}

func kindsLine(k sentencepiece.KindCounts) string {
	parts := []string{fmt.Sprintf("%d normal", k.Normal)}
	for _, p := range []struct {
		n    int
		name string
	}{{k.Unknown, "unknown"}, {k.Control, "control"}, {k.UserDefined, "user-defined"}, {k.Unused, "unused"}, {k.Byte, "bytes"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.name))
		}
	}
	return strings.Join(parts, ", ")
}

func rolesLine(m *sentencepiece.Model, info *sentencepiece.Info) string {
	var parts []string
	for _, r := range []struct {
		name string
		id   int32
	}{{"unknown", info.Unk}, {"begin", info.BOS}, {"end", info.EOS}, {"padding", info.Pad}} {
		if r.id >= 0 {
			parts = append(parts, fmt.Sprintf("%s %s %d", r.name, m.Piece(r.id), r.id))
		} else {
			parts = append(parts, "no "+r.name)
		}
	}
	return strings.Join(parts, ", ")
}

func bytesLine(info *sentencepiece.Info) string {
	if !info.Trainer.ByteFallback {
		return "no fallback: what has no piece is unknown"
	}
	return fmt.Sprintf("fallback, %d of 256 byte pieces: nothing is unknown", info.Kinds.Byte)
}

func normalizerLine(n sentencepiece.NormalizerInfo) string {
	name := n.Name
	if name == "" {
		name = "unnamed"
	}
	parts := []string{name}
	if n.Rules > 0 {
		parts = append(parts, fmt.Sprintf("%d kB of rules", (n.Rules+999)/1000))
	} else {
		parts = append(parts, "no rules")
	}
	for _, f := range []struct {
		on      bool
		yes, no string
	}{
		{n.AddDummyPrefix, "dummy prefix", "no dummy prefix"},
		{n.RemoveExtraWhitespaces, "extra spaces removed", "spaces kept"},
		{n.EscapeWhitespaces, "spaces escaped", "spaces not escaped"},
		{n.WhitespaceAsSuffix, "spaces as suffix", "spaces as prefix"},
	} {
		if f.on {
			parts = append(parts, f.yes)
		} else {
			parts = append(parts, f.no)
		}
	}
	return strings.Join(parts, ", ")
}

func denormalizerLine(n sentencepiece.NormalizerInfo) string {
	if n.Rules == 0 {
		return "none"
	}
	return normalizerLine(n)
}

func trainerLine(t *sentencepiece.TrainerInfo) string {
	parts := []string{fmt.Sprintf("for %d pieces of at most %d characters, coverage %v", t.VocabSize, t.MaxPieceLength, t.CharacterCoverage)}
	if t.InputSentences > 0 {
		parts = append(parts, fmt.Sprintf("at most %d sentences", t.InputSentences))
	}
	if len(t.Inputs) > 0 {
		parts = append(parts, "from "+strings.Join(t.Inputs, " "))
	}
	return strings.Join(parts, ", ")
}

func specialLine(s sentencepiece.Special) string {
	return fmt.Sprintf("<s> %d, <pad> %d, </s> %d, <unk> %d, <mask> %d, all in [0, %d)", s.BOS, s.Pad, s.EOS, s.Unk, s.Mask, s.Vocab)
}
