package sentencepiece

import "unicode/utf8"

const (
	space     = "\u2581" // ▁, what stands for a space in pieces
	spaceRune = '\u2581'
	replaced  = "\ufffd" // what stands for a byte that is not UTF-8
)

// normalizer brings a text into the form that pieces are made of: the model's rules, white space collapsed and
// written as ▁, a ▁ in front.
type normalizer struct {
	rules          *charsmap // nil: none
	symbols        *trie     // user-defined symbols, kept as they are; nil: none
	plain          [256]bool // ASCII bytes that stay as they are before another ASCII byte
	dummyPrefix    bool
	collapseSpaces bool
	escapeSpaces   bool
	spaceAsSuffix  bool
}

func newNormalizer(f *normalizerSettings, spaceAsSuffix bool, symbols []entry) (z normalizer, err error) {
	z = normalizer{
		dummyPrefix:    f.dummyPrefix,
		collapseSpaces: f.collapseSpaces,
		escapeSpaces:   f.escapeSpaces,
		spaceAsSuffix:  spaceAsSuffix,
	}
	if len(symbols) > 0 {
		if z.symbols, err = newTrie(symbols); err != nil {
			return z, err
		}
	}
	if len(f.charsmap) > 0 {
		if z.rules, err = parseCharsmap(f.charsmap); err != nil {
			return z, err
		}
	}
	z.init()
	return z, nil
}

func (z *normalizer) init() {
	for i := range 128 {
		z.plain[i] = true
	}
	if z.rules != nil {
		z.plain = z.rules.plainASCII()
	}
	if z.symbols != nil {
		for i := range 128 {
			if _, ok := z.symbols.step(z.symbols.root, byte(i)); ok {
				z.plain[i] = false
			}
		}
	}
}

// normalized is a text under normalisation. origin is kept only if spans are asked for.
type normalized struct {
	text        []byte
	origin      []int // for each byte of text, and for its end: where it comes from in the raw text
	wantsOrigin bool
}

func (n *normalized) reset(wantsOrigin bool) {
	n.text, n.origin, n.wantsOrigin = n.text[:0], n.origin[:0], wantsOrigin
}

func (n *normalized) add(s string, at int) {
	n.text = append(n.text, s...)
	n.came(len(s), at)
}

func (n *normalized) came(count, at int) {
	if n.wantsOrigin {
		for range count {
			n.origin = append(n.origin, at)
		}
	}
}

// endsWith reports whether the text so far ends with s.
func (n *normalized) endsWith(s string) bool {
	k := len(n.text) - len(s)
	return k >= 0 && string(n.text[k:]) == s
}

// run normalises text into out. The order of the steps is the original's.
func (z *normalizer) run(out *normalized, text string) {
	spaceOut := " "
	if z.escapeSpaces {
		spaceOut = space
	}
	at := 0
	if z.collapseSpaces {
		for at < len(text) {
			to, n := z.next(text[at:])
			if to != " " {
				break
			}
			at += n
		}
	}
	if at == len(text) {
		return
	}
	if !z.spaceAsSuffix && z.dummyPrefix {
		out.add(spaceOut, at)
	}
	afterSpace := z.collapseSpaces
	for at < len(text) {
		if c := text[at]; z.plain[c] && (at+1 == len(text) || text[at+1] < utf8.RuneSelf) {
			switch {
			case c != ' ':
				out.text = append(out.text, c)
				if out.wantsOrigin {
					out.origin = append(out.origin, at)
				}
				afterSpace = false
			case !afterSpace:
				out.add(spaceOut, at)
				afterSpace = z.collapseSpaces
			}
			at++
			continue
		}
		to, n := z.next(text[at:])
		afterSpace = z.write(out, to, at, afterSpace, spaceOut)
		at += n
	}
	end := at
	if z.collapseSpaces {
		for out.endsWith(spaceOut) {
			k := len(out.text) - len(spaceOut)
			out.text = out.text[:k]
			if out.wantsOrigin {
				end = out.origin[k]
				out.origin = out.origin[:k]
			}
		}
	}
	if z.spaceAsSuffix && z.dummyPrefix {
		out.add(spaceOut, end)
	}
	if out.wantsOrigin {
		out.origin = append(out.origin, end)
	}
}

// write appends what one step of the input became, without spaces at its front if a space is just behind us.
func (z *normalizer) write(out *normalized, to string, at int, afterSpace bool, spaceOut string) bool {
	for afterSpace && len(to) > 0 && to[0] == ' ' {
		to = to[1:]
	}
	if len(to) == 0 {
		return afterSpace && z.collapseSpaces
	}
	for i := range len(to) {
		if to[i] == ' ' && z.escapeSpaces {
			out.add(spaceOut, at)
		} else {
			out.text = append(out.text, to[i])
			out.came(1, at)
		}
	}
	return z.collapseSpaces && to[len(to)-1] == ' '
}

// next takes one step of the input: a user-defined symbol, the longest rule, or one character. An invalid byte becomes
// one U+FFFD.
func (z *normalizer) next(text string) (to string, n int) {
	if z.symbols != nil {
		if n := longest(z.symbols, text); n > 0 {
			return text[:n], n
		}
	}
	if z.rules != nil {
		if to, n := z.rules.longest(text); n > 0 {
			return to, n
		}
	}
	if r, n := utf8.DecodeRuneInString(text); r != utf8.RuneError || n > 1 {
		return text[:n], n
	}
	return replaced, 1
}
