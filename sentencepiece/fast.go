package sentencepiece

import (
	"math"
	"strings"
	"unicode/utf8"
)

// fast is the quick way to the ids alone. It gives what normalizer, unigram and bpe give, which are the plain way and
// stay the reference: tests hold the two equal.
//
// The text is read once. Normalised text is cut at barriers into stretches, mostly words, which are segmented by
// themselves. How a short stretch is cut is remembered (wordCache), and a word of printable ASCII that is remembered
// needs neither normalising nor segmenting: its raw bytes are the key.
//
// Here normalised text has a compact form: a ▁ is a single space. Models whose normalised text may hold a space beside
// the ▁, or bytes that are not UTF-8, have no fast way, nor do those with pieces of kilobytes or senseless scores.
type fast struct {
	norm    *normalizer
	inert   *inert
	bars    *barriers
	pieces  *trie     // BPE: compact
	packed  *charTrie // Unigram: the same, without the unused ones
	symbols *trie     // compact: user-defined ones; nil: none
	longest int       // characters of the longest of them, at least 1
	scores  []float32 // Unigram: by raw id
	unigram *unigram  // one of the two
	bpe     *bpe
	order   []uint32 // BPE: by raw id, the lower the sooner merged
	// farthest is the largest distance of a piece's score from 0, that of unknown characters included.
	farthest   float64
	wide       bool // see cut.pack
	unknown    int32
	bytePieces *[256]int32
}

// maxFastScore bounds scores on the fast way, so that no sum of them is infinite.
const maxFastScore = 1e30

// newFast returns nil if a model has no fast way.
func newFast(m *Model, searched, symbols []entry) (*fast, error) {
	if m.unigram == nil && m.bpe == nil || len(m.pieces) > maxFastVocabulary || !m.norm.escapeSpaces {
		return nil, nil
	}
	f := &fast{
		longest: 1,
		norm:    &m.norm, unigram: m.unigram, bpe: m.bpe,
		wide: len(m.pieces) > wideVocabulary, unknown: m.unknown, bytePieces: m.bytePieces,
	}
	if m.unigram != nil {
		f.scores = m.unigram.scores
		f.farthest = math.Abs(float64(m.unigram.unknownScore))
	}
	var keys, named []entry
	for _, e := range searched {
		if !utf8.ValidString(e.key) {
			return nil, nil
		}
		if strings.Contains(e.key, " ") || m.unigram != nil && m.pieces[e.value].kind == kindUnused {
			continue // never found in a text, or never taken
		}
		key := entry{strings.ReplaceAll(e.key, space, " "), e.value}
		keys = append(keys, key)
		f.longest = max(f.longest, utf8.RuneCountInString(key.key))
		if m.unigram != nil {
			f.farthest = max(f.farthest, math.Abs(float64(f.scores[e.value])))
		}
		if m.pieces[e.value].kind == kindUserDefined {
			named = append(named, key)
		}
	}
	if f.longest > maxFastPiece || f.farthest > maxFastScore {
		return nil, nil
	}
	var err error
	if len(named) > 0 {
		if f.symbols, err = newTrie(named); err != nil {
			return nil, err
		}
	}
	f.bars = newBarriers(keys)
	f.inert = newInert(&m.norm, symbols)
	if m.unigram != nil {
		if f.packed = newCharTrie(keys, f.scores); f.packed == nil {
			return nil, nil
		}
	} else {
		if f.pieces, err = newTrie(keys); err != nil {
			return nil, err
		}
		for _, score := range m.bpe.scores {
			f.order = append(f.order, mergeOrder(score))
		}
	}
	return f, nil
}

// appendIDs appends a text's ids, raw or in a layout. ok is false if they must be found the plain way; dst may have
// grown meanwhile.
func (f *fast) appendIDs(dst []int32, text string, l *layout, r *reader) (ids []int32, ok bool) {
	z := f.norm
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
		return dst, true
	}
	r.begin(f, dst, l)
	if z.dummyPrefix && !z.spaceAsSuffix {
		r.pending = 1
	}
	afterSpace := z.collapseSpaces
	for at < len(text) {
		switch {
		case text[at] >= utf8.RuneSelf:
			if next := r.others(text, at); next > at {
				at = next
				afterSpace = false
				continue
			}
		case r.pending == 0 && len(r.stretch) == 0, r.pending == 1 && r.atBarrier(' '):
			if next := r.words(text, at); next > at {
				at = next
				afterSpace = r.pending == 1 && z.collapseSpaces
				continue
			}
		}
		if !f.keeps(text, at) {
			to, n := z.next(text[at:])
			afterSpace = r.write(to, afterSpace, z.collapseSpaces)
			at += n
			continue
		}
		switch c := text[at]; f.inert.class[c] {
		case classSpace:
			if !afterSpace {
				r.pending++
				afterSpace = z.collapseSpaces
			}
		case classDropped:
		default:
			r.put(rune(c), text[at:at+1])
			afterSpace = false
			at = r.within(text, at+1)
			continue
		}
		at++
	}
	if z.collapseSpaces {
		r.pending = 0
	}
	if z.dummyPrefix && z.spaceAsSuffix {
		r.pending++
	}
	return r.end()
}

// keeps says whether the next byte of a text is ASCII and a step of the normaliser that needs no search.
func (f *fast) keeps(text string, at int) bool {
	c := text[at]
	switch {
	case c >= utf8.RuneSelf:
		return false
	case at+1 == len(text) || text[at+1] < utf8.RuneSelf:
		return f.inert.class[c] != classOther
	case f.inert.first.has(rune(c)):
		return false
	}
	next, n := decode(text[at+1:])
	return n > 1 && !f.inert.second.has(next)
}
