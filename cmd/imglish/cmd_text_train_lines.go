package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// lineTexts are the lines of files, or of in if there are none; as JSON, what they hold.
func lineTexts(in io.Reader, files []string, asJSON bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if len(files) == 0 {
			linesOf("standard input", in, asJSON, yield)
		}
		for _, name := range files {
			f, err := os.Open(name)
			if err != nil {
				yield("", err)
				return
			}
			more := linesOf(name, f, asJSON, yield)
			f.Close()
			if !more {
				return
			}
		}
	}
}

// linesOf yields the texts of one file, and whether more are wanted.
func linesOf(name string, r io.Reader, asJSON bool, yield func(string, error) bool) bool {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	lines.Split(wholeLines)
	n := 0
	for lines.Scan() {
		n++
		text, err := textOf(lines.Bytes(), asJSON)
		if err != nil {
			yield("", fmt.Errorf("%s, line %d: %w", name, n, err))
			return false
		}
		if !yield(text, nil) {
			return false
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		yield("", fmt.Errorf("%s, line %d: longer than %d MiB; cut it into lines", name, n+1, maxLine>>20))
	case err != nil:
		yield("", fmt.Errorf("read %s: %w", name, err))
	default:
		return true
	}
	return false
}
