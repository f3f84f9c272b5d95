package sentencepiece

import "unicode/utf8"

// inert knows the characters that the normaliser leaves as they are, so that most text needs no search in the rules:
// what no rule starts with, unless the character behind it is one that some rule has in second place.
type inert struct {
	class   [utf8.RuneSelf]uint8 // what becomes of an ASCII byte before another one, or at the end
	letters bool                 // all ASCII letters are classKept
	first   runeSet              // a rule or a user-defined symbol is such a character, or a symbol starts with it
	second  runeSet              // a rule has it in second place
}

const (
	classOther   = iota // a rule makes something else of it, or may do so with its neighbour
	classKept           // itself
	classSpace          // a space
	classDropped        // nothing
)

// runeSet is a set of characters below U+20000. Those above count as members: they are rare.
type runeSet [0x20000 / 64]uint64

func (s *runeSet) add(r rune) {
	if uint32(r) < 64*uint32(len(s)) {
		s[r>>6] |= 1 << (r & 63)
	}
}

func (s *runeSet) has(r rune) bool {
	return uint32(r) >= 64*uint32(len(s)) || s[r>>6]>>(r&63)&1 == 1
}

func (s *runeSet) fill() {
	for i := range s {
		s[i] = ^uint64(0)
	}
}

func newInert(z *normalizer, symbols []entry) *inert {
	t := &inert{letters: true}
	regular := true
	if z.rules != nil {
		s := ruleScan{rules: z.rules, into: t, left: 2*len(z.rules.units) + 1<<10, regular: true}
		s.characters(unitOffset(z.rules.units[0]), -1)
		regular = s.regular
	}
	for _, e := range symbols {
		r, n := utf8.DecodeRuneInString(e.key)
		if r == utf8.RuneError && n == 1 {
			regular = false
		}
		t.first.add(r)
	}
	if !regular {
		t.first.fill()
	}
	for c := range t.class {
		if z.alone(byte(c)) {
			t.class[c] = z.classOf(byte(c))
		}
		if letter := c | 0x20; letter >= 'a' && letter <= 'z' && t.class[c] != classKept {
			t.letters = false
		}
	}
	return t
}

// alone reports whether an ASCII byte is a step of its own before any other one: it starts no longer rule and no
// user-defined symbol.
func (z *normalizer) alone(c byte) bool {
	if z.symbols != nil {
		if _, ok := z.symbols.step(z.symbols.root, c); ok {
			return false
		}
	}
	for b := byte(0); b < utf8.RuneSelf && z.rules != nil; b++ {
		if z.rules.reaches([2]byte{c, b}) {
			return false
		}
	}
	return true
}

func (z *normalizer) classOf(c byte) uint8 {
	switch to, _ := z.next(string([]byte{c})); {
	case to == " ":
		return classSpace
	case to == "":
		return classDropped
	case len(to) == 1 && to[0] == c:
		return classKept
	}
	return classOther
}

// ruleScan finds the first and second characters of all rules, in the trie of their bytes.
type ruleScan struct {
	rules   *charsmap
	into    *inert
	left    int  // nodes that may still be looked at: a broken file's trie may have circles
	regular bool // false: a rule ends within a character, or the trie is broken; then nothing is inert
}

// characters goes through the characters below a node: the first ones of rules, or the second ones behind first.
func (s *ruleScan) characters(base uint32, first rune) {
	for c := 1; c <= 0xf4; c++ {
		switch n := charLength(byte(c)); {
		case n == 1 && c < utf8.RuneSelf:
			s.child(base, byte(c), rune(c), 0, first)
		case n > 1:
			s.child(base, byte(c), rune(c)&(0x7f>>n), n-1, first)
		}
	}
}

// child looks at one byte below a node: r is the character so far, missing how many bytes it still lacks.
func (s *ruleScan) child(base uint32, c byte, r rune, missing int, first rune) {
	at := base ^ uint32(c)
	if int64(at) >= int64(len(s.rules.units)) {
		return
	}
	u := s.rules.units[at]
	if u&(1<<31|0xff) != uint32(c) {
		return
	}
	if s.left--; s.left < 0 {
		s.regular = false
		return
	}
	ends := u>>8&1 == 1
	base = at ^ unitOffset(u)
	switch {
	case missing > 0 && ends:
		s.regular = false
	case missing > 0:
		for c := 0x80; c < 0xc0; c++ {
			s.child(base, byte(c), r<<6|rune(c&0x3f), missing-1, first)
		}
	case first >= 0:
		s.into.second.add(r)
	case ends:
		s.into.first.add(r) // whatever stands behind it
	default:
		s.characters(base, r)
	}
}
