package wikipedia

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// tidy mends a block's text: spaces are made one, and what is left out leaves no empty brackets, no doubled commas and
// no space in front of a full stop. Punctuation is only touched next to what is gone: a writer's own stays.
func tidy(s string) string {
	s = strings.TrimSpace(s)
	out := make([]byte, 0, len(s))
	nearGone := false // since the last character that is no space, something was left out
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == gone:
			nearGone = true
		case r == literal:
		case r == newline:
			out = append(trimSpaces(out), '\n')
		case r == '\n' || unicode.IsSpace(r):
			if n := len(out); n > 0 && out[n-1] != ' ' && out[n-1] != '\n' {
				out = append(out, ' ')
			}
		default:
			if nearGone {
				nearGone = false
				var skip bool
				if out, skip = joint(out, r); skip {
					nearGone = true // the next character meets the same gap
					break
				}
			}
			out = append(out, s[i:i+size]...)
		}
		i += size
	}
	if nearGone {
		out, _ = joint(out, 0)
	}
	return strings.TrimSpace(string(out))
}

func trimSpaces(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}

const (
	openingBrackets = "(（["
	closingBrackets = ")）]"
	separators      = ",;，；、"
	stops           = ".:!?。：！？"
)

// joint joins what is before a gap to the character behind it. skip means that the character goes too.
func joint(before []byte, next rune) (out []byte, skip bool) {
	bare := trimSpaces(before)
	last := lastRune(bare)
	switch {
	case isOneOf(openingBrackets, last) && isOneOf(closingBrackets, next):
		return trimSpaces(bare[:len(bare)-utf8.RuneLen(last)]), true
	case isOneOf(openingBrackets, last) && isOneOf(separators, next):
		return bare, true
	case isOneOf(openingBrackets, last):
		return bare, false
	case isOneOf(separators, last) && (isOneOf(closingBrackets, next) || isOneOf(stops, next)):
		return trimSpaces(bare[:len(bare)-utf8.RuneLen(last)]), false
	case isOneOf(separators, last) && isOneOf(separators, next):
		return bare, true
	case isOneOf(closingBrackets, next) || isOneOf(separators, next) || isOneOf(stops, next):
		return bare, false
	}
	return before, false
}

func isOneOf(set string, r rune) bool { return r != 0 && strings.ContainsRune(set, r) }
