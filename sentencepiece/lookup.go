package sentencepiece

// lookup cuts a text by its form alone, into words or characters, and looks each up: the WORD and CHAR models.
type lookup struct {
	pieces  *trie
	symbols *trie // user-defined, kept whole by CHAR models; nil: none
	kinds   []kind
	unknown int32
	words   bool
}

func newLookup(f *file, pieces, symbols *trie, unknown int32) *lookup {
	l := &lookup{pieces: pieces, symbols: symbols, unknown: unknown, words: f.trainer.model == Word}
	for _, p := range f.pieces {
		l.kinds = append(l.kinds, p.kind)
	}
	return l
}

// segment appends the segmentation of text to out.
func (l *lookup) segment(out []span, text []byte) []span {
	for len(text) > 0 {
		n := l.next(text)
		id := find(l.pieces, text[:n])
		if id < 0 || l.kinds[id] == kindUnused {
			id = l.unknown
		}
		out = append(out, span{id, n})
		text = text[n:]
	}
	return out
}

// next is the length of the first unit of a text. A word reaches to the next ▁, also if it is nothing but a ▁ itself.
func (l *lookup) next(text []byte) int {
	if !l.words {
		if l.symbols != nil {
			if n := longest(l.symbols, text); n > 0 {
				return n
			}
		}
		return min(charLength(text[0]), len(text))
	}
	n := min(charLength(text[0]), len(text))
	for n < len(text) && !isSpace(text[n:]) {
		n += min(charLength(text[n]), len(text)-n)
	}
	return n
}
