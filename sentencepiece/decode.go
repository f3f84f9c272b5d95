package sentencepiece

import (
	"strings"
	"unicode/utf8"
)

// Decode turns raw ids back into text: ▁ into spaces, without the one that normalising put in front; the unknown piece
// into the model's sign for it (" ⁇ " by default); byte pieces into the characters that they spell, U+FFFD for a byte
// that spells none; control pieces and ids outside [0, Size) into nothing. A space that treat_whitespace_as_suffix put
// at the end stays, as in the original.
func (m *Model) Decode(raw []int32) string {
	d := decoder{m: m, atStart: true}
	for _, id := range raw {
		if id >= 0 && int(id) < len(m.pieces) {
			d.add(id, m.pieces[id].text)
		}
	}
	return d.end()
}

// DecodePieces is Decode for pieces as Encode gives them. One that the model does not have stands for itself.
func (m *Model) DecodePieces(pieces []string) string {
	d := decoder{m: m, atStart: true}
	for _, p := range pieces {
		id, ok := m.PieceID(p)
		if !ok {
			id = m.unknown
		}
		d.add(id, p)
	}
	return d.end()
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

// decoder takes pieces one by one.
type decoder struct {
	m       *Model
	out     []byte
	bytes   []byte // of byte pieces, before they are made characters
	atStart bool   // nothing was written or cut yet
}

func (d *decoder) add(id int32, text string) {
	kind := kindUnknown
	if id >= 0 {
		kind = d.m.pieces[id].kind
	}
	if kind == kindByte {
		b, _ := byteOf(text) // Parse checked it
		d.bytes = append(d.bytes, b)
		return
	}
	d.flush()
	if len(d.out) > 0 {
		d.atStart = false
	}
	if kind == kindControl {
		return
	}
	shown, cut := text, false
	if z := &d.m.norm; d.atStart && (z.dummyPrefix || z.collapseSpaces) {
		shown, cut = strings.CutPrefix(text, space)
		// Where spaces are collapsed, all of them at the start go.
		cut = cut && !z.collapseSpaces
	}
	switch {
	case kind != kindUnknown:
		d.out = append(d.out, strings.ReplaceAll(shown, space, " ")...)
	case id >= 0 && text == d.m.pieces[id].text:
		d.out = append(d.out, d.m.unknownText...)
	default:
		d.out = append(d.out, text...)
	}
	if cut || len(d.out) > 0 {
		d.atStart = false
	}
}

func (d *decoder) flush() {
	for len(d.bytes) > 0 {
		r, n := utf8.DecodeRune(d.bytes)
		d.out = utf8.AppendRune(d.out, r) // U+FFFD for an invalid byte
		d.bytes = d.bytes[n:]
	}
}

func (d *decoder) end() string {
	d.flush()
	if d.m.denorm == nil {
		return string(d.out)
	}
	var n normalized
	d.m.denorm.run(&n, string(d.out))
	return string(n.text)
}
