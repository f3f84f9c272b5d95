package sentencepiece

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
)

// maxFileBytes bounds a .model. The largest published ones have under 8 MB.
const maxFileBytes = 32 << 20

// maxPieceBytes bounds one piece; trainers make pieces of at most 16 characters, users' own symbols may be longer.
const maxPieceBytes = 1 << 12

// ErrNotModel is wrapped by every error about the content of a .model.
var ErrNotModel = errors.New("not a usable SentencePiece model")

// Model is a SentencePiece model, ready to encode.
type Model struct {
	pieces      []piece
	trie        *trie
	norm        normalizer
	denorm      *normalizer // nil: none
	unigram     *unigram    // one of the two
	bpe         *bpe
	fast        *fast // nil: this model has none
	unknown     int32
	bytePieces  *[256]int32 // raw ids of <0x00>..<0xFF>; nil without byte fallback
	unknownText string
	layout      layout
	fingerprint string
	scratch     sync.Pool // *scratch
}

// Load reads a .model file of at most 32 MiB.
func Load(path string) (*Model, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("sentencepiece model: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read sentencepiece model %s: %w", path, err)
	}
	m, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Parse reads the content of a .model file. It does not keep data.
func Parse(data []byte) (*Model, error) {
	if len(data) > maxFileBytes {
		return nil, fmt.Errorf("%w: larger than %d MiB", ErrNotModel, maxFileBytes>>20)
	}
	f, err := parseFile(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	m, err := newModel(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotModel, err)
	}
	sum := sha256.Sum256(data)
	m.fingerprint = hex.EncodeToString(sum[:])
	return m, nil
}

func newModel(f *file) (*Model, error) {
	if len(f.pieces) == 0 {
		return nil, errors.New("it has no pieces")
	}
	m := &Model{pieces: f.pieces, unknown: -1, unknownText: f.unknownSurface}
	searched, symbols, err := m.sortPieces()
	if err != nil {
		return nil, err
	}
	if f.byteFallback {
		if m.bytePieces, err = bytePieces(f.pieces); err != nil {
			return nil, err
		}
	}
	wordwise := true
	for _, e := range searched {
		wordwise = wordwise && !holdsWords(e.key) && m.pieces[e.value].kind != kindUnused
	}
	if m.trie, err = newTrie(searched); err != nil {
		return nil, err
	}
	m.norm = normalizer{
		dummyPrefix:    f.dummyPrefix,
		collapseSpaces: f.collapseSpaces,
		escapeSpaces:   f.escapeSpaces,
		spaceAsSuffix:  f.spaceAsSuffix,
	}
	if len(symbols) > 0 {
		if m.norm.symbols, err = newTrie(symbols); err != nil {
			return nil, err
		}
	}
	if len(f.charsmap) > 0 {
		if m.norm.rules, err = parseCharsmap(f.charsmap); err != nil {
			return nil, fmt.Errorf("normaliser: %w", err)
		}
	}
	m.norm.init()
	if len(f.denormalCharsmap) > 0 {
		m.denorm = &normalizer{}
		if m.denorm.rules, err = parseCharsmap(f.denormalCharsmap); err != nil {
			return nil, fmt.Errorf("denormaliser: %w", err)
		}
		m.denorm.init()
	}
	switch f.algorithm {
	case algorithmUnigram:
		m.unigram = newUnigram(f, m.trie, m.unknown)
	case algorithmBPE:
		m.bpe = newBPE(f, m.trie, m.norm.symbols, m.unknown, wordwise)
	default:
		return nil, fmt.Errorf("model type %d is neither Unigram (1) nor BPE (2)", f.algorithm)
	}
	m.layout = layoutOf(f.pieces, m.unknown)
	if m.fast, err = newFast(m, searched, symbols); err != nil {
		return nil, err
	}
	m.scratch.New = func() any { return new(scratch) }
	return m, nil
}

// sortPieces checks the pieces and tells those that a text is searched for, and among them the user's own symbols.
func (m *Model) sortPieces() (searched, symbols []entry, err error) {
	type name struct {
		text   string
		inText bool
	}
	seen := make(map[name]int, len(m.pieces))
	for i, p := range m.pieces {
		inText := p.kind == kindNormal || p.kind == kindUserDefined || p.kind == kindUnused
		switch {
		case p.text == "":
			return nil, nil, fmt.Errorf("piece %d is empty", i)
		case len(p.text) > maxPieceBytes:
			return nil, nil, fmt.Errorf("piece %d has %d bytes, more than %d", i, len(p.text), maxPieceBytes)
		case strings.IndexByte(p.text, 0) >= 0:
			return nil, nil, fmt.Errorf("piece %d holds a NUL byte", i)
		case math.IsNaN(float64(p.score)) || math.IsInf(float64(p.score), 0):
			return nil, nil, fmt.Errorf("piece %d %q has the score %v", i, p.text, p.score)
		case p.kind == kindUnknown && m.unknown >= 0:
			return nil, nil, fmt.Errorf("pieces %d and %d are both the unknown piece", m.unknown, i)
		case p.kind == kindUnknown:
			m.unknown = int32(i)
		}
		if j, ok := seen[name{p.text, inText}]; ok {
			return nil, nil, fmt.Errorf("pieces %d and %d are both %q", j, i, p.text)
		}
		seen[name{p.text, inText}] = i
		if inText {
			searched = append(searched, entry{p.text, int32(i)})
		}
		if p.kind == kindUserDefined {
			symbols = append(symbols, entry{p.text, int32(i)})
		}
	}
	if m.unknown < 0 {
		return nil, nil, errors.New("it has no unknown piece")
	}
	return searched, symbols, nil
}

// bytePieces finds the pieces <0x00>..<0xFF>.
func bytePieces(pieces []piece) (*[256]int32, error) {
	var ids [256]int32
	found := 0
	for i, p := range pieces {
		if p.kind != kindByte {
			continue
		}
		b, ok := byteOf(p.text)
		if !ok {
			return nil, fmt.Errorf("piece %d %q is no byte", i, p.text)
		}
		ids[b] = int32(i)
		found++
	}
	if found != len(ids) { // duplicates were refused before
		return nil, fmt.Errorf("byte fallback with %d byte pieces of 256", found)
	}
	return &ids, nil
}

// byteOf reads a byte piece: <0x and two upper-case hex digits and >.
func byteOf(p string) (b byte, ok bool) {
	const digits = "0123456789ABCDEF"
	if len(p) != 6 || p[:3] != "<0x" || p[5] != '>' {
		return 0, false
	}
	high, low := strings.IndexByte(digits, p[3]), strings.IndexByte(digits, p[4])
	return byte(high<<4 | low), high >= 0 && low >= 0
}

// Size is the number of raw pieces.
func (m *Model) Size() int { return len(m.pieces) }

// Piece is the text of a raw piece, or "" for an id outside [0, Size).
func (m *Model) Piece(raw int32) string {
	if raw < 0 || int(raw) >= len(m.pieces) {
		return ""
	}
	return m.pieces[raw].text
}
