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

// algorithm is the model type of the trainer's settings.
type algorithm uint64

const (
	algorithmUnigram algorithm = 1
	algorithmBPE     algorithm = 2
)

type piece struct {
	text  string
	score float32
	kind  kind
}

// file is a .model as it is written, before any check of its meaning.
type file struct {
	pieces           []piece
	algorithm        algorithm
	spaceAsSuffix    bool
	byteFallback     bool
	unknownSurface   string
	charsmap         []byte
	dummyPrefix      bool
	collapseSpaces   bool
	escapeSpaces     bool
	denormalCharsmap []byte
}

// parseFile reads the wire format. Fields that it does not know are skipped, as protobuf asks.
func parseFile(data []byte) (*file, error) {
	f := &file{
		algorithm:      algorithmUnigram,
		unknownSurface: " \u2047 ",
		dummyPrefix:    true,
		collapseSpaces: true,
		escapeSpaces:   true,
	}
	err := eachField(data, func(at int, num protowire.Number, v value) error {
		switch num {
		case 1:
			p, err := parsePiece(v.bytes)
			if err != nil {
				return fmt.Errorf("piece %d at byte %d: %w", len(f.pieces), at, err)
			}
			f.pieces = append(f.pieces, p)
			return nil
		case 2:
			return within("trainer settings", at, f.parseTrainer(v.bytes))
		case 3:
			return within("normaliser", at, f.parseNormalizer(v.bytes))
		case 5:
			return within("denormaliser", at, eachField(v.bytes, func(_ int, num protowire.Number, v value) error {
				if num == 2 {
					f.denormalCharsmap = v.bytes
				}
				return nil
			}))
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
	err := eachField(data, func(_ int, num protowire.Number, v value) error {
		switch num {
		case 1:
			p.text = string(v.bytes)
		case 2:
			p.score = math.Float32frombits(uint32(v.number))
		case 3:
			if v.number < uint64(kindNormal) || v.number > uint64(kindByte) {
				return fmt.Errorf("unknown piece type %d", v.number)
			}
			p.kind = kind(v.number)
		}
		return nil
	})
	return p, err
}

func (f *file) parseTrainer(data []byte) error {
	return eachField(data, func(_ int, num protowire.Number, v value) error {
		switch num {
		case 3:
			f.algorithm = algorithm(v.number)
		case 24:
			f.spaceAsSuffix = v.number != 0
		case 35:
			f.byteFallback = v.number != 0
		case 44:
			f.unknownSurface = string(v.bytes)
		}
		return nil
	})
}

func (f *file) parseNormalizer(data []byte) error {
	return eachField(data, func(_ int, num protowire.Number, v value) error {
		switch num {
		case 2:
			f.charsmap = v.bytes
		case 3:
			f.dummyPrefix = v.number != 0
		case 4:
			f.collapseSpaces = v.number != 0
		case 5:
			f.escapeSpaces = v.number != 0
		}
		return nil
	})
}

// value is one field's content: number for varints and fixed sizes, bytes for strings and messages.
type value struct {
	number uint64
	bytes  []byte
}

// eachField calls f for each field of a message, in order; at is where its content starts.
func eachField(data []byte, f func(at int, num protowire.Number, v value) error) error {
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
		if err := f(start, num, v); err != nil {
			return err
		}
		at = start + n
	}
	return nil
}
