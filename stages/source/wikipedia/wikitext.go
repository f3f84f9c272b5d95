package wikipedia

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// Wikitext becomes plain text in four steps, each linear in the length of the page:
//
//  1. clean:   comments and control characters go (here).
//  2. match:   one pass pairs brackets and tags with a stack, so that later nothing is searched for twice
//     (wikitext_tags.go, wikitext_match.go). What has no partner is known to be stray and takes nothing with it.
//  3. inline:  links, templates, tags, entities and quotes become text, by the pairs (wikitext_inline.go and the
//     files of what it meets). What is left out leaves the mark gone behind.
//  4. blocks:  lines become headings, list items and paragraphs, and the traces of what is gone are tidied up
//     (wikitext_block.go, wikitext_tidy.go).
//
// Marks are control characters, which step 1 has removed from the source.
const (
	literal = '\x01' // in front of text that is no markup although it looks like it
	newline = '\x02' // a line break inside of a paragraph
	gone    = '\x03' // something was left out here
)

// maxDepth is how deep templates and links are followed into one another. Real pages stay below ten; what lies deeper
// is left out.
const maxDepth = 40

// Options say what a wiki calls things.
type Options struct {
	DropSections []string // headings of sections to leave out, in any case
	Hidden       []string // names of the namespaces of files, media and categories, beside the English ones
}

// Converter turns wikitext into plain text. It may be used by several goroutines at once.
type Converter struct {
	drop   map[string]bool // lower case
	hidden map[string]bool // lower case, with spaces
	work   sync.Pool
}

// NewConverter prepares a Converter.
func NewConverter(o Options) *Converter {
	c := &Converter{drop: map[string]bool{}, hidden: map[string]bool{}}
	for _, s := range o.DropSections {
		c.drop[strings.ToLower(s)] = true
	}
	for _, s := range append([]string{"file", "image", "media", "category"}, o.Hidden...) {
		c.hidden[namespaceName(s)] = true
	}
	c.work.New = func() any { return new(inline) }
	return c
}

// Text returns a page's prose: paragraphs and headings with an empty line between them, list items on lines of their
// own, no markup. The title stands in for the page's own name where its text asks for it. No input is an error.
func (c *Converter) Text(title, wikitext string) string {
	w := c.work.Get().(*inline)
	defer c.work.Put(w)
	w.reset(c, title, clean(wikitext))
	w.emit(0, len(w.src), 0)
	return blocks(string(w.out), c.drop)
}

// Text converts wikitext with English names and nothing left out by its heading.
func Text(wikitext string) string { return NewConverter(Options{}).Text("", wikitext) }

// clean removes comments, control characters and what is not UTF-8. A comment that fills its line takes the line along,
// as in MediaWiki. One that never ends hides nothing: only its opening goes.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.ContainsRune(s, '\r') {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.Index(s, "<!--")
		if i < 0 {
			break
		}
		before := s[:i]
		n := strings.Index(s[i:], "-->")
		if n < 0 {
			s = strings.ReplaceAll(s, "<!--", "")
			break
		}
		s = s[i+n+len("-->"):]
		line := strings.TrimRight(before, " \t")
		rest := strings.TrimLeft(s, " \t")
		if strings.HasPrefix(rest, "\n") && (strings.HasSuffix(line, "\n") || (line == "" && strings.HasSuffix("\n"+b.String(), "\n"))) {
			before, s = line, rest[1:]
		}
		b.WriteString(before)
	}
	b.WriteString(s)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return ' '
		case r < ' ' || (r >= 0x7f && r < 0xa0):
			return -1
		// Soft hyphens, zero-width spaces, direction and byte order marks; joiners stay, words need them.
		case r == '\u00ad' || r == '\u200b' || r == '\u200e' || r == '\u200f' || r == '\ufeff' || r == '\u2060':
			return -1
		}
		return r
	}, b.String())
}

func namespaceName(s string) string {
	return strings.ToLower(strings.TrimSpace(strings.ReplaceAll(s, "_", " ")))
}

// lastRune is the last rune of b, or 0.
func lastRune(b []byte) rune {
	if len(b) == 0 {
		return 0
	}
	r, _ := utf8.DecodeLastRune(b)
	return r
}
