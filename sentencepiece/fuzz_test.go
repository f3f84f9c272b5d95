package sentencepiece_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imglish/imglish/sentencepiece"
)

// A file is refused with an error, or makes a model that encodes anything. It never panics and never takes more memory
// than a small multiple of its size.
func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*/*.model")
	for _, path := range paths {
		if strings.Contains(path, "nfkc") {
			continue // 250 kB of rules are too much for quick tries
		}
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "some of the abc texts")
		f.Add(data[:len(data)/2], "")
		f.Add(append(data, "garbage"...), "\xff\x00")
	}
	f.Add(built("<unk>", 2, "a", 1, "▁", 4), "a a")
	f.Add(message(built("<unk>", 2, "a", 1), 3, message(nil, 2, []byte("\x08\x00\x00\x00\x01\x04\x00\x00\x61\x01\x00\x00ab\x00"))), "aa")
	f.Fuzz(func(t *testing.T, data []byte, text string) {
		if m, err := sentencepiece.Parse(data); err == nil {
			check(t, m, text)
		}
	})
}

func FuzzEncode(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*/*.model")
	var models []*sentencepiece.Model
	for _, path := range append(paths, "testdata/uni8k.model") {
		m, err := sentencepiece.Load(path)
		if err != nil {
			f.Fatal(err)
		}
		models = append(models, m)
	}
	for _, h := range hardTexts(f) {
		if len(h.Text) < 500 {
			f.Add(string(h.Text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range models {
			check(t, m, text)
		}
	})
}

// check holds what is true of every text and model: the pieces spell the normalised text, spans go forward inside the
// raw one, both ways to encode agree, and decoding what has no unknown piece gives the normalised text back.
func check(t *testing.T, m *sentencepiece.Model, text string) {
	t.Helper()
	e := m.Encode(text)
	norm := m.Normalize(text)
	if len(e.IDs) != len(e.Pieces) || len(e.IDs) != len(e.Spans) {
		t.Fatalf("%d ids, %d pieces, %d spans", len(e.IDs), len(e.Pieces), len(e.Spans))
	}
	if ids := m.AppendRaw(nil, text); !slices.Equal(ids, e.IDs) {
		t.Fatalf("%q: ids alone %v, with pieces %v", text, ids, e.IDs)
	}
	var spelled []byte
	at := 0
	for i, p := range e.Pieces {
		if s := e.Spans[i]; s[0] < at || s[1] < s[0] || s[1] > len(text) {
			t.Fatalf("%q: span %d of %v", text, i, e.Spans)
		} else {
			at = s[0]
		}
		if b, ok := bytePiece(p); ok && m.Piece(e.IDs[i]) == p && !strings.Contains(norm, p) {
			spelled = append(spelled, b)
		} else {
			spelled = append(spelled, p...)
		}
	}
	if !strings.Contains(norm, "<0x") && string(spelled) != norm {
		t.Fatalf("%q: pieces %q spell %q, normalised is %q", text, e.Pieces, spelled, norm)
	}
	s := m.Special()
	for _, id := range m.AppendIDs(nil, text) {
		if id < s.Unk || id >= s.Mask {
			t.Fatalf("%q: id %d outside [%d, %d)", text, id, s.Unk, s.Mask)
		}
	}
	m.Decode(e.IDs)
	m.DecodePieces(e.Pieces)
	if i := m.Info(); i.Type == sentencepiece.Unigram && len(text) < 200 {
		if best, err := m.NBest(text, 3); err != nil || len(best) == 0 {
			t.Fatalf("%q: %d segmentations, error %v", text, len(best), err)
		}
	}
}

func bytePiece(p string) (b byte, ok bool) {
	const digits = "0123456789ABCDEF"
	if len(p) != 6 || p[:3] != "<0x" || p[5] != '>' {
		return 0, false
	}
	high, low := strings.IndexByte(digits, p[3]), strings.IndexByte(digits, p[4])
	return byte(high<<4 | low), high >= 0 && low >= 0
}

// Decoding gives the normalised text back where every byte can be written: what byte fallback is for.
func FuzzRoundTrip(f *testing.F) {
	var models []*sentencepiece.Model
	for _, name := range []string{"variants/bpe_spaces", "kinds/bpe_gemma", "kinds/char_symbols", "kinds/uni_no_unknown"} {
		m, err := sentencepiece.Load("testdata/" + name + ".model")
		if err != nil {
			f.Fatal(err)
		}
		models = append(models, m)
	}
	for _, h := range hardTexts(f) {
		if len(h.Text) < 500 {
			f.Add(string(h.Text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, m := range models {
			norm := strings.ReplaceAll(m.Normalize(text), "▁", " ")
			z := m.Info().Normalizer
			switch {
			case z.RemoveExtraWhitespaces:
				norm = strings.TrimLeft(norm, " ")
			case z.AddDummyPrefix:
				norm = strings.TrimPrefix(norm, " ")
			}
			got := m.Decode(m.AppendRaw(nil, text))
			if z.RemoveExtraWhitespaces {
				got = strings.TrimLeft(got, " ") // a symbol of two spaces keeps the second
			}
			if got != norm {
				t.Fatalf("model %d: %q decoded to %q, want %q", i, text, got, norm)
			}
		}
	})
}
