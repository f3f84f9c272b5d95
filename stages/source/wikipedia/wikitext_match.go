package wikipedia

import "strings"

// Pairs of brackets are found in one pass with a stack, as MediaWiki's preprocessor does it: a run of braces is paired
// three by three or two by two from the inside. Unlike there, a closing bracket reaches its partner over stray ones in
// between, and a heading closes nothing but makes everything open stray: no missing bracket takes more than a section.

type spanKind uint8

const (
	spanTemplate  spanKind = iota // {{…}}
	spanParameter                 // {{{…}}}
	spanLink                      // [[…]]
	spanExternal                  // [http://…]
	spanTable                     // {|…|} or <table>…</table>
	spanTag                       // <sup>…</sup>, <sub>…</sub>
	spanExtension                 // <ref>…</ref> and the like
)

// span is a pair of brackets: the content is src[from:to], and the text goes on at end.
type span struct {
	from, to, end int32
	kind          spanKind
	tag           int32 // index of the opening tag, of a spanTag and spanExtension
}

// Openers of one kind are chained through the stack, so that the last of a kind is found without a search.
type openKind uint8

const (
	openBrace openKind = iota
	openLink
	openExternal
	openTable
	openHTMLTable
	openRaised
	openLowered
	openKinds
)

type opener struct {
	at, n int32 // n braces of a run are still open, those at at+n-1 innermost
	tag   int32
	below int32 // index in the stack of the next opener of this kind, or -1
	kind  openKind
}

// matcher pairs the brackets of one text.
type matcher struct {
	src   string
	tags  []tag
	spans []span
	// match has a number for each byte of src: 0, i+1 if spans[i] starts here, -i-1 if tags[i] does and is no span.
	match []int32
	stack []opener
	last  [openKinds]int32
}

// run fills spans and match.
func (m *matcher) run(src string) {
	m.src = src
	m.tags = findTags(m.tags, src)
	m.spans, m.stack = m.spans[:0], m.stack[:0]
	if cap(m.match) < len(src) {
		m.match = make([]int32, len(src))
	}
	m.match = m.match[:len(src)]
	clear(m.match)
	for k := range m.last {
		m.last[k] = -1
	}
	nextTag := 0
	i := m.lineStart(0)
	for i < len(src) {
		n := strings.IndexAny(src[i:], "\n<{}[]")
		if n < 0 {
			break
		}
		i += n
		switch src[i] {
		case '\n':
			if k := m.last[openExternal]; k >= 0 && int(k) == len(m.stack)-1 {
				m.popTo(k)
			}
			i = m.lineStart(i + 1)
		case '<':
			for nextTag < len(m.tags) && int(m.tags[nextTag].from) < i {
				nextTag++
			}
			if nextTag < len(m.tags) && int(m.tags[nextTag].from) == i {
				i = m.onTag(nextTag)
			} else {
				i++
			}
		case '{':
			n := runLength(src, i, '{')
			if n >= 2 {
				m.push(opener{at: int32(i), n: int32(n), kind: openBrace})
			}
			i += n
		case '}':
			n := runLength(src, i, '}')
			m.closeBraces(i, n)
			i += n
		case '[':
			i += m.openBrackets(i)
		case ']':
			i += m.closeBracket(i)
		}
	}
}

func runLength(s string, i int, c byte) int {
	n := 1
	for i+n < len(s) && s[i+n] == c {
		n++
	}
	return n
}

func (m *matcher) push(o opener) {
	o.below = m.last[o.kind]
	m.last[o.kind] = int32(len(m.stack))
	m.stack = append(m.stack, o)
}

// popTo takes stack[k] and all above it away. Those above stay without a partner.
func (m *matcher) popTo(k int32) {
	for i := len(m.stack) - 1; i >= int(k); i-- {
		m.last[m.stack[i].kind] = m.stack[i].below
	}
	m.stack = m.stack[:k]
}

func (m *matcher) add(at int32, s span) {
	m.spans = append(m.spans, s)
	m.match[at] = int32(len(m.spans))
}

