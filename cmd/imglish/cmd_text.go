package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/sentencepiece/hf"
)

// maxLine bounds a line of input, bytes.
const maxLine = 64 << 20

func newTextCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "text",
		Short: "Turn text into ids and back",
	}
	cmd.AddCommand(newTextEncodeCommand(), newTextDecodeCommand(), newTextTrainCommand())
	return cmd
}

type textOptions struct {
	model string
	ids   string
	jsonl bool
}

func newTextEncodeCommand() *cobra.Command {
	var o textOptions
	cmd := &cobra.Command{
		Use:   "encode --model FILE [FILE…]",
		Short: "Print the pieces of texts, a line each",
		Long: `Reads texts, a line each, from the files or from standard input, and prints one JSON line for each:
{"ids":[…], "pieces":[…], "spans":[[from,to],…]}, spans in bytes of the text. With --jsonl a line is a JSON object
with "text", or with "b64": base64 of any bytes, also such as are not UTF-8.

The model is a SentencePiece .model or a tokenizer.json. --ids raw numbers pieces as the model's file does; --ids xlmr
as the published BEiT-3 models do (<s> 0, <pad> 1, </s> 2, <unk> 3, piece i at i+1), between <s> and </s>, which have
no pieces and spans.`,
		Example: "  echo 'a red circle' | imglish text encode --model sentencepiece/demo/demo.model\n" +
			"  imglish text encode --model beit3.spm --ids xlmr --jsonl captions.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTextEncode(cmd, o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "SentencePiece .model or tokenizer.json")
	f.StringVar(&o.ids, "ids", "raw", "numbering: raw or xlmr")
	f.BoolVar(&o.jsonl, "jsonl", false, `lines are JSON objects with "text" or "b64"`)
	cmd.MarkFlagRequired("model")
	return cmd
}

// encoder is what both kinds of tokenizer have.
type encoder interface {
	sentencepiece.Tokenizer
	Encode(text string) sentencepiece.Encoding
}

func runTextEncode(cmd *cobra.Command, o textOptions, files []string) error {
	if o.ids != "raw" && o.ids != "xlmr" {
		return usageError{fmt.Errorf("--ids is %q, must be raw or xlmr", o.ids)}
	}
	opened, err := hf.Open(o.model)
	if err != nil {
		return err
	}
	t := opened.(encoder)
	m, isModel := t.(*sentencepiece.Model)
	if o.ids == "xlmr" && !isModel {
		return usageError{errors.New("--ids xlmr is for a SentencePiece .model; a tokenizer.json numbers its pieces itself")}
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	err = eachLine(cmd, files, func(line []byte) error {
		text, err := textOf(line, o.jsonl)
		if err != nil {
			return err
		}
		e := t.Encode(text)
		ids := append([]int32{}, e.IDs...)
		if o.ids == "xlmr" {
			s := m.Special()
			ids = append(m.AppendIDs([]int32{s.BOS}, text), s.EOS)
		}
		return printJSON(out, struct {
			IDs    []int32  `json:"ids"`
			Pieces []string `json:"pieces"`
			Spans  [][2]int `json:"spans"`
		}{ids, append([]string{}, e.Pieces...), append([][2]int{}, e.Spans...)})
	})
	return errors.Join(err, out.Flush())
}

// textOf is the text that a line holds.
func textOf(line []byte, asJSON bool) (string, error) {
	if !asJSON {
		return string(line), nil
	}
	var v struct {
		Text *string
		B64  []byte
	}
	if err := json.Unmarshal(line, &v); err != nil {
		return "", err
	}
	if v.Text != nil && v.B64 == nil {
		return *v.Text, nil
	}
	if v.B64 == nil {
		return "", errors.New(`neither "text" nor "b64" in it`)
	}
	return string(v.B64), nil
}

// eachLine calls f for each line of the files, or of standard input if there are none, without its line break.
func eachLine(cmd *cobra.Command, files []string, f func([]byte) error) error {
	read := func(name string, r io.Reader) error {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, maxLine)
		lines.Split(wholeLines)
		for n := 1; lines.Scan(); n++ {
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := f(lines.Bytes()); err != nil {
				return fmt.Errorf("%s, line %d: %w", name, n, err)
			}
		}
		if err := lines.Err(); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		return nil
	}
	if len(files) == 0 {
		return read("standard input", cmd.InOrStdin())
	}
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		err = read(name, file)
		file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// wholeLines is bufio.ScanLines that leaves a carriage return where it is: it is a byte of the text.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func newTextDecodeCommand() *cobra.Command {
	var o textOptions
	cmd := &cobra.Command{
		Use:   "decode --model FILE [FILE…]",
		Short: "Print the texts that ids stand for",
		Long: `Reads JSON lines with "ids", as encode prints them, from the files or from standard input, and prints
{"text":…} for each. What normalising changed does not come back.`,
		Example: "  imglish text encode --model m.model <texts.txt | imglish text decode --model m.model",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runTextDecode(cmd, o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "", "SentencePiece .model")
	f.StringVar(&o.ids, "ids", "raw", "numbering: raw or xlmr")
	cmd.MarkFlagRequired("model")
	return cmd
}

func runTextDecode(cmd *cobra.Command, o textOptions, files []string) error {
	if o.ids != "raw" && o.ids != "xlmr" {
		return usageError{fmt.Errorf("--ids is %q, must be raw or xlmr", o.ids)}
	}
	m, err := sentencepiece.Load(o.model)
	if err != nil {
		return err
	}
	decode := m.Decode
	if o.ids == "xlmr" {
		decode = m.DecodeIDs
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	err = eachLine(cmd, files, func(line []byte) error {
		var v struct{ IDs []int32 }
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		return printJSON(out, struct {
			Text string `json:"text"`
		}{decode(v.IDs)})
	})
	return errors.Join(err, out.Flush())
}
