package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/imglish/imglish/sentencepiece"
)

// line is a text to compare, with the kind that it is of.
type line struct{ kind, text string }

// report counts lines and keeps what differs. It may be used by several goroutines.
type report struct {
	mu       sync.Mutex
	file     *os.File
	lines    int
	bytes    int64
	differ   int
	kinds    map[string]int
	failures map[string]int // by what differs
}

// maxKept bounds the file of differing texts.
const maxKept = 2000

func (r *report) add(model string, l line, diffs []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines++
	r.bytes += int64(len(l.text))
	r.kinds[l.kind]++
	if len(diffs) == 0 {
		return nil
	}
	r.differ++
	for _, d := range diffs {
		what, _, _ := strings.Cut(d, ":")
		r.failures[what]++
	}
	if r.differ > maxKept {
		return nil
	}
	b, err := json.Marshal(struct {
		Model, Kind string
		Text        []byte
		Differences []string
	}{model, l.kind, []byte(l.text), diffs})
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(b, '\n'))
	return err
}

func (r *report) count() (lines, differ int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lines, r.differ
}

// compare runs lines through both sides.
func compare(r *report, program string, mo model, lines func(yield func(line) bool)) error {
	m, err := sentencepiece.Load(mo.path)
	if err != nil {
		return err
	}
	o, err := startOriginal(program, mo.path)
	if err != nil {
		return err
	}
	sent := make(chan line, 2*flushEvery)
	failed := make(chan error, 1)
	go func() {
		defer close(sent)
		n := 0
		for l := range lines {
			err := o.send(l.text)
			if n++; err == nil && n%flushEvery == 0 {
				err = o.flush()
			}
			if err != nil {
				failed <- err
				return
			}
			sent <- l
		}
		failed <- o.done()
	}()
	for l := range sent {
		a, err := o.answer()
		if err != nil {
			return fmt.Errorf("%s, a line of %s: %w", mo.name, l.kind, err)
		}
		if err := r.add(mo.name, l, differences(m, l.text, &a)); err != nil {
			return err
		}
	}
	if err := <-failed; err != nil {
		return fmt.Errorf("%s: %w", mo.name, err)
	}
	return o.cmd.Wait()
}

// differences says what we make otherwise of a text than the original.
func differences(m *sentencepiece.Model, text string, want *answer) (diffs []string) {
	if want.Err != "" {
		return []string{"error: " + want.Err}
	}
	if !want.Alone {
		diffs = append(diffs, "alone: the original contradicts itself")
	}
	differ := func(what string, same bool, want, got any) {
		if !same {
			diffs = append(diffs, fmt.Sprintf("%s: want %.600q, got %.600q", what, fmt.Sprint(want), fmt.Sprint(got)))
		}
	}
	e := m.Encode(text)
	alone := m.AppendRaw(nil, text)
	norm := m.Normalize(text)
	differ("ids", slices.Equal(want.IDs, e.IDs), want.IDs, e.IDs)
	differ("ids alone", slices.Equal(want.IDs, alone), want.IDs, alone)
	differ("pieces", slices.Equal(want.Pieces, e.Pieces), want.Pieces, e.Pieces)
	differ("spans", slices.Equal(want.Spans, e.Spans), want.Spans, e.Spans)
	differ("normalised", want.Normal == norm, want.Normal, norm)
	if d := m.Decode(want.IDs); d != want.Decoded {
		differ("decoded", false, want.Decoded, d)
	}
	if d := m.DecodePieces(want.Pieces); d != want.Spelled {
		differ("decoded pieces", false, want.Spelled, d)
	}
	if len(want.NBest) > 0 {
		var got []scoredIDs
		best, err := m.NBest(text, nbest)
		if err != nil {
			return append(diffs, "n-best: "+err.Error())
		}
		for _, b := range best {
			got = append(got, scoredIDs{b.Score, b.IDs})
		}
		differ("n-best", slices.EqualFunc(want.NBest, got, func(a, b scoredIDs) bool {
			return a.Score == b.Score && slices.Equal(a.IDs, b.IDs)
		}), want.NBest, got)
	}
	return diffs
}