// lineStart looks at the start of a line for a table's brackets and for a heading, and says where to go on.
func (m *matcher) lineStart(i int) int {
	s := m.src
	if i < len(s) && s[i] == '=' {
		line := s[i:]
		if n := strings.IndexByte(line, '\n'); n >= 0 {
			line = line[:n]
		}
		if line = strings.TrimRight(line, " "); len(line) >= 5 && strings.HasPrefix(line, "==") && strings.HasSuffix(line, "==") {
			m.popTo(0)
		}
		return i
	}
	j := i
	for j < len(s) && (s[j] == ' ' || s[j] == ':') {
		j++
	}
	if j+1 >= len(s) {
		return i
	}
	switch s[j : j+2] {
	case "{|":
		if j+2 < len(s) && s[j+2] == '}' {
			return i
		}
		m.push(opener{at: int32(j), n: 2, kind: openTable})
		return j + 2
	case "|}":
		k := m.last[openTable]
		if k < 0 || (j+2 < len(s) && s[j+2] == '}' && m.last[openBrace] > k) {
			return j + 1 // an empty last argument of a template
		}
		o := m.stack[k]
		m.popTo(k)
		m.add(o.at, span{from: o.at + 2, to: int32(j), end: int32(j + 2), kind: spanTable})
		return j + 2
	}
	return i
}

// closeBraces pairs a run of n closing braces with open ones.
func (m *matcher) closeBraces(i, n int) {
	for n >= 2 {
		k := m.last[openBrace]
		if k < 0 {
			return
		}
		m.popTo(k + 1)
		o := &m.stack[k]
		size := min(3, n, int(o.n))
		kind := spanTemplate
		if size == 3 {
			kind = spanParameter
		}
		at := o.at + o.n - int32(size)
		m.add(at, span{from: at + int32(size), to: int32(i), end: int32(i + size), kind: kind})
		if o.n -= int32(size); o.n < 2 {
			m.popTo(k)
		}
		i, n = i+size, n-size
	}
}

// openBrackets handles a [ or [[ and returns how many bytes it took.
func (m *matcher) openBrackets(i int) int {
	s := m.src[i:]
	if strings.HasPrefix(s, "[[") && !(strings.HasPrefix(s, "[[[") && !strings.HasPrefix(s, "[[[[")) {
		m.push(opener{at: int32(i), n: 2, kind: openLink})
		return 2
	}
	if startsURL(s[1:]) {
		m.push(opener{at: int32(i), n: 1, kind: openExternal})
	}
	return 1
}

func (m *matcher) closeBracket(i int) int {
	link, external := m.last[openLink], m.last[openExternal]
	if external > link {
		o := m.stack[external]
		m.popTo(external)
		m.add(o.at, span{from: o.at + 1, to: int32(i), end: int32(i + 1), kind: spanExternal})
		return 1
	}
	if link >= 0 && strings.HasPrefix(m.src[i:], "]]") {
		o := m.stack[link]
		m.popTo(link)
		m.add(o.at, span{from: o.at + 2, to: int32(i), end: int32(i + 2), kind: spanLink})
		return 2
	}
	return 1
}

// onTag handles a tag and says where to go on.
func (m *matcher) onTag(n int) int {
	t := &m.tags[n]
	m.match[t.from] = -int32(n) - 1
	switch {
	case t.kind.extension():
		if t.closing || t.empty || t.closer < 0 {
			return int(t.to)
		}
		// One that is opened again before it is closed, or that has a heading in it, was never closed by its writer.
		c := m.tags[t.closer]
		if (t.opener >= 0 && t.opener < t.closer) || strings.Contains(m.src[t.to:c.from], "\n==") {
			return int(t.to)
		}
		m.add(t.from, span{from: t.to, to: c.from, end: c.to, kind: spanExtension, tag: int32(n)})
		if t.kind == tagVerse {
			return int(t.to) // its content is wikitext
		}
		return int(c.to)
	case t.kind == tagTable:
		m.pairTag(n, openHTMLTable, spanTable)
	case t.kind == tagRaised:
		m.pairTag(n, openRaised, spanTag)
	case t.kind == tagLowered:
		m.pairTag(n, openLowered, spanTag)
	}
	return int(t.to)
}

func (m *matcher) pairTag(n int, open openKind, kind spanKind) {
	t := m.tags[n]
	switch {
	case t.empty:
	case !t.closing:
		m.push(opener{at: t.from, tag: int32(n), kind: open})
	case m.last[open] >= 0:
		k := m.last[open]
		o := m.stack[k]
		m.popTo(k)
		m.add(o.at, span{from: m.tags[o.tag].to, to: t.from, end: t.to, kind: kind, tag: o.tag})
	}
}

// startsURL tells what MediaWiki takes for an address behind a single [.
func startsURL(s string) bool {
	for _, p := range []string{"http://", "https://", "//", "ftp://", "mailto:", "news:", "irc://", "gopher://"} {
		if len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) {
			return true
		}
	}
	return false
}
