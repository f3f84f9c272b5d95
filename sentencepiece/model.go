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

	"github.com/sourcegraph/conc"
)

// maxFileBytes bounds a .model. The largest published ones have under 8 MB.
const maxFileBytes = 32 << 20

// maxPieceBytes bounds one piece, as the original does; trainers make pieces of at most 16 characters, users' own
// symbols may be longer.
const maxPieceBytes = 8000 - 1

// maxPiecesBytes bounds all pieces that a text is searched for, and with them the trie: some 40 bytes each. The 256,000
// pieces of the largest published models have some 2 MB.
const maxPiecesBytes = 8 << 20

// maxSurfaceBytes bounds what an unknown piece is decoded to.
const maxSurfaceBytes = 1 << 10

// ErrNotModel is wrapped by every error about the content of a .model.
var ErrNotModel = errors.New("not a usable SentencePiece model")

// Model is a SentencePiece model, ready to encode.
type Model struct {
	pieces      []piece
	special     map[string]int32 // raw ids of the pieces that no text is searched for
	settings    *file            // without the pieces and the rules
	trie        *trie
	norm        normalizer
	denorm      *normalizer // nil: none
	unigram     *unigram    // one of the three
	bpe         *bpe
	lookup      *lookup
	fast        *fast       // nil: this model has none
	unknown     int32       // -1: none, which only byte fallback allows
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
	t := &f.trainer
	if len(t.unknownSurface) > maxSurfaceBytes {
		return nil, fmt.Errorf("the text for unknown pieces has %d bytes, more than %d", len(t.unknownSurface), maxSurfaceBytes)
	}
	m := &Model{pieces: f.pieces, special: map[string]int32{}, settings: f, unknown: -1, unknownText: t.unknownSurface}
	searched, symbols, err := m.sortPieces(t)
	if err != nil {
		return nil, err
	}
	if t.byteFallback {
		if m.bytePieces, err = bytePieces(f.pieces); err != nil {
			return nil, err
		}
	}
	// A word can be merged by itself if no piece reaches over its end, and no unused piece must be taken apart again:
	// how that is done is decided by the whole text.
	wordwise := true
	for _, e := range searched {
		wordwise = wordwise && !holdsWords(e.key) && f.pieces[e.value].kind != kindUnused
	}
	// The plain way's trie is built beside the fast way's, which takes as long.
	m.trie = new(trie)
	var group conc.WaitGroup
	var trieErr error
	group.Go(func() { trieErr = m.trie.build(searched) })
	defer group.Wait()
	if m.norm, err = newNormalizer(&f.normalizer, t.spaceAsSuffix, symbols); err != nil {
		return nil, fmt.Errorf("normaliser: %w", err)
	}
	if len(f.denormalizer.charsmap) > 0 {
		denorm, err := newNormalizer(&f.denormalizer, false, nil)
		if err != nil {
			return nil, fmt.Errorf("denormaliser: %w", err)
		}
		m.denorm = &denorm
	}
	switch t.model {
	case Unigram:
		if len(searched) == 0 {
			return nil, errors.New("it has special pieces only")
		}
		m.unigram = newUnigram(f, m.trie, m.unknown)
	case BPE:
		m.bpe = newBPE(f, m.trie, m.norm.symbols, m.unknown, wordwise)
	case Word, Char:
		m.lookup = newLookup(f, m.trie, m.norm.symbols, m.unknown)
	default:
		return nil, fmt.Errorf("model type %d is none of Unigram (1), BPE (2), WORD (3) and CHAR (4)", t.model)
	}
	m.layout = layoutOf(f.pieces, m.unknown)
	if m.fast, err = newFast(m, searched, symbols); err != nil {
		return nil, err
	}
	if group.Wait(); trieErr != nil {
		return nil, trieErr
	}
	m.scratch.New = func() any { return new(scratch) }
	f.pieces, f.normalizer.charsmap, f.denormalizer.charsmap = nil, nil, nil
	return m, nil
}

// sortPieces checks the pieces and tells those that a text is searched for, and among them the user's own symbols.
func (m *Model) sortPieces(t *trainerSettings) (searched, symbols []entry, err error) {
	type name struct {
		text   string
		inText bool
	}
	seen := make(map[name]int, len(m.pieces))
	bytes := 0
	for i := range m.pieces {
		p := &m.pieces[i]
		if p.text == "\x00" && (p.kind == kindUnused || t.byteFallback) {
			// Some converters write a piece for the NUL byte beside <0x00>. No text is made of it.
			p.kind = kindUnused
			continue
		}
		inText := p.kind == kindNormal || p.kind == kindUserDefined || p.kind == kindUnused
		switch {
		case p.text == "":
			return nil, nil, fmt.Errorf("piece %d is empty", i)
		case len(p.text) > maxPieceBytes:
			return nil, nil, fmt.Errorf("piece %d has %d bytes, more than %d", i, len(p.text), maxPieceBytes)
		case strings.IndexByte(p.text, 0) >= 0:
			return nil, nil, fmt.Errorf("piece %d holds a NUL byte", i)
		case badScore(p.score, t.model):
			return nil, nil, fmt.Errorf("piece %d %q has the score %v", i, p.text, p.score)
		case p.kind == kindByte && !t.byteFallback:
			return nil, nil, fmt.Errorf("piece %d %q is a byte in a model without byte fallback", i, p.text)
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
			if bytes += len(p.text); bytes > maxPiecesBytes {
				return nil, nil, fmt.Errorf("its pieces have more than %d MiB of text", maxPiecesBytes>>20)
			}
			searched = append(searched, entry{p.text, int32(i)})
		} else {
			m.special[p.text] = int32(i)
		}
		if p.kind == kindUserDefined {
			symbols = append(symbols, entry{p.text, int32(i)})
		}
	}
	if m.unknown < 0 && !t.byteFallback {
		return nil, nil, errors.New("it has no unknown piece")
	}
	return searched, symbols, nil
}

// badScore reports a score that a model cannot work with: sums need finite ones, merges an order, and the rest none.
func badScore(score float32, t Type) bool {
	s := float64(score)
	return t == Unigram && (math.IsNaN(s) || math.IsInf(s, 0)) || t == BPE && math.IsNaN(s)
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

// Score is the score of a raw piece: of a Unigram model the logarithm of its probability, of a BPE model its rank, negative.
// It is 0 for an id outside [0, Size).
func (m *Model) Score(raw int32) float32 {
	if raw < 0 || int(raw) >= len(m.pieces) {
		return 0
	}
	return m.pieces[raw].score
}

// PieceID is the raw id of a piece; ok is false if the model does not have it.
func (m *Model) PieceID(text string) (raw int32, ok bool) {
	if id, ok := m.special[text]; ok {
		return id, true
	}
	if text == "" {
		return -1, false
	}
	id := find(m.trie, text)
	return id, id >= 0
}
