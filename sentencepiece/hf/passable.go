package hf

import (
	"strings"
	"unicode/utf8"
)

const replacement = "\uFFFD"

// passable makes a text that the binding takes whole: a C string ends at a NUL, and what is no UTF-8 would be replaced
// on the other side, where its place is lost. from maps each byte of out, and its end, to the raw text; it is nil if
// out is the text itself.
func passable(text string) (out string, from []int) {
	if strings.IndexByte(text, 0) < 0 && utf8.ValidString(text) {
		return text, nil
	}
	var b strings.Builder
	for at := 0; at < len(text); {
		r, n := utf8.DecodeRuneInString(text[at:])
		part := text[at : at+n]
		if r == 0 || r == utf8.RuneError && n == 1 {
			part = replacement
		}
		b.WriteString(part)
		for i := range len(part) {
			from = append(from, at+min(i, n-1))
		}
		at += n
	}
	return b.String(), append(from, len(text))
}
