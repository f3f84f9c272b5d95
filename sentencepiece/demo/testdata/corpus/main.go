// Command corpus prints the text that the demo's tokenizer is trained on: captions and articles of generated scenes,
// and the paragraphs of a Wikipedia dump.
//
//	go run ./sentencepiece/demo/testdata/corpus DUMP.xml.bz2 >corpus.txt
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/scenes"
	"github.com/imglish/imglish/stages/source/wikipedia"
)

const (
	seed     = 20_000 // not one that the demo draws from
	captions = 30_000
	articles = 4_000
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	err := print(out, os.Args[1:])
	if err := errors.Join(err, out.Flush()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func print(out io.Writer, dumps []string) error {
	for i := range captions {
		fmt.Fprintln(out, scenes.New(seed, i).Caption())
	}
	for i := range articles {
		paragraphs(out, wikipedia.Text(scenes.NewArticle(seed, i).Text))
	}
	cfg := wikipedia.Defaults()
	cfg.Dumps = dumps
	src, err := wikipedia.New(cfg)
	if err != nil {
		return err
	}
	ctx := context.Background()
	rows, err := src.Open(ctx, pipeline.Cursor{})
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		row, err := rows.Next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if row.Sample != nil {
			paragraphs(out, row.Sample.Parts[0].Text)
		}
	}
}

// paragraphs prints a text's lines that are long enough to be prose.
func paragraphs(out io.Writer, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); len(line) > 60 {
			fmt.Fprintln(out, line)
		}
	}
}
