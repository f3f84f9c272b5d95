package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/sentencepiece"
)

func newTextDecodeCommand() *cobra.Command {
	var o textDecodeOptions
	cmd := &cobra.Command{
		Use:   "decode --model FILE [FILE…]",
		Short: "Print the texts that ids stand for",
		Long: `Reads lines of ids from the files or from standard input: JSON as encode prints it, {"ids":[…]} or {"pieces":[…]},
a JSON list, or numbers with blanks between; with --pieces lines of pieces with blanks between, as encode --format pieces
prints them. Prints {"text":…} a line, with --format text the text itself, whose line
breaks are then no longer told from those between texts. What normalising changed does not come back.`,
		Example: "  imglish text encode --model m.model <texts.txt | imglish text decode --model m.model\n" +
			"  echo '35 934 178' | imglish text decode --model m.model --format text",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTextDecode(cmd, o, args)
		},
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.StringVar(&o.format, "format", "json", "output: json or text")
	f.BoolVar(&o.pieces, "pieces", false, "lines are pieces with blanks between")
	f.Lookup("model").Usage = "SentencePiece .model (required)"
	cmd.MarkFlagRequired("model")
	return cmd
}

type textDecodeOptions struct {
	textOptions
	pieces bool
}

func runTextDecode(cmd *cobra.Command, o textDecodeOptions, files []string) error {
	if err := o.check("json", "text"); err != nil {
		return err
	}
	m, err := o.openModel()
	if err != nil {
		return err
	}
	return mapLines(cmd, "decode", files, o.threads, func() lineWorker { return textDecoder{&o, m} })
}

type textDecoder struct {
	o *textDecodeOptions
	m *sentencepiece.Model
}

func (d textDecoder) line(dst []byte, l textLine) ([]byte, textCount, error) {
	var ids []int32
	var pieces []string
	var err error
	if d.o.pieces {
		pieces = strings.Split(string(l.text), " ")
	} else if ids, pieces, err = idsOf(l.text); err != nil {
		return dst, textCount{}, err
	}
	size, decode := d.m.Size(), d.m.Decode
	if d.o.ids == "xlmr" {
		size, decode = d.m.Special().Vocab, d.m.DecodeIDs
	}
	for _, id := range ids {
		if id < 0 || int(id) >= size {
			return dst, textCount{}, fmt.Errorf("id %d is outside of [0, %d)", id, size)
		}
	}
	var text string
	if pieces != nil {
		text = d.m.DecodePieces(pieces)
	} else {
		text = decode(ids)
	}
	n := textCount{len(text), len(ids) + len(pieces)}
	if d.o.format == "text" {
		return append(append(dst, text...), '\n'), n, nil
	}
	dst, err = appendJSON(dst, struct {
		Text string `json:"text"`
	}{text})
	return dst, n, err
}

// idsOf reads a line of ids, or of pieces.
func idsOf(line []byte) (ids []int32, pieces []string, err error) {
	line = bytes.TrimSpace(line)
	switch {
	case bytes.HasPrefix(line, []byte("{")):
		var v struct {
			IDs    []int32  `json:"ids"`
			Pieces []string `json:"pieces"`
		}
		if err := unmarshal(line, &v); err != nil {
			return nil, nil, err
		}
		if v.IDs == nil && v.Pieces == nil {
			return nil, nil, neither(line, "ids", "pieces")
		}
		if v.IDs != nil {
			return v.IDs, nil, nil
		}
		return nil, v.Pieces, nil
	case bytes.HasPrefix(line, []byte("[")):
		err := unmarshal(line, &ids)
		return ids, nil, err
	}
	for _, f := range bytes.Fields(line) {
		id, err := strconv.ParseInt(string(f), 10, 32)
		if err != nil {
			return nil, nil, fmt.Errorf("%q is no id", f)
		}
		ids = append(ids, int32(id))
	}
	return ids, nil, nil
}
