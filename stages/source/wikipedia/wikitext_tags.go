package wikipedia

import "strings"

// What a tag does to the text around and inside of it.
type tagKind uint8

const (
	tagPlain    tagKind = iota + 1 // no effect: the tag goes, its content stays
	tagBreak                       // a line break
	tagLine                        // starts and ends a line
	tagBlock                       // starts and ends a paragraph
	tagItem                        // starts a list item
	tagRaised                      // sup
	tagLowered                     // sub
	tagTable                       // goes with all its content; may stand in itself
	tagHidden                      // goes with all its content, which is not wikitext
	tagVerbatim                    // its content is text, not wikitext
	tagFormula                     // its content is TeX
	tagVerse                       // its lines stay lines
)

// extension tells tags whose content MediaWiki hands to an extension: it ends at the first closing tag, whatever is
// between.
func (k tagKind) extension() bool { return k >= tagHidden }

var tagKinds = func() map[string]tagKind {
	out := map[string]tagKind{}
	for kind, names := range map[tagKind]string{
		tagPlain: "b i u s em strong small big span font tt code var kbd samp abbr cite q dfn del ins strike bdi bdo mark ruby " +
			"rt rb rp rtc data time wbr noinclude onlyinclude section includeonly translate tvar langconvert",
		tagBreak:   "br",
		tagLine:    "div center ul ol dl dt dd hr caption",
		tagBlock:   "p blockquote h1 h2 h3 h4 h5 h6",
		tagItem:    "li",
		tagRaised:  "sup",
		tagLowered: "sub",
		tagTable:   "table",
		tagHidden: "ref references gallery timeline score hiero imagemap graph mapframe maplink templatedata templatestyles " +
			"inputbox categorytree indicator style script source syntaxhighlight pre charinsert dynamicpagelist rss video audio " +
			"phonos",
		tagVerbatim: "nowiki",
		tagFormula:  "math chem ce",
		tagVerse:    "poem",
	} {
		for _, n := range strings.Fields(names) {
			out[n] = kind
		}
	}
	return out
}()

// tag is a known HTML or extension tag of a page.
type tag struct {
	from, to int32 // the bytes of the tag itself
	closer   int32 // of an extension's opening tag: index of the first closing one behind it, or -1
	opener   int32 // of an extension's opening tag: index of the next opening one of the same name, or -1
	kind     tagKind
	name     string
	closing  bool
	empty    bool // <x/>
}

// findTags lists the known tags of a text. Others are text: people write <3 and x < y.
func findTags(dst []tag, s string) []tag {
	dst = dst[:0]
	for i := 0; ; {
		n := strings.IndexByte(s[i:], '<')
		if n < 0 {
			break
		}
		i += n
		if t, ok := readTag(s, i); ok {
			dst = append(dst, t)
			i = int(t.to)
		} else {
			i++
		}
	}
	closers, openers := map[string]int32{}, map[string]int32{}
	for i := len(dst) - 1; i >= 0; i-- {
		t := &dst[i]
		t.closer, t.opener = -1, -1
		if !t.kind.extension() || t.empty {
			continue
		}
		if t.closing {
			closers[t.name] = int32(i)
			continue
		}
		if c, ok := closers[t.name]; ok {
			t.closer = c
		}
		if o, ok := openers[t.name]; ok {
			t.opener = o
		}
		openers[t.name] = int32(i)
	}
	return dst
}

const longestTagName = 16

// readTag reads a tag at s[at] == '<'. It ends at the first > that is not in a quoted value, and holds no <, so that
// one left open ends soon.
func readTag(s string, at int) (tag, bool) {
	t := tag{from: int32(at)}
	i := at + 1
	if i < len(s) && s[i] == '/' {
		t.closing = true
		i++
	}
	from := i
	for i < len(s) && i-from <= longestTagName && isAlnum(s[i]) {
		i++
	}
	t.name = s[from:i]
	if t.kind = tagKinds[t.name]; t.kind == 0 {
		t.name = strings.ToLower(t.name)
		if t.kind = tagKinds[t.name]; t.kind == 0 {
			return t, false
		}
	}
	end := strings.IndexAny(s[i:], "<>")
	if end < 0 || s[i+end] == '<' {
		return t, false
	}
	end += i
	// A > may stand in a quoted value; if the quotes do not pair, the first > is taken after all.
	if attributes := s[i:end]; strings.Count(attributes, `"`)%2 == 1 {
		if more := strings.IndexAny(s[end+1:], "<\n\""); more >= 0 && s[end+1+more] == '"' {
			if last := strings.IndexAny(s[end+1+more:], "<>\n"); last >= 0 && s[end+1+more+last] == '>' {
				end += 1 + more + last
			}
		}
	}
	if i < end && isAlnum(s[i]) {
		return t, false
	}
	t.to = int32(end + 1)
	t.empty = s[end-1] == '/'
	return t, true
}

func isAlnum(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
