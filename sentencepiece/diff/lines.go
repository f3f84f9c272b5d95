package main

import (
	"iter"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// generator draws lines.
type generator struct {
	c      *corpus
	pieces []string // of the model: text made of them finds its corners
	rng    *rand.Rand
	words  [][]string // made-up words of each script, the frequent ones first
}

func newGenerator(c *corpus, pieces []string, seed uint64) *generator {
	g := &generator{c: c, pieces: pieces, rng: rand.New(rand.NewPCG(11, 13))}
	for _, s := range scripts {
		var words []string
		for range 3000 {
			var w strings.Builder
			for range 1 + g.rng.IntN(s.longest) {
				w.WriteRune(s.from + rune(g.rng.IntN(int(s.to-s.from))))
			}
			words = append(words, w.String())
		}
		g.words = append(g.words, words)
	}
	g.rng = rand.New(rand.NewPCG(seed, 17))
	return g
}

// scripts are ranges of letters; those written without spaces have long "words".
var scripts = []struct {
	from, to rune
	longest  int
	space    string
}{
	{'а', 'я', 9, " "}, {'α', 'ω', 9, " "}, {'א', 'ת', 6, " "}, {'ا', 'ي', 7, " "}, {'अ', 'ह', 6, " "}, {'ก', 'ฮ', 12, ""},
	{'ぁ', 'ん', 5, ""}, {'ァ', 'ヶ', 5, ""}, {0x4e00, 0x5800, 2, ""}, {0xac00, 0xb400, 4, " "}, {'Ⴀ', 'Ⴥ', 7, " "}, {0x1d400, 0x1d4ff, 5, " "},
}

// kinds are the ways to draw a line, with how many of a hundred are drawn so.
var kinds = []struct {
	name   string
	weight int
	draw   func(*generator) string
}{
	{"prose", 28, (*generator).sentence},
	{"markup", 8, func(g *generator) string { return cut(pick(g, g.c.markup), 1000) }},
	{"code", 15, (*generator).snippet},
	{"scripts", 8, (*generator).script},
	{"random characters", 6, (*generator).characters},
	{"combining marks", 5, (*generator).combining},
	{"emoji", 5, (*generator).emoji},
	{"controls and spaces", 5, (*generator).controls},
	{"invalid UTF-8", 5, (*generator).invalid},
	{"pieces", 6, (*generator).ofPieces},
	{"mutations", 8, (*generator).mutated},
	{"empty", 1, func(g *generator) string {
		return pick(g, []string{"", " ", "  ", "\t", "\u3000", "▁", "\u200b", "\n", "\x00"})
	}},
}

// lines draws n lines, then adds all of Unicode and the long ones.
func (g *generator) lines(n int, long bool) iter.Seq[line] {
	return func(yield func(line) bool) {
		for range n {
			if !yield(g.line()) {
				return
			}
		}
		for l := range g.planes() {
			if !yield(l) {
				return
			}
		}
		if long {
			for l := range g.long() {
				if !yield(l) {
					return
				}
			}
		}
	}
}

func (g *generator) line() line {
	at := g.rng.IntN(100)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			return line{k.name, k.draw(g)}
		}
	}
	panic("the weights of kinds are under 100")
}

func pick[T any](g *generator, from []T) T { return from[g.rng.IntN(len(from))] }

// cut shortens a text to n bytes, wherever that falls.
func cut(s string, n int) string { return s[:min(n, len(s))] }

// sentence is a window of prose.
func (g *generator) sentence() string {
	s := pick(g, g.c.prose)
	from := g.rng.IntN(len(s)/2 + 1)
	return strings.ToValidUTF8(cut(s[from:], 20+g.rng.IntN(400)), "")
}

// snippet is one line of code, or some.
func (g *generator) snippet() string {
	i := g.rng.IntN(len(g.c.code) - 8)
	return cut(strings.Join(g.c.code[i:i+1+g.rng.IntN(g.rng.IntN(6)+1)], "\n"), 2000)
}

// script is words of a script, the first ones often.
func (g *generator) script() string {
	k := g.rng.IntN(len(scripts))
	var b strings.Builder
	for range 1 + g.rng.IntN(25) {
		b.WriteString(g.words[k][int(float64(len(g.words[k]))*g.rng.Float64()*g.rng.Float64()*g.rng.Float64())])
		b.WriteString(scripts[k].space)
		switch g.rng.IntN(12) {
		case 0:
			b.WriteString(pick(g, []string{", ", ". ", "。", "、", "! ", " (", ") ", "؟ ", "ー", "\u200f", "\u202b", "\u202c", "।"}))
		case 1:
			b.WriteString(strings.Split(g.sentence()+" ", " ")[0])
		}
	}
	return b.String()
}

// characters are any of Unicode's.
func (g *generator) characters() string {
	var b strings.Builder
	limit := pick(g, []int{0x80, 0x800, 0x3000, 0x10000, 0x20000, 0x110000})
	for range g.rng.IntN(60) {
		b.WriteRune(rune(g.rng.IntN(limit))) // a surrogate becomes U+FFFD
	}
	return b.String()
}

func (g *generator) combining() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(30) {
		b.WriteRune(pick(g, []rune("aeiouAnczkAÅ각あか한ｶﾊΩक")))
		for range g.rng.IntN(3) {
			b.WriteRune(pick(g, []rune{0x300, 0x301, 0x302, 0x303, 0x308, 0x30a, 0x323, 0x327, 0x345, 0x3099, 0x309a, 0xff9e, 0x11a8, 0x1161, 0x93c, 0x20d0, 0x200d, 0x34f}))
		}
		if g.rng.IntN(6) == 0 {
			b.WriteString(pick(g, []string{" ", "ﬁ", "①", "㌔", "½", "ǆ", "ﷺ", "ﬀ", "Å", "…", "İ", "ß", "ẞ", "ﾞ"}))
		}
	}
	return b.String()
}

