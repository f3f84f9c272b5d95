package main

import (
	"context"
	"fmt"
	"io"
	"iter"
)

// lineTexts are the lines of files, or of in if there are none; as JSON, what they hold.
func lineTexts(ctx context.Context, in io.Reader, files []string, asJSON bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for l, err := range inputLines(ctx, in, files) {
			text := ""
			if err == nil {
				if text, err = textOf(l.text, asJSON); err != nil {
					err = fmt.Errorf("%s, line %d: %w", l.file, l.number, err)
				}
			}
			if !yield(text, err) || err != nil {
				return
			}
		}
	}
}
