package wikipedia

import (
	"strconv"
	"strings"
	"unicode"
)

// blocks is the fourth step: it reads lines. drop holds the headings of sections to leave out, in lower case.
func blocks(text string, drop map[string]bool) string {
	b := blockWriter{drop: drop}
	b.out.Grow(len(text))
	for line := range strings.SplitSeq(text, "\n") {
		b.line(line)
	}
	b.endParagraph()
	return strings.TrimSpace(b.out.String()) // a first list item may be indented
}

// blockKind decides what stands between two blocks: an empty line, but between list items only a new line.
type blockKind uint8

const (
	noBlockYet blockKind = iota
	paragraphBlock
	itemBlock
	headingBlock
)

type heading struct {
	level int
	text  string
}

type blockWriter struct {
	drop      map[string]bool
	out       strings.Builder
	last      blockKind
	paragraph strings.Builder
	headings  []heading // not written yet: one without any text behind it never is
	skipLevel int       // level of the heading whose section is left out, 0 if none is
	table     bool      // in a table that was never closed
	numbers   []int     // of the numbered list that is open, a level each
}

func (b *blockWriter) line(line string) {
	if strings.HasPrefix(line, string(rune(literal))) {
		b.text(line[1:])
		return
	}
	bare := strings.Trim(line, " "+string(rune(gone)))
	if bare == "" {
		b.endParagraph()
		b.table = false
		b.numbers = b.numbers[:0]
		return
	}
	switch c := bare[0]; {
	case c == '=' && b.heading(bare):
		return
	case strings.HasPrefix(bare, "{|"):
		b.endParagraph()
		b.table = true
		return
	case c == '|', c == '!' && b.table: // a row of a table, or an argument of a template, that lost its brackets
		b.endParagraph()
		return
	case strings.HasPrefix(bare, "----"):
		b.endParagraph()
		if bare = strings.TrimLeft(bare, "-"); bare == "" {
			return
		}
		line = bare
	}
	if i := strings.IndexFunc(bare, func(r rune) bool { return !strings.ContainsRune("*#:;", r) }); i != 0 {
		if i < 0 {
			i = len(bare)
		}
		b.item(bare[:i], bare[i:])
		return
	}
	if line[0] == ' ' { // set as it stands, in MediaWiki
		b.endParagraph()
		b.text(bare)
		b.endParagraph()
		return
	}
	b.text(line)
}

// text adds a line to the paragraph: MediaWiki joins lines with a space.
func (b *blockWriter) text(line string) {
	b.numbers = b.numbers[:0]
	if b.paragraph.Len() > 0 {
		b.paragraph.WriteByte(' ')
	}
	b.paragraph.WriteString(line)
}

func (b *blockWriter) heading(line string) bool {
	text := strings.TrimRight(line, " ")
	level := 0
	for level < 6 && level < len(text)/2 && text[level] == '=' && text[len(text)-1-level] == '=' {
		level++
	}
	if level == 0 || len(text) < 3 {
		return false
	}
	b.endParagraph()
	b.table = false
	text = tidy(text[level : len(text)-level])
	if b.skipLevel > 0 && level > b.skipLevel {
		return true
	}
	b.skipLevel = 0
	for len(b.headings) > 0 && b.headings[len(b.headings)-1].level >= level {
		b.headings = b.headings[:len(b.headings)-1]
	}
	if b.drop[strings.ToLower(text)] {
		b.skipLevel = level
		return true
	}
	b.headings = append(b.headings, heading{level, text})
	return true
}

// item writes a list item. Of its marks the last counts, and how many there are.
func (b *blockWriter) item(marks, text string) {
	b.endParagraph()
	numbers := b.numbers
	depth := len(marks)
	switch mark := marks[depth-1]; mark {
	case ':', ';':
		if mark == ';' {
			text = strings.Replace(text, " : ", ": ", 1)
		}
		b.write(tidy(text), "", paragraphBlock)
		b.numbers = numbers // an indented line does not end the list that it stands in
	case '*':
		if b.write(tidy(text), indent(depth)+"- ", itemBlock) && len(numbers) > depth-1 {
			numbers = numbers[:depth-1]
		}
		b.numbers = numbers
	case '#':
		if depth > maxDepth {
			return
		}
		numbers = numbers[:min(len(numbers), depth)]
		if len(numbers) == 0 && b.last == itemBlock {
			b.last = paragraphBlock // another list
		}
		for len(numbers) < depth {
			numbers = append(numbers, 0)
		}
		if b.write(tidy(text), indent(depth)+strconv.Itoa(numbers[depth-1]+1)+". ", itemBlock) {
			numbers[depth-1]++
		}
		b.numbers = numbers
	}
}

func indent(depth int) string { return strings.Repeat("  ", min(depth, maxDepth)-1) }

func (b *blockWriter) endParagraph() {
	if b.paragraph.Len() == 0 {
		return
	}
	text := tidy(b.paragraph.String())
	b.paragraph.Reset()
	b.write(text, "", paragraphBlock)
}

// write writes a block, behind the headings that wait for one. It says whether there was something to write.
func (b *blockWriter) write(text, prefix string, kind blockKind) bool {
	if b.skipLevel > 0 || strings.IndexFunc(text, wordlike) < 0 {
		return false
	}
	for _, h := range b.headings {
		if h.text != "" {
			b.separate(headingBlock)
			b.out.WriteString(h.text)
		}
	}
	b.headings = b.headings[:0]
	b.separate(kind)
	b.out.WriteString(prefix)
	b.out.WriteString(text)
	return true
}

func (b *blockWriter) separate(kind blockKind) {
	switch {
	case b.last == noBlockYet:
	case b.last == itemBlock && kind == itemBlock:
		b.out.WriteByte('\n')
	default:
		b.out.WriteString("\n\n")
	}
	b.last = kind
}

// wordlike tells characters that a block must have one of: a block without is what is left of something that went.
func wordlike(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Sm, r)
}
