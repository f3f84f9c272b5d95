package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imglish/imglish/pipeline"
)

// unit is a stretch of a text that is not cut, with its number of pieces taken alone.
type unit struct {
	from, to int
	pieces   int
}

// cut appends the parts of a document. It fills each part with as many sentences as fit.
func (s *Stage) cut(parts []*pipeline.Part, text string) []*pipeline.Part {
	text = strings.TrimSpace(text)
	whole := s.t.AppendIDs(nil, text)
	if len(whole) <= s.maxPieces {
		if len(whole) == 0 {
			return parts
		}
		return append(parts, &pipeline.Part{Number: int32(len(parts)), Text: text, Ids: whole})
	}
	units := s.units(text)
	for first := 0; first < len(units); {
		last, pieces := first+1, units[first].pieces
		for last < len(units) && pieces+units[last].pieces <= s.maxPieces {
			pieces += units[last].pieces
			last++
		}
		// Pieces may reach over the end of a sentence or a word, so the sum is an estimate: what counts is the part
		// itself.
		for {
			part := strings.TrimSpace(text[units[first].from:units[last-1].to])
			ids := s.t.AppendIDs(nil, part)
			if len(ids) > s.maxPieces && last-first > 1 {
				last--
				continue
			}
			if len(ids) > 0 {
				// A single character can be more pieces than fit only if maxPieces is below 32.
				parts = append(parts, &pipeline.Part{Number: int32(len(parts)), Text: part, Ids: ids[:min(len(ids), s.maxPieces)]})
			}
			break
		}
		first = last
	}
	return parts
}

// units cuts a text into stretches of at most maxPieces: sentences; words of a sentence that is longer; halves of a word
// that is longer, as often as it takes.
func (s *Stage) units(text string) (units []unit) {
	var scratch []int32
	var add func(from, to int, finer []func(string) int)
	add = func(from, to int, finer []func(string) int) {
		scratch = s.t.AppendIDs(scratch[:0], strings.TrimSpace(text[from:to]))
		if len(scratch) <= s.maxPieces || len(finer) == 0 && half(text[from:to]) == to-from {
			units = append(units, unit{from, to, len(scratch)})
			return
		}
		if len(finer) == 0 {
			middle := from + half(text[from:to])
			add(from, middle, nil)
			add(middle, to, nil)
			return
		}
		for from < to {
			n := finer[0](text[from:to])
			add(from, from+n, finer[1:])
			from += n
		}
	}
	for from := 0; from < len(text); {
		n := sentence(text[from:])
		add(from, from+n, []func(string) int{word})
		from += n
	}
	return units
}

// word is the length of the first word and the white space behind it.
func word(text string) int {
	n := strings.IndexFunc(text, unicode.IsSpace)
	if n < 0 {
		return len(text)
	}
	return n + space(text[n:])
}

// space is the length of the white space at the start of a text.
func space(text string) int { return len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace)) }

// half is a place in the middle of a text, between two characters if it has two.
func half(text string) int {
	n := len(text) / 2
	for n < len(text) && !utf8.RuneStart(text[n]) {
		n++
	}
	if n == len(text) || n == 0 {
		_, n = utf8.DecodeRuneInString(text)
	}
	return n
}
