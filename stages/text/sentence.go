package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentence is the length of the first sentence of a text, the white space behind it included. A sentence ends at a line
// break; behind . ! ? or … and closing quotes and brackets, if white space and no lower-case letter follow; and behind
// the full stops of Chinese and Japanese. A full stop behind an initial or a title ("J. S. Bach", "Dr. No") ends none.
func sentence(text string) int {
	for i, r := range text {
		switch r {
		case '\n':
			return i + space(text[i:])
		case '。', '！', '？':
			end := closed(text, i+utf8.RuneLen(r))
			return end + space(text[end:])
		case '.', '!', '?', '…':
			end := closed(text, i+utf8.RuneLen(r))
			gap := space(text[end:])
			next, _ := utf8.DecodeRuneInString(text[end+gap:])
			if gap > 0 && !unicode.IsLower(next) && !(r == '.' && short(text[:i])) {
				return end + gap
			}
		}
	}
	return len(text)
}

const (
	enders  = ".!?…。！？"
	closers = "\"'”’)]»」』）"
)

// closed goes on from at behind further enders and closers.
func closed(text string, at int) int {
	return len(text) - len(strings.TrimLeft(text[at:], enders+closers))
}

// titles stand before a name or a number, so no sentence ends behind them.
var titles = map[string]bool{
	"mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "st": true, "gen": true, "col": true, "capt": true,
	"lt": true, "sgt": true, "rev": true, "vs": true, "cf": true, "ca": true, "c": true, "no": true, "fig": true,
	"vol": true, "pp": true, "ed": true, "e.g": true, "i.e": true,
}

// short says whether a text ends with an initial or a title.
func short(before string) bool {
	w := before[strings.LastIndexFunc(before, func(r rune) bool { return unicode.IsSpace(r) || r == '(' })+1:]
	if r, n := utf8.DecodeRuneInString(w); n == len(w) && unicode.IsUpper(r) {
		return true
	}
	return len(w) < 6 && titles[strings.ToLower(w)]
}
