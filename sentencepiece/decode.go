package sentencepiece

import (
	"strings"
	"unicode/utf8"
)

// Decode turns raw ids back into text: ▁ into spaces, without the one that normalising put in front; the unknown piece
// into the model's sign for it (" ⁇ " by default); byte pieces into the characters that they spell, U+FFFD for a byte
// that spells none; control pieces and ids outside [0, Size) into nothing.
func (m *Model) Decode(raw []int32) string {
	var out strings.Builder
	var pending []byte
	flush := func() {
		for len(pending) > 0 {
			r, n := utf8.DecodeRune(pending)
			out.WriteRune(r) // U+FFFD for an invalid byte
			pending = pending[n:]
		}
	}
	atStart, sawPrefix := true, false
	for _, id := range raw {
		if id < 0 || int(id) >= len(m.pieces) {
			continue
		}
		p := m.pieces[id]
		if p.kind == kindByte {
			if b, ok := byteOf(p.text); ok {
				pending = append(pending, b)
			}
			continue
		}
		flush()
		if sawPrefix || out.Len() > 0 {
			atStart = false
		}
		switch p.kind {
		case kindControl:
		case kindUnknown:
			out.WriteString(m.unknownText)
		default:
			text := p.text
			if atStart && (m.norm.dummyPrefix || m.norm.collapseSpaces) {
				var cut bool
				text, cut = strings.CutPrefix(text, space)
				// Where spaces are collapsed, all of them at the start go.
				sawPrefix = cut && !m.norm.collapseSpaces
			}
			out.WriteString(strings.ReplaceAll(text, space, " "))
		}
	}
	flush()
	if m.denorm != nil {
		var n normalized
		m.denorm.run(&n, out.String())
		return string(n.text)
	}
	return out.String()
}

// DecodeIDs is Decode for ids of XLM-R's layout; specials but <unk> become nothing.
func (m *Model) DecodeIDs(ids []int32) string {
	raw := make([]int32, 0, len(ids))
	for _, id := range ids {
		if r, ok := m.Raw(id); ok {
			raw = append(raw, r)
		}
	}
	return m.Decode(raw)
}
