package wikipedia

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// page is what the line needs of a <page> element.
type page struct {
	title, ns, id, revision, model, text string
	redirect                             bool
}

var errMalformed = errors.New("the page is not XML as it should be")

// parsePage reads a <page> element of MediaWiki's export format (versions 0.3 to 0.11). Of several revisions the last
// one counts. It is a reader of its own since encoding/xml takes a multiple of the time of all the rest.
func parsePage(xml []byte) (page, error) {
	var (
		p     page
		stack [8]string
		depth int
		into  *string // where the text of the innermost element goes
		own   []byte  // that text
	)
	for len(xml) > 0 {
		i := bytes.IndexByte(xml, '<')
		if i < 0 {
			break
		}
		if into != nil && i > 0 {
			own = appendUnescaped(own, xml[:i])
		}
		xml = xml[i:]
		switch {
		case bytes.HasPrefix(xml, []byte("<!--")), bytes.HasPrefix(xml, []byte("<?")):
			end := "-->"
			if xml[1] == '?' {
				end = "?>"
			}
			j := bytes.Index(xml, []byte(end))
			if j < 0 {
				return p, errMalformed
			}
			xml = xml[j+len(end):]
			continue
		case bytes.HasPrefix(xml, []byte("<![CDATA[")):
			j := bytes.Index(xml, []byte("]]>"))
			if j < 0 {
				return p, errMalformed
			}
			if into != nil {
				own = append(own, xml[len("<![CDATA["):j]...)
			}
			xml = xml[j+len("]]>"):]
			continue
		}
		name, closing, empty, length := xmlTag(xml)
		if length == 0 {
			return p, errMalformed
		}
		xml = xml[length:]
		switch {
		case closing:
			if depth == 0 || stack[depth-1] != name {
				return p, errMalformed
			}
			depth--
			if into != nil {
				*into = strings.ToValidUTF8(string(own), "\uFFFD")
				into = nil
			}
			if depth == 0 {
				return p, p.check()
			}
		default:
			if into != nil { // the elements that are read have no elements in them
				return p, errMalformed
			}
			if depth == 1 && name == "redirect" {
				p.redirect = true
			}
			if empty {
				continue
			}
			if depth == len(stack) {
				return p, errMalformed
			}
			stack[depth] = name
			depth++
			into, own = p.field(stack[:depth]), own[:0]
		}
	}
	return p, errMalformed
}

func (p *page) field(path []string) *string {
	switch {
	case len(path) == 2:
		switch path[1] {
		case "title":
			return &p.title
		case "ns":
			return &p.ns
		case "id":
			return &p.id
		}
	case len(path) == 3 && path[1] == "revision":
		switch path[2] {
		case "id":
			return &p.revision
		case "model":
			return &p.model
		case "text":
			return &p.text
		}
	}
	return nil
}

func (p *page) check() error {
	for _, n := range []string{p.id, p.revision} {
		if _, err := strconv.ParseUint(n, 10, 63); err != nil {
			return fmt.Errorf("%w: page id %.20q, revision id %.20q", errMalformed, p.id, p.revision)
		}
	}
	if p.title == "" || len(p.title) > 1<<10 {
		return fmt.Errorf("%w: page %s has no title, or a very long one", errMalformed, p.id)
	}
	return nil
}

// article tells whether a page is a row. The namespace is missing in the oldest exports.
func (p *page) article() bool {
	return (p.ns == "0" || p.ns == "") && !p.redirect && (p.model == "" || p.model == "wikitext")
}

// xmlTag reads a tag at the start of b. length is 0 if it is none.
func xmlTag(b []byte) (name string, closing, empty bool, length int) {
	i := 1
	if i < len(b) && b[i] == '/' {
		closing = true
		i++
	}
	from := i
	for i < len(b) && b[i] != '>' && b[i] != '/' && b[i] > ' ' {
		i++
	}
	if i == from || i-from > 64 {
		return "", false, false, 0
	}
	name = string(b[from:i])
	var quote byte
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '<':
			return "", false, false, 0
		case c == '>':
			return name, closing, b[i-1] == '/', i + 1
		}
	}
	return "", false, false, 0
}

// appendUnescaped resolves XML's five entities and character references. Anything else stays as it is.
func appendUnescaped(dst, src []byte) []byte {
	for {
		i := bytes.IndexByte(src, '&')
		if i < 0 {
			return append(dst, src...)
		}
		dst = append(dst, src[:i]...)
		src = src[i:]
		end := bytes.IndexByte(src[:min(len(src), 12)], ';')
		if end < 0 {
			dst, src = append(dst, '&'), src[1:]
			continue
		}
		switch name := string(src[1:end]); {
		case name == "lt":
			dst = append(dst, '<')
		case name == "gt":
			dst = append(dst, '>')
		case name == "amp":
			dst = append(dst, '&')
		case name == "quot":
			dst = append(dst, '"')
		case name == "apos":
			dst = append(dst, '\'')
		case strings.HasPrefix(name, "#"):
			digits, base := name[1:], 10
			if strings.HasPrefix(digits, "x") {
				digits, base = digits[1:], 16
			}
			n, err := strconv.ParseUint(digits, base, 31)
			if err != nil {
				dst = append(dst, src[:end+1]...)
				break
			}
			dst = utf8.AppendRune(dst, rune(n)) // what is no character becomes U+FFFD
		default:
			dst = append(dst, src[:end+1]...)
		}
		src = src[end+1:]
	}
}
