package sentencepiece

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// PieceKind is what a piece is for.
type PieceKind = kind

// The kinds of pieces that a Draft may have.
const (
	Normal      PieceKind = kindNormal
	Unknown     PieceKind = kindUnknown
	Control     PieceKind = kindControl
	UserDefined PieceKind = kindUserDefined
	Byte        PieceKind = kindByte
)

// DraftPiece is a piece of a model that is being made.
type DraftPiece struct {
	Text  string
	Score float32
	Kind  PieceKind
}

// Draft is a model before it is a file.
type Draft struct {
	Pieces []DraftPiece
	// Training are the fields of the message TrainerSpec in wire format: the model type, byte fallback and what the
	// training was told.
	Training []byte

	RuleName       string // of the normalisation, for people
	Rules          []byte // compiled; empty: none
	DummyPrefix    bool
	CollapseSpaces bool
}

// Marshal gives the bytes of the .model.
func (d *Draft) Marshal() []byte {
	var out []byte
	for _, p := range d.Pieces {
		b := appendText(nil, 1, p.Text)
		b = protowire.AppendTag(b, 2, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(p.Score))
		if p.Kind != kindNormal {
			b = appendNumber(b, 3, uint64(p.Kind))
		}
		out = appendText(out, 1, b)
	}
	out = appendText(out, 2, d.Training)
	norm := appendText(nil, 1, d.RuleName)
	norm = appendText(norm, 2, d.Rules)
	norm = appendNumber(norm, 3, protowire.EncodeBool(d.DummyPrefix))
	norm = appendNumber(norm, 4, protowire.EncodeBool(d.CollapseSpaces))
	norm = appendNumber(norm, 5, 1)
	return appendText(out, 3, norm)
}

func appendText[T string | []byte](b []byte, field protowire.Number, v T) []byte {
	return append(protowire.AppendVarint(protowire.AppendTag(b, field, protowire.BytesType), uint64(len(v))), v...)
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

// Normalized is a text as the pieces see it: after the model's rules, spaces written as ▁. It is built in scratch, which
// may be nil.
func (m *Model) Normalized(scratch []byte, text string) []byte {
	n := normalized{text: scratch[:0]}
	m.norm.run(&n, text)
	return n.text
}
