package train

import (
	"maps"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"
)

const space = '\u2581' // ▁, what stands for a space in normalised text

// script is a number for each script of Unicode; 0: any, for characters that go with all scripts.
type script uint8

const anyScript script = 0

// scripts has the script of each character. Kana count as han, as Japanese words mix them. Marks that take the script
// of their base have anyScript; what has no script is Common.
var scripts = sync.OnceValue(func() []script {
	of := make([]script, unicode.MaxRune+1)
	fill := func(t *unicode.RangeTable, s script) {
		for _, r := range t.R16 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				of[c] = s
			}
		}
		for _, r := range t.R32 {
			for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
				of[c] = s
			}
		}
	}
	const common, han script = 1, 2
	for i := range of {
		of[i] = common
	}
	for i, name := range slices.Sorted(maps.Keys(unicode.Scripts)) {
		switch name {
		case "Common":
			fill(unicode.Common, common)
		case "Han", "Hiragana", "Katakana":
			fill(unicode.Scripts[name], han)
		case "Inherited":
			fill(unicode.Inherited, anyScript)
		default:
			fill(unicode.Scripts[name], han+1+script(i))
		}
	}
	of[0x30fc] = han // the long vowel mark is written in both kana
	return of
})

func isDigit(c rune) bool { return '0' <= c && c <= '9' || '\uff10' <= c && c <= '\uff19' }

// shaper knows which pieces may be made.
type shaper struct {
	scripts                              []script
	maxChars                             int
	byScript, byNumber, bySpace, byDigit bool
	spaceOnly                            bool
}

func newShaper(c *Config) *shaper {
	return &shaper{
		scripts: scripts(), maxChars: c.MaxPieceChars, byScript: c.SplitByScript, byNumber: c.SplitByNumber,
		bySpace: c.SplitBySpace, byDigit: c.SplitDigits, spaceOnly: c.SpaceOnlyPieces,
	}
}

// script is what a character demands of its neighbours.
func (z *shaper) script(c rune) script {
	if !z.byScript || c == space || !z.byNumber && isDigit(c) {
		return anyScript
	}
	return z.scripts[c]
}

// parts reports whether no piece has both of two neighbours, wherever it starts and ends. Texts are cut there: what is
// left are the words that are counted.
func (z *shaper) parts(a, b rune) bool {
	if b == space && z.bySpace && !(z.spaceOnly && a == space) {
		return true
	}
	if z.byDigit && (isDigit(a) || isDigit(b)) {
		return true
	}
	left, right := z.script(a), z.script(b)
	return left != anyScript && right != anyScript && left != right
}

// shape is what is known of the beginning of a piece.
type shape struct {
	chars  int
	script script
	spaces bool // it is nothing but spaces
	digit  bool // it is a digit that stays alone
}

// add adds a character: whether the result may be a piece, and whether a longer one may be.
func (z *shaper) add(s shape, c rune) (next shape, ok, more bool) {
	first := s.chars == 0
	next = shape{chars: s.chars + 1, script: s.script, spaces: c == space && (first || s.spaces)}
	if next.chars > z.maxChars || s.digit || c == 0 {
		return next, false, false
	}
	more = next.chars < z.maxChars
	if c == space {
		switch {
		case first || z.spaceOnly && next.spaces:
			return next, true, more
		case z.bySpace:
			return next, false, false
		}
		return next, false, more // it may be inside a piece, not at its end
	}
	if s.spaces && s.chars > 1 && z.bySpace {
		return next, false, false // ▁▁a
	}
	if z.byDigit && isDigit(c) {
		next.digit = true
		return next, first, false
	}
	if is := z.script(c); is != anyScript {
		if s.script != anyScript && s.script != is {
			return next, false, false
		}
		next.script = is
	}
	return next, true, more
}

// valid reports whether a text may be a piece.
func (z *shaper) valid(piece []byte) (ok bool) {
	var s shape
	more := true
	for len(piece) > 0 {
		if !more {
			return false
		}
		c, n := utf8.DecodeRune(piece)
		s, ok, more = z.add(s, c)
		piece = piece[n:]
	}
	return ok
}
