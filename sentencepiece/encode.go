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
	if cap(s.norm.text) > keepBytes {
		s.norm, s.spans, s.ends, s.bpe = normalized{}, nil, nil, bpeScratch{}
	}
	s.fast.trim()
	m.scratch.Put(s)
}

// segment normalises a text and cuts it.
func (m *Model) segment(s *scratch, text string, wantsOrigin bool) {
	s.norm.reset(wantsOrigin)
	m.norm.run(&s.norm, text)
	switch {
	case m.unigram != nil:
		s.spans = m.unigram.segment(s.spans[:0], &s.ends, s.norm.text)
	case m.bpe != nil:
		s.spans = m.bpe.segment(s.spans[:0], &s.bpe, s.norm.text)
	default:
		s.spans = m.lookup.segment(s.spans[:0], s.norm.text)
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
	return m.encoding(&s.norm, s.spans)
}

// encoding puts a segmentation together. n has its origins.
func (m *Model) encoding(n *normalized, spans []span) Encoding {
	e := Encoding{
		IDs:    make([]int32, 0, len(spans)),
		Pieces: make([]string, 0, len(spans)),
		Spans:  make([][2]int, 0, len(spans)),
	}
	var run []byte // of unknown characters, one piece
	flush := func() {
		if len(run) > 0 {
			e.Pieces = append(e.Pieces, string(run))
			run = run[:0]
		}
	}
	at, afterUnknown := 0, false
	for _, p := range spans {
		piece := n.text[at : at+p.length]
		from, to := n.origin[at], n.origin[at+p.length]
		at += p.length
		unknown := p.id == m.unknown
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
		case unknown:
			if !afterUnknown {
				e.IDs = append(e.IDs, p.id)
				e.Spans = append(e.Spans, [2]int{from, to})
			}
			run = append(run, piece...)
			e.Spans[len(e.Spans)-1][1] = to
		default:
			flush()
			e.IDs = append(e.IDs, p.id)
			e.Pieces = append(e.Pieces, m.pieces[p.id].text)
			e.Spans = append(e.Spans, [2]int{from, to})
		}
		afterUnknown = unknown
	}
	flush()
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
