package sentencepiece

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The field numbers below are those of sentencepiece_model.proto, the format that the original library documents.

// kind is what a piece is for.
type kind uint8

const (
	kindNormal      kind = 1
	kindUnknown     kind = 2
	kindControl     kind = 3
	kindUserDefined kind = 4
	kindUnused      kind = 5
	kindByte        kind = 6
)

// Type is how a model cuts a text: the model type of the trainer's settings.
type Type int

const (
	Unigram Type = 1 // the pieces of the highest sum of scores
	BPE     Type = 2 // characters, neighbours merged by the pieces' scores
	Word    Type = 3 // whole words, from one space to the next
	Char    Type = 4 // single characters
)

func (t Type) String() string {
	switch t {
	case Unigram:
		return "unigram"
	case BPE:
		return "bpe"
	case Word:
		return "word"
	case Char:
		return "char"
	}
	return fmt.Sprintf("type %d", int(t))
}

type piece struct {
	text  string
	score float32
	kind  kind
}

// file is a .model as it is written, before any check of its meaning.
type file struct {
	pieces       []piece
	trainer      trainerSettings
	normalizer   normalizerSettings
	denormalizer normalizerSettings
}

// trainerSettings are those settings of the trainer that encoding depends on, and what Info tells of the others.
type trainerSettings struct {
	model                  Type
	spaceAsSuffix          bool
	byteFallback           bool
	unknownSurface         string
	unknown, bos, eos, pad string // names of the special pieces
	vocabSize              int
	inputs                 []string
	inputSentences         uint64
	characterCoverage      float32
	maxPieceLength         int
	splitByWhitespace      bool
	splitDigits            bool
}

type normalizerSettings struct {
	name           string
	charsmap       []byte
	dummyPrefix    bool
	collapseSpaces bool
	escapeSpaces   bool
}

// parseFile reads the wire format. As protobuf asks, fields that it does not know are skipped, also known ones of
// another wire type, and what is not there has the default of the format's description.
func parseFile(data []byte) (*file, error) {
	plain := normalizerSettings{dummyPrefix: true, collapseSpaces: true, escapeSpaces: true}
	f := &file{
		trainer: trainerSettings{
			model:             Unigram,
			unknownSurface:    " \u2047 ",
			unknown:           "<unk>",
			bos:               "<s>",
			eos:               "</s>",
			pad:               "<pad>",
			vocabSize:         8000,
			characterCoverage: 0.9995,
			maxPieceLength:    16,
			splitByWhitespace: true,
		},
		normalizer:   plain,
		denormalizer: plain,
	}
	err := eachField(data, func(at int, tag uint64, v value) error {
		switch tag {
		case 1<<3 | bytesField:
			p, err := parsePiece(v.bytes)
			if err != nil {
				return fmt.Errorf("piece %d at byte %d: %w", len(f.pieces), at, err)
			}
			f.pieces = append(f.pieces, p)
			return nil
		case 2<<3 | bytesField:
			return within("trainer settings", at, f.trainer.parse(v.bytes))
		case 3<<3 | bytesField:
			return within("normaliser", at, f.normalizer.parse(v.bytes))
		case 5<<3 | bytesField:
			return within("denormaliser", at, f.denormalizer.parse(v.bytes))
		}
		return nil
	})
	return f, err
}

func within(part string, at int, err error) error {
	if err != nil {
		return fmt.Errorf("%s at byte %d: %w", part, at, err)
	}
	return nil
}

func parsePiece(data []byte) (piece, error) {
	p := piece{kind: kindNormal}
	err := eachField(data, func(_ int, tag uint64, v value) error {
		switch tag {
		case 1<<3 | bytesField:
			p.text = string(v.bytes)
		case 2<<3 | fixed32Field:
			p.score = math.Float32frombits(uint32(v.number))
		case 3<<3 | varintField:
			if v.number < uint64(kindNormal) || v.number > uint64(kindByte) {
				return fmt.Errorf("unknown piece type %d", v.number)
			}
			p.kind = kind(v.number)
		}
		return nil
	})
	return p, err
}

func (t *trainerSettings) parse(data []byte) error {
	return eachField(data, func(_ int, tag uint64, v value) error {
		switch tag {
		case 1<<3 | bytesField:
			t.inputs = append(t.inputs, string(v.bytes))
		case 3<<3 | varintField:
			t.model = Type(v.number)
		case 4<<3 | varintField:
			t.vocabSize = int(int32(v.number))
		case 10<<3 | fixed32Field:
			t.characterCoverage = math.Float32frombits(uint32(v.number))
		case 11<<3 | varintField:
			t.inputSentences = v.number
		case 20<<3 | varintField:
			t.maxPieceLength = int(int32(v.number))
		case 22<<3 | varintField:
			t.splitByWhitespace = v.number != 0
		case 24<<3 | varintField:
			t.spaceAsSuffix = v.number != 0
		case 25<<3 | varintField:
			t.splitDigits = v.number != 0
		case 35<<3 | varintField:
			t.byteFallback = v.number != 0
		case 44<<3 | bytesField:
			t.unknownSurface = string(v.bytes)
		case 45<<3 | bytesField:
			t.unknown = string(v.bytes)
		case 46<<3 | bytesField:
			t.bos = string(v.bytes)
		case 47<<3 | bytesField:
			t.eos = string(v.bytes)
		case 48<<3 | bytesField:
			t.pad = string(v.bytes)
		}
		return nil
	})
}

func (z *normalizerSettings) parse(data []byte) error {
	return eachField(data, func(_ int, tag uint64, v value) error {
		switch tag {
		case 1<<3 | bytesField:
			z.name = string(v.bytes)
		case 2<<3 | bytesField:
			z.charsmap = v.bytes
		case 3<<3 | varintField:
			z.dummyPrefix = v.number != 0
		case 4<<3 | varintField:
			z.collapseSpaces = v.number != 0
		case 5<<3 | varintField:
			z.escapeSpaces = v.number != 0
		}
		return nil
	})
}

// Wire types, the low three bits of a field's tag.
const (
	varintField  = uint64(protowire.VarintType)
	bytesField   = uint64(protowire.BytesType)
	fixed32Field = uint64(protowire.Fixed32Type)
)

// value is one field's content: number for varints and fixed sizes, bytes for strings and messages.
type value struct {
	number uint64
	bytes  []byte
}

// eachField calls f for each field of a message, in order; at is where its content starts, tag its number and wire type.
func eachField(data []byte, f func(at int, tag uint64, v value) error) error {
	for at := 0; at < len(data); {
		num, typ, n := protowire.ConsumeTag(data[at:])
		if n < 0 {
			return fmt.Errorf("byte %d: %w", at, protowire.ParseError(n))
		}
		start := at + n
		var v value
		switch typ {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(data[start:])
		case protowire.Fixed32Type:
			var x uint32
			x, n = protowire.ConsumeFixed32(data[start:])
			v.number = uint64(x)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(data[start:])
		default:
			n = protowire.ConsumeFieldValue(num, typ, data[start:])
		}
		if n < 0 {
			return fmt.Errorf("byte %d, field %d: %w", at, num, protowire.ParseError(n))
		}
		if err := f(start, protowire.EncodeTag(num, typ), v); err != nil {
			return err
		}
		at = start + n
	}
	return nil
}
