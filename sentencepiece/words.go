package sentencepiece

import (
	"math/bits"
	"unicode/utf8"
)

// words reads ASCII text that the normaliser leaves alone, from a barrier on, as far as it goes at once: stretch by
// stretch, each at most cachedBytes long with the space before it. It returns where it stopped: at a barrier again,
// with a pending space or none. Most text is read here, and most stretches are remembered.
func (r *reader) words(text string, at int) int {
	at = readWords(r, text, at, len(text))
	if rest := len(text) - at; rest > 0 && rest < cachedBytes {
		// The end of the text, once more with room behind it.
		var padded [2 * cachedBytes]byte
		for i := copy(padded[:], text[at:]); i < len(padded); i++ {
			padded[i] = ' '
		}
		at += readWords(r, padded[:], 0, rest)
	}
	return at
}

// word is a stretch that was found and not yet looked up.
type word struct {
	key    key // with the space before it
	hash   uint64
	at, n  int  // text[at:at+n], without that space
	spaced bool // there is one
}

// wordBlock is how many words are found before they are looked up.
const wordBlock = 64

// readWords does that up to end, where the text may go on with spaces which are not the caller's.
//
// Words are found first, many of them, then memory is asked for what is remembered of them, side by side, and then they
// are looked up: in a table larger than the caches, each by itself would be waited for.
func readWords[T string | []byte](r *reader, text T, at, end int) int {
	wide := r.f.wide
	for {
		next, found := findWords(r, text, at, end)
		at = next
		words := r.block[:found]
		r.cache.touch(words)
		for i := range words {
			w := &words[i]
			a := r.cache.find(w.key, w.hash)
			if a != nil && r.bound < float64(a.within()) && r.n <= readerIDs { // as take does
				r.n += a.unpack((*[cachedIDs]int32)(r.ids[r.n:]), wide)
				r.bound += float64(a.reaches())
				r.afterUnknown = false
				a.take()
			} else if a == nil || !r.take(a) {
				if w.spaced {
					r.stretch = append(r.stretch, ' ')
				}
				r.stretch = append(r.stretch, text[w.at:w.at+w.n]...)
				if a != nil {
					r.segment(nil)
				} else {
					r.segment(&w.key)
				}
			}
		}
		if found < wordBlock {
			return at
		}
	}
}

// findWords finds the next words, up to wordBlock of them, and returns where it stopped and their number.
func findWords[T string | []byte](r *reader, text T, at, end int) (stopped, found int) {
	const top = 0x8080808080808080
	class, bars := &r.f.inert.class, r.f.bars
	kept := r.f.inert.letters
	pending := r.pending == 1
search:
	for at < end && at+cachedBytes <= len(text) && found < wordBlock {
		k := key{load8(text, at), load8(text, at+8)}
		if (k.low|k.high)&top != 0 {
			break
		}
		n := 0
		if kept {
			n = letters(k.low)
			if n == 8 {
				n += letters(k.high)
			}
		}
		if n == 0 {
			if class[text[at]&0x7f] != classKept {
				break
			}
			n = 1
		}
		// Now to the next barrier. The byte behind it must be ASCII too, since that decides what becomes of it.
		spaced := false
		for ; n < cachedBytes-1; n++ {
			a, c := rune(text[at+n-1]), rune(text[at+n])
			kind := class[c&0x7f]
			if kind == classSpace {
				c, spaced = ' ', true
			} else if kind != classKept {
				break search
			}
			if bars.between(a, c) {
				break
			}
			if spaced {
				break search
			}
		}
		k = k.first(n)
		if n >= cachedBytes-1 || k.low == 0 { // NUL, with which a key is padded
			break
		}
		if pending {
			k = k.behindSpace()
		}
		r.block[found] = word{k, hashKey(k), at, n, pending}
		found++
		pending = false
		at += n
		if spaced && at < end {
			pending = true
			at++
		}
	}
	r.pending = 0
	if pending {
		r.pending = 1
	}
	return at, found
}

// letters counts the ASCII letters at the low end of eight ASCII bytes.
func letters(x uint64) int {
	const each = 0x0101010101010101
	x |= 0x20 * each
	below := ^((x | 0x80*each) - 'a'*each)
	above := x + (0x7f-'z')*each
	return bits.TrailingZeros64((below|above)&(0x80*each)) >> 3
}

// Scripts without spaces have many barriers, but few stretches between them that come again soon. For Unigram, whose
// time does not depend on how long a stretch is, they are not cut before they have so many bytes.
const unspacedBytes = 1 << 10

// unspaced says whether a character is Chinese or Japanese.
func unspaced(c rune) bool { return uint32(c-0x3000) < 0xa000-0x3000 }

// others reads characters beyond ASCII that the normaliser leaves alone, as far as they go at once, and returns where it
// stopped.
func (r *reader) others(text string, at int) int {
	t, bars, joins := r.f.inert, r.f.bars, r.f.unigram != nil
	from, last := at, rune(-1) // text[from:at] is read, and not yet in the stretch
	c, n := decode(text[at:])
	for n > 1 && c != spaceRune && !t.first.has(c) {
		var next rune
		m := 0
		if at+n < len(text) {
			if next, m = decode(text[at+n:]); next == utf8.RuneError && m == 1 || t.second.has(next) {
				break
			}
		}
		if last < 0 {
			r.put(c, "")
		} else if (!joins || !unspaced(last) || !unspaced(c) || at-from > unspacedBytes) && bars.between(last, c) {
			r.stretch = append(r.stretch, text[from:at]...)
			r.close()
			from = at
		}
		last = c
		at += n
		c, n = next, m
	}
	if last >= 0 {
		r.stretch = append(r.stretch, text[from:at]...)
		r.last = last
	}
	return at
}

// within reads ASCII text that the normaliser leaves alone, up to the end of the stretch at most, and returns where it
// stopped.
func (r *reader) within(text string, at int) int {
	class, bars := &r.f.inert.class, r.f.bars
	from, last := at, r.last
	for at+1 < len(text) {
		c := text[at]
		if c|text[at+1] >= utf8.RuneSelf || class[c&0x7f] != classKept || bars.between(last, rune(c)) {
			break
		}
		last = rune(c)
		at++
	}
	r.stretch = append(r.stretch, text[from:at]...)
	r.last = last
	return at
}

// decode is utf8.DecodeRuneInString, faster for the characters of three bytes, among them Chinese and Japanese ones.
func decode(s string) (c rune, n int) {
	if len(s) >= 3 && s[0]&0xf0 == 0xe0 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80 {
		c = rune(s[0]&0x0f)<<12 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f)
		if c >= 0x800 && c&^0x7ff != 0xd800 {
			return c, 3
		}
	}
	return utf8.DecodeRuneInString(s)
}
