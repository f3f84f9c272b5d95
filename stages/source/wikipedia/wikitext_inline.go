package wikipedia

import (
	"bytes"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// inline is the third step: it walks the text once, and goes into what is kept of each pair of brackets. What is left
// out is stepped over, so that a page's references cost nothing.
type inline struct {
	matcher
	c     *Converter
	title string
	out   []byte
}

func (w *inline) reset(c *Converter, title, src string) {
	w.c, w.title, w.out = c, title, w.out[:0]
	w.matcher.run(src)
}

// emit writes src[from:to] as text.
func (w *inline) emit(from, to, depth int) {
	if depth > maxDepth {
		w.leaveOut()
		return
	}
	for i := from; i < to; {
		n := strings.IndexAny(w.src[i:to], "{}[]<&'_:")
		if n < 0 {
			w.out = append(w.out, w.src[i:to]...)
			return
		}
		w.out = append(w.out, w.src[i:i+n]...)
		i += n
		if k := w.match[i]; k > 0 {
			s := w.spans[k-1]
			if int(s.end) <= to { // a piece that was cut at a | may end inside of stray brackets
				w.span(s, depth+1)
				i = int(s.end)
				continue
			}
		} else if k < 0 {
			t := &w.tags[-k-1]
			if int(t.to) <= to {
				w.tag(t)
				i = int(t.to)
				continue
			}
		}
		i += w.char(i, to)
	}
}

// char writes what stands at a special character that is part of no pair, and returns how many bytes it took.
func (w *inline) char(i, to int) int {
	s := w.src[i:to]
	switch c := s[0]; c {
	case '{', '}', '[', ']':
		return w.stray(i, to)
	case '&':
		return w.entity(s)
	case '\'':
		n := runLength(s, 0, '\'')
		for extra := quotesKept(n); extra > 0; extra-- {
			w.out = append(w.out, '\'')
		}
		return n
	case '_':
		n := runLength(s, 0, '_')
		if n == 2 {
			if word := magicWord(s); word > 0 {
				return word
			}
		}
		w.out = append(w.out, s[:n]...)
		return n
	case ':':
		if n := w.address(s); n > 0 {
			return n
		}
	}
	w.out = append(w.out, s[0])
	return 1
}

// stray writes brackets without a partner: one alone is text, more are markup that lost its other half, and go with
// what only made sense in it.
func (w *inline) stray(i, to int) int {
	s := w.src[i:to]
	c := s[0]
	n := 1
	for n < len(s) && s[n] == c && w.match[i+n] == 0 {
		n++
	}
	switch {
	case n == 1 && c == '{' && strings.HasPrefix(s, "{|") && w.atLineStart():
		w.out = append(w.out, "{|"...) // a table that never ends: blocks leaves its lines out
		return 2
	case n == 1 && c == '[' && startsURL(s[1:]):
		return 1
	case n == 1:
		w.out = append(w.out, c)
		return 1
	case c == '{' && n < len(s): // the template's name
		if end := strings.IndexAny(s[n:min(len(s), n+longestTarget)], "|\n{}[]"); end >= 0 && (s[n+end] == '|' || s[n+end] == '\n') {
			w.leaveOut()
			return n + end
		}
	case c == '[' && n < len(s): // the link's target, and what a picture has in front of its caption
		line, _, _ := strings.Cut(s[n:min(len(s), n+longestTarget)], "\n")
		end := strings.IndexAny(line, "|[]{}")
		if end < 0 || line[end] != '|' {
			break
		}
		if prefix, _, ok := strings.Cut(line[:end], ":"); ok && w.c.hidden[namespaceName(prefix)] {
			end = strings.LastIndexByte(line[:strings.IndexAny(line+"]", "[]{}")], '|')
		}
		return n + end + 1
	}
	return n
}

// longestTarget is how far the rest of a stray bracket is looked for, bytes. MediaWiki's page names end at 255.
const longestTarget = 300

// quotesKept tells how many of a run of apostrophes are text: two are italics, three bold, five both.
func quotesKept(n int) int {
	switch {
	case n == 1 || n == 4:
		return 1
	case n > 5:
		return n - 5
	}
	return 0
}

// magicWord tells the length of a behaviour switch such as __NOTOC__, or 0.
func magicWord(s string) int {
	i := 2
	for i < len(s) && i < 32 && s[i] >= 'A' && s[i] <= 'Z' {
		i++
	}
	if i >= 5 && strings.HasPrefix(s[i:], "__") {
		return i + 2
	}
	return 0
}

// address leaves a bare web address out, of which the scheme was just written: it is no prose.
func (w *inline) address(s string) int {
	if !strings.HasPrefix(s, "://") {
		return 0
	}
	before, found := bytes.CutSuffix(bytes.TrimSuffix(w.out, []byte("s")), []byte("http"))
	if !found || (len(before) > 0 && isAlnum(before[len(before)-1])) {
		return 0
	}
	w.out = before
	n := strings.IndexAny(s, " \n<>[]{}|\"")
	if n < 0 {
		n = len(s)
	}
	n = len(strings.TrimRight(s[:n], ".,;:!?'"))
	if !strings.Contains(s[:n], "(") { // then a closing bracket belongs to the sentence
		n = len(strings.TrimRight(s[:n], ".,;:!?)'"))
	}
	w.leaveOut()
	return n
}

// entity writes a character reference. What it stands for is text, not markup.
func (w *inline) entity(s string) int {
	end := strings.IndexByte(s[:min(len(s), 34)], ';')
	if end < 2 {
		w.out = append(w.out, '&')
		return 1
	}
	text := html.UnescapeString(s[:end+1])
	if text == s[:end+1] {
		w.out = append(w.out, '&')
		return 1
	}
	w.write(clean(text))
	return end + 1
}

// write writes text that is no markup.
func (w *inline) write(s string) {
	if s != "" && w.atLineStart() && strings.ContainsAny(s[:1], "=*#:;|!{- ") {
		w.out = append(w.out, literal)
	}
	w.out = append(w.out, s...)
}

func (w *inline) atLineStart() bool {
	return len(w.out) == 0 || w.out[len(w.out)-1] == '\n'
}

func (w *inline) leaveOut() {
	if len(w.out) == 0 || w.out[len(w.out)-1] != gone {
		w.out = append(w.out, gone)
	}
}

// rendered gives src[from:to] as text of its own, without spaces around it.
func (w *inline) rendered(from, to, depth int) string {
	start := len(w.out)
	w.emit(from, to, depth)
	s := string(w.out[start:])
	w.out = w.out[:start]
	return strings.TrimSpace(strings.Trim(s, string(rune(gone))+" \n"))
}

func (w *inline) span(s span, depth int) {
	from, to := int(s.from), int(s.to)
	switch s.kind {
	case spanTemplate:
		w.template(from, to, depth)
	case spanParameter: // outside of a template its default stands for it
		if i := w.bar(from, to); i >= 0 {
			w.emit(i+1, to, depth)
			return
		}
		w.leaveOut()
	case spanLink:
		w.link(from, to, depth)
	case spanExternal:
		w.external(from, to, depth)
	case spanTable:
		w.leaveOut()
	case spanTag:
		w.script(w.tags[s.tag].kind, w.rendered(from, to, depth))
	case spanExtension:
		w.extension(w.tags[s.tag].kind, from, to, depth)
	}
}

func (w *inline) extension(kind tagKind, from, to, depth int) {
	switch kind {
	case tagVerbatim:
		w.write(strings.ReplaceAll(html.UnescapeString(w.src[from:to]), "\n", " "))
	case tagFormula:
		w.write(formula(w.src[from:to]))
	case tagVerse:
		start := len(w.out)
		w.emit(from, to, depth)
		verse := strings.Trim(string(w.out[start:]), "\n")
		w.out = append(w.out[:start], '\n', '\n')
		for i, paragraph := range strings.Split(verse, "\n\n") {
			if i > 0 {
				w.out = append(w.out, '\n', '\n')
			}
			w.out = append(w.out, strings.ReplaceAll(paragraph, "\n", string(rune(newline)))...)
		}
		w.out = append(w.out, '\n', '\n')
	default:
		w.leaveOut()
	}
}

// tag writes what a tag without a partner stands for.
func (w *inline) tag(t *tag) {
	switch t.kind {
	case tagBreak:
		w.out = append(w.out, newline)
	case tagLine:
		w.endLine()
	case tagBlock:
		w.endLine()
		w.out = append(w.out, '\n')
	case tagItem:
		if !t.closing {
			w.endLine()
			w.out = append(w.out, "* "...)
		}
	case tagHidden:
		w.leaveOut()
	}
}

func (w *inline) endLine() {
	if !w.atLineStart() {
		w.out = append(w.out, '\n')
	}
}

const (
	raisedFrom  = "0123456789+-−=()"
	raisedTo    = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾"
	loweredFrom = "0123456789+-−=()"
	loweredTo   = "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎"
)

// script writes raised or lowered text. A raised number becomes one of Unicode's (km², Ca²⁺), but behind a digit it gets
// a ^: tokenizers that normalise to NFKC would make 106 of 10⁶. Words stay plain, as in 5<sup>th</sup>.
func (w *inline) script(kind tagKind, s string) {
	switch {
	case kind == tagLowered:
		w.write(otherLine(s, loweredFrom, loweredTo))
	case strings.ContainsAny(s, "0123456789") && len(w.out) > 0 && isDigit(w.out[len(w.out)-1]),
		strings.ContainsAny(s, "+−=*/") && strings.IndexFunc(s, unicode.IsLetter) >= 0: // x^(n+1)
		w.write("^" + bracketed(s))
	default:
		w.write(otherLine(s, raisedFrom, raisedTo))
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// otherLine writes s in the characters of another line, if it has a digit and all of them are there.
func otherLine(s, from, to string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		i := strings.IndexRune(from, r)
		if i < 0 {
			return s
		}
		c, _ := utf8.DecodeRuneInString(to[runeOffset(to, utf8.RuneCountInString(from[:i])):])
		b.WriteRune(c)
	}
	return b.String()
}

// runeOffset is the byte offset of rune n of s.
func runeOffset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}
