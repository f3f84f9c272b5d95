package sentencepiece

import (
	"math"
	"slices"
	"unicode/utf8"
)

// reader is the state of the fast way in one text, and its memory, which is used again.
type reader struct {
	f      *fast
	cache  wordCache
	dst    []int32
	layout *layout // nil: raw ids

	// The stretch of compact text that is being read: it ends at the next barrier.
	stretch []byte
	last    rune // its last character
	pending int  // spaces that have been read and not yet put behind it

	// Raw ids that are not yet in dst: ids[:n].
	n int
	// Unigram's score of all up to here. It is known exactly at ids[:mark]; behind that, adding the scores of
	// ids[mark:n] one after the other gives it, since that is what Viterbi does. bound is no less than its distance
	// from 0.
	score float32
	mark  int
	bound float64

	afterUnknown bool // the last piece was an unknown one, into which further ones are merged
	failed       bool // the plain way is needed: unused pieces of BPE depend on the whole text

	viterbi viterbi
	merger  merger

	block [wordBlock]word
	ids   [readerIDs + cachedIDs]int32
}

const readerIDs = 4096

func (r *reader) begin(f *fast, dst []int32, l *layout) {
	r.f, r.dst, r.layout = f, dst, l
	r.stretch, r.pending, r.n = r.stretch[:0], 0, 0
	r.score, r.mark, r.bound = 0, 0, 0
	r.afterUnknown, r.failed = false, false
	r.cache.begin()
}

// trim lets go of the memory of a long text without barriers. What was remembered stays.
func (r *reader) trim() {
	if cap(r.stretch) > keepBytes {
		r.stretch = nil
	}
	if cap(r.viterbi.ends) > keepBytes/8 {
		r.viterbi = viterbi{}
	}
	if cap(r.merger.links) > keepBytes/16 {
		r.merger = merger{}
	}
}

func (r *reader) end() (ids []int32, ok bool) {
	r.spaces()
	r.close()
	r.empty()
	ids, r.dst = r.dst, nil
	return ids, !r.failed
}

// put adds a character, which text spells, behind the pending spaces.
func (r *reader) put(c rune, text string) {
	if r.pending > 0 {
		r.spaces()
	}
	if len(r.stretch) > 0 && r.f.bars.between(r.last, c) {
		r.close()
	}
	r.stretch = append(r.stretch, text...)
	r.last = c
}

func (r *reader) spaces() {
	for ; r.pending > 0; r.pending-- {
		r.atBarrier(' ')
		r.stretch = append(r.stretch, ' ')
		r.last = ' '
	}
}

// atBarrier reports whether there is a barrier before c; if so, it closes the stretch.
func (r *reader) atBarrier(c rune) bool {
	if len(r.stretch) == 0 {
		return true
	}
	if !r.f.bars.between(r.last, c) {
		return false
	}
	r.close()
	return true
}

// write puts what one step of the normaliser became, without spaces at its front if a space is just behind us.
func (r *reader) write(to string, afterSpace, collapse bool) bool {
	for i, c := range to {
		switch {
		case c == utf8.RuneError && !utf8.ValidString(to): // rules that are broken, but readable
			r.failed = true
			return false
		case c == ' ' && afterSpace:
			continue
		case c == ' ' || c == spaceRune:
			r.pending++
		default:
			r.put(c, to[i:i+utf8.RuneLen(c)])
		}
		afterSpace = false
	}
	return afterSpace || collapse && len(to) > 0 && to[len(to)-1] == ' '
}

// close segments the stretch and begins a new one.
func (r *reader) close() {
	n := len(r.stretch)
	if n == 0 {
		return
	}
	if n > cachedBytes || r.stretch[0] == 0 { // a key is padded with NUL, which no piece holds
		r.segment(nil)
		return
	}
	r.stretch = slices.Grow(r.stretch, cachedBytes)
	k := keyOf(r.stretch)
	if a := r.cache.find(k, hashKey(k)); a == nil {
		r.segment(&k)
	} else if r.take(a) {
		r.stretch = r.stretch[:0]
	} else {
		r.segment(nil)
	}
}

// segment segments the stretch and begins a new one. If k is not nil, it is the stretch's key, and the answer is remembered, or that there is none
// which holds everywhere.
func (r *reader) segment(k *key) {
	text := r.stretch
	r.stretch = text[:0]
	var c cut
	if r.f.bpe != nil {
		if r.merge(text, &c) && k != nil {
			if a, ok := c.pack(r.f.wide); ok {
				r.cache.add(*k, a)
			}
		}
		return
	}
	if k != nil {
		decided := r.decide(text, &c)
		a, ok := c.pack(r.f.wide)
		if !ok {
			a.limit = 0
		}
		r.cache.add(*k, a)
		if decided && ok && r.take(&a) {
			return
		}
	}
	r.search(text)
}

// take appends a remembered answer, if it holds at the score that was reached.
func (r *reader) take(a *answer) bool {
	if r.bound >= float64(a.within()) {
		r.sync()
		if r.bound >= float64(a.within()) {
			return false
		}
	}
	if r.n > readerIDs {
		r.sync()
		r.empty()
	}
	r.n += a.unpack((*[cachedIDs]int32)(r.ids[r.n:]), r.f.wide)
	r.bound += float64(a.reaches())
	r.afterUnknown = false
	a.take()
	return true
}

// sync finds the exact score.
func (r *reader) sync() {
	if r.f.unigram == nil {
		return
	}
	s := r.score
	for _, id := range r.ids[r.mark:r.n] {
		s = r.f.scores[id] + s
	}
	r.score, r.mark, r.bound = s, r.n, math.Abs(float64(s))
}

// add appends one piece, or what stands for an unknown character. The exact score must be known meanwhile.
func (r *reader) add(id int32, text []byte) {
	unknown := id == r.f.unknown
	switch {
	case unknown && r.f.bytePieces != nil:
		if len(text) == 1 && text[0] == ' ' {
			text = []byte(space)
		}
		for _, b := range text {
			r.push(r.f.bytePieces[b])
		}
	case unknown && r.afterUnknown:
	default:
		r.push(id)
	}
	r.afterUnknown = unknown
}

func (r *reader) push(id int32) {
	if r.n >= readerIDs {
		r.empty()
	}
	r.ids[r.n] = id
	r.n++
}

// empty moves the ids to dst. The exact score must be known, or never be asked for again.
func (r *reader) empty() {
	r.dst = slices.Grow(r.dst, r.n)
	if r.layout == nil {
		r.dst = append(r.dst, r.ids[:r.n]...)
	} else {
		for _, id := range r.ids[:r.n] {
			r.dst = append(r.dst, r.layout.id(id))
		}
	}
	r.n, r.mark = 0, 0
}
