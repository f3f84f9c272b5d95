package sentencepiece

// Encoding is a text cut into pieces. The three lists have the same length.
type Encoding struct {
	IDs    []int32  // raw ids
	Pieces []string // as in the model, ▁ for a space; an unknown piece is the text itself
	Spans  [][2]int // [from, to): the bytes of the raw text that each piece comes from; may be empty
}

// scratch is the memory of one call.
type scratch struct {
	norm  normalized
	spans []span
	ends  []pathEnd
	bpe   bpeScratch
	fast  reader
}

// keepBytes is the longest text whose scratch memory is kept for the next one.
const keepBytes = 1 << 20

func (m *Model) release(s *scratch) {
	if cap(s.norm.text) <= keepBytes && s.fast.small() {
		m.scratch.Put(s)
	}
}

// segment normalises a text and cuts it.
func (m *Model) segment(s *scratch, text string, wantsOrigin bool) {
	s.norm.reset(wantsOrigin)
	m.norm.run(&s.norm, text)
	if m.unigram != nil {
		s.spans = m.unigram.segment(s.spans[:0], &s.ends, s.norm.text)
	} else {
		s.spans = m.bpe.segment(s.spans[:0], &s.bpe, s.norm.text)
	}
}

// Normalize returns a text in the form that is cut into pieces.
func (m *Model) Normalize(text string) string {
	var n normalized
	m.norm.run(&n, text)
	return string(n.text)
}

// Encode cuts a text into pieces. Any bytes will do: what is not UTF-8 becomes U+FFFD, a byte each. Neighbouring
// unknown characters make one piece, or with byte fallback one piece a byte, of which the last has the span.
func (m *Model) Encode(text string) Encoding {
	s := m.scratch.Get().(*scratch)
	defer m.release(s)
	m.segment(s, text, true)
	e := Encoding{
		IDs:    make([]int32, 0, len(s.spans)),
		Pieces: make([]string, 0, len(s.spans)),
		Spans:  make([][2]int, 0, len(s.spans)),
	}
	at, afterUnknown := 0, false
	for _, p := range s.spans {
		piece := s.norm.text[at : at+p.length]
		from, to := s.norm.origin[at], s.norm.origin[at+p.length]
		at += p.length
		unknown := p.id == m.unknown
		last := len(e.IDs) - 1
		switch {
		case unknown && m.bytePieces != nil:
			for i, b := range piece {
				id, end := m.bytePieces[b], from
				if i == len(piece)-1 {
					end = to
				}
				e.IDs = append(e.IDs, id)
				e.Pieces = append(e.Pieces, m.pieces[id].text)
				e.Spans = append(e.Spans, [2]int{from, end})
			}
		case unknown && afterUnknown:
			e.Pieces[last] += string(piece)
			e.Spans[last][1] = to
		default:
			e.IDs = append(e.IDs, p.id)
			if unknown {
				e.Pieces = append(e.Pieces, string(piece))
			} else {
				e.Pieces = append(e.Pieces, m.pieces[p.id].text)
			}
			e.Spans = append(e.Spans, [2]int{from, to})
		}
		afterUnknown = unknown
	}
	return e
}

// AppendRaw appends the raw ids of a text.
func (m *Model) AppendRaw(dst []int32, text string) []int32 {
	return m.appendIDs(dst, text, nil)
}

func (m *Model) appendIDs(dst []int32, text string, l *layout) []int32 {
	s := m.scratch.Get().(*scratch)
	defer m.release(s)
	if m.fast != nil {
		if ids, ok := m.fast.appendIDs(dst, text, l, &s.fast); ok {
			return ids
		}
	}
	return m.appendPlain(s, dst, text, l)
}

// appendPlain is appendIDs the plain way.
func (m *Model) appendPlain(s *scratch, dst []int32, text string, l *layout) []int32 {
	m.segment(s, text, false)
	first := len(dst)
	at, afterUnknown := 0, false
	for _, p := range s.spans {
		unknown := p.id == m.unknown
		switch {
		case unknown && m.bytePieces != nil:
			for _, b := range s.norm.text[at : at+p.length] {
				dst = append(dst, m.bytePieces[b])
			}
		case unknown && afterUnknown:
		default:
			dst = append(dst, p.id)
		}
		afterUnknown = unknown
		at += p.length
	}
	if l != nil {
		for i, raw := range dst[first:] {
			dst[first+i] = l.id(raw)
		}
	}
	return dst
}