func (g *generator) emoji() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(12) {
		b.WriteString(pick(g, []string{"👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "🇩🇪", "🇫", "❤️", "☺", "1️⃣", "🧑🏿‍🚀", "😀", "🫠", "\u200d", "\ufe0f", "🏴\U000e0067\U000e0062\U000e007f", " ", "ok ", "#", "‼️", "㊗️"}))
	}
	return b.String()
}

func (g *generator) controls() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(30) {
		switch g.rng.IntN(3) {
		case 0:
			b.WriteByte(byte(g.rng.IntN(33)))
		case 1:
			b.WriteRune(pick(g, []rune{' ', ' ', ' ', '\t', '\n', '\r', 0xa0, 0x1680, 0x2002, 0x200b, 0x2028, 0x2029, 0x202f, 0x3000, 0xfeff, 0xad, 0x2581, 0x7f, 0x85, 0x200e, 0xfffd}))
		default:
			b.WriteString(strings.Split(g.sentence()+" ", " ")[0])
		}
	}
	return b.String()
}

func (g *generator) invalid() string {
	s := []byte(g.line0())
	for range 1 + g.rng.IntN(6) {
		at := g.rng.IntN(len(s) + 1)
		bad := pick(g, [][]byte{{0xff}, {0xc0, 0x80}, {0xed, 0xa0, 0x80}, {0xf4, 0x90, 0x80, 0x80}, {0xe2, 0x96}, {0xf0, 0x9f}, {0x80}, {0xc3}, {0xe0, 0x80, 0x80}, {0xf8, 0x88}, {byte(g.rng.IntN(256))}})
		s = append(s[:at], append(bad, s[at:]...)...)
	}
	return string(s)
}

// line0 is a line of one of the plainer kinds.
func (g *generator) line0() string {
	return pick(g, []func() string{g.sentence, g.snippet, g.script, g.combining, g.emoji, g.controls, g.ofPieces})()
}

// ofPieces joins pieces, special ones too.
func (g *generator) ofPieces() string {
	var b strings.Builder
	for range 1 + g.rng.IntN(20) {
		p := " "
		if len(g.pieces) > 0 {
			p = pick(g, g.pieces)
			if g.rng.IntN(3) == 0 {
				p = pick(g, g.pieces[:min(len(g.pieces), 400)])
			}
		}
		if g.rng.IntN(10) > 0 {
			p = strings.ReplaceAll(p, "▁", " ")
		}
		b.WriteString(p)
	}
	return b.String()
}

// mutated changes, doubles, moves and drops bytes.
func (g *generator) mutated() string {
	s := []byte(g.line0())
	for range 1 + g.rng.IntN(8) {
		if len(s) == 0 {
			break
		}
		i, j := g.rng.IntN(len(s)), g.rng.IntN(len(s))
		i, j = min(i, j), max(i, j)
		switch g.rng.IntN(5) {
		case 0:
			s[i] ^= 1 << g.rng.IntN(8)
		case 1:
			s = append(s[:i], s[min(j, i+12):]...)
		case 2:
			s = append(s[:j:j], append([]byte(string(s[i:j])), s[j:]...)...)
		case 3:
			s[i], s[j] = s[j], s[i]
		case 4:
			s = append(s[:i:i], append([]byte{' '}, s[i:]...)...)
		}
		if len(s) > 4000 {
			s = s[:4000]
		}
	}
	return string(s)
}

// planes are all characters, in order, 512 a line; the surrogates as the bytes that would encode them.
func (g *generator) planes() iter.Seq[line] {
	return func(yield func(line) bool) {
		for from := rune(0); from <= utf8.MaxRune; from += 512 {
			var b []byte
			for r := from; r < from+512; r++ {
				if r >= 0xd800 && r < 0xe000 {
					b = append(b, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f|0x80, 0x80|byte(r)&0x3f)
				} else {
					b = utf8.AppendRune(b, r)
				}
			}
			if !yield(line{"all characters", string(b)}) {
				return
			}
		}
	}
}

// long are lines of up to 10 MB.
func (g *generator) long() iter.Seq[line] {
	fill := func(size int, part func() string, between string) string {
		var b strings.Builder
		for b.Len() < size {
			b.WriteString(part())
			b.WriteString(between)
		}
		return b.String()
	}
	return func(yield func(line) bool) {
		for _, part := range []func() string{g.sentence, g.sentence, g.sentence, g.snippet, g.script, g.line0, g.ofPieces, g.characters} {
			if !yield(line{"40 kB", fill(40_000, part, " ")}) {
				return
			}
		}
		for _, l := range []line{
			{"1 MB of words", fill(1_000_000, g.sentence, " ")},
			{"1 MB of anything", fill(1_000_000, g.line0, "\n")},
			{"1 MB without a space", strings.NewReplacer(" ", "", "\u00a0", "", "\n", "").Replace(fill(1_250_000, g.sentence, ""))},
			{"1 MB of one letter", strings.Repeat("a", 1_000_000)},
			{"10 MB of words", fill(10_000_000, g.sentence, " ")},
		} {
			if !yield(l) {
				return
			}
		}
	}
}
