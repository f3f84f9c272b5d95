package sentencepiece_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/imglish/imglish/sentencepiece"
)

// built writes a .model by hand: the pieces given as text and type.
func built(pieces ...any) []byte {
	var b []byte
	for i := 0; i < len(pieces); i += 2 {
		var p []byte
		p = protowire.AppendTag(p, 1, protowire.BytesType)
		p = protowire.AppendString(p, pieces[i].(string))
		p = protowire.AppendTag(p, 2, protowire.Fixed32Type)
		p = protowire.AppendFixed32(p, 0xbf800000) // -1
		p = protowire.AppendTag(p, 3, protowire.VarintType)
		p = protowire.AppendVarint(p, uint64(pieces[i+1].(int)))
		b = protowire.AppendTag(b, 1, protowire.BytesType)
		b = protowire.AppendBytes(b, p)
	}
	return b
}

func message(b []byte, field protowire.Number, content []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, content)
}

func flag(field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
}

func TestDamagedModels(t *testing.T) {
	whole, err := os.ReadFile("testdata/variants/uni_keep.model")
	if err != nil {
		t.Fatal(err)
	}
	const normal, unknown, control, byteKind = 1, 2, 3, 6
	minimal := slices.Clip(built("<unk>", unknown, "a", normal))
	charsmap := func(content string) []byte {
		return message(minimal, 3, message(nil, 2, []byte(content)))
	}
	for _, tt := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "no pieces"},
		{"text", []byte("this is not a model, it is a line of text\n"), "byte 0"},
		{"cut in a piece", whole[:len(whole)/2], "byte"},
		{"garbage behind", append(whole[:len(whole):len(whole)], 0xff, 0xff), "byte 7129"},
		{"no unknown", built("a", normal), "no unknown piece"},
		{"two unknown", built("<unk>", unknown, "<u>", unknown), "both the unknown"},
		{"twice the same", built("<unk>", unknown, "a", normal, "a", normal), `pieces 1 and 2 are both "a"`},
		{"empty piece", built("<unk>", unknown, "", normal), "piece 1 is empty"},
		{"NUL", built("<unk>", unknown, "a\x00b", normal), "NUL"},
		{"long piece", built("<unk>", unknown, strings.Repeat("a", 8000), normal), "8000 bytes"},
		{"piece type", built("<unk>", unknown, "a", 9), "piece type 9"},
		{"model type", message(minimal, 2, flag(3, 5)), "model type 5"},
		{"byte piece without fallback", built("<unk>", unknown, "<0x00>", byteKind), "without byte fallback"},
		{"special pieces only", built("<unk>", unknown, "<s>", control), "special pieces only"},
		{"score", append(slices.Clip(minimal), message(nil, 1, append(message(nil, 1, []byte("b")), 0x15, 0, 0, 0xc0, 0x7f))...), "score NaN"},
		{"long surface", message(minimal, 2, message(nil, 44, make([]byte, 2000))), "2000 bytes"},
		{"long rule", charsmap("\x04\x00\x00\x00\x00\x00\x00\x00" + strings.Repeat("a", 2000) + "\x00"), "puts 2000 bytes"},
		{"bytes missing", message(built("<unk>", unknown, "<0x00>", byteKind), 2, flag(35, 1)), "1 byte pieces of 256"},
		{"no byte", message(built("<unk>", unknown, "<0xZZ>", byteKind), 2, flag(35, 1)), "is no byte"},
		{"rules too short", charsmap("abc"), "only 3 bytes"},
		{"rules reach outside", charsmap("\xff\xff\xff\x00aaaa"), "array of 16777215 bytes"},
		{"rules without end", charsmap("\x04\x00\x00\x00\x00\x00\x00\x00abc"), "no end"},
		{"rule points outside", charsmap("\x04\x00\x00\x00\x07\x00\x00\x80abc\x00"), "byte 7 of 4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sentencepiece.Parse(tt.data)
			if !errors.Is(err, sentencepiece.ErrNotModel) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := sentencepiece.Parse(minimal); err != nil {
		t.Errorf("the smallest model: %v", err)
	}
}

// Files of 8 MB that were made to fill the trie badly: parsing stays within a multiple of their size, or refuses.
func TestHostileModelsInBoundedMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(1 + rng.IntN(255))
		}
		return string(b)
	}
	for _, tt := range []struct {
		name  string
		piece func(i int) string
		ok    bool
	}{
		{"short pieces", func(i int) string { return random(8) }, true},
		{"children far apart", func(i int) string { return fmt.Sprintf("%x%c", i/8, rune(1+i%8*15)) }, true},
		{"long pieces", func(i int) string { return random(7000) }, true},
		{"too many", func(i int) string { return random(7900) }, false},
	} {
		size := 6 << 20
		if !tt.ok {
			size = 9 << 20
		}
		data := built("<unk>", 2)
		for i := 0; len(data) < size; i++ {
			data = append(data, built(tt.piece(i), 1)...)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := sentencepiece.Parse(data)
		runtime.ReadMemStats(&after)
		if times := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(data)); times > 150 {
			t.Errorf("%s: all allocations are %.0f times the file", tt.name, times)
		}
		if tt.ok != (err == nil) {
			t.Errorf("%s: error %v", tt.name, err)
		}
		if m != nil {
			m.Encode(random(1000))
		}
	}
}

// A rule's trie with a loop, which matches a text of any length, costs the same at each character.
func TestRulesWithALoop(t *testing.T) {
	// One unit for each byte; the unit of 'a' leads to itself: base 0, label 'a'.
	units := make([]byte, 4*256)
	units[4*'a'] = 'a'
	binary.LittleEndian.PutUint32(units[4*'a':], uint32('a')|uint32('a')<<10)
	data := append(binary.LittleEndian.AppendUint32(nil, uint32(len(units))), units...)
	data = append(data, "x\x00"...)
	m, err := sentencepiece.Parse(message(built("<unk>", 2, "a", 1), 3, message(nil, 2, data)))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.AppendRaw(nil, strings.Repeat("a", 100_000)); len(got) < 100_000 {
		t.Errorf("%d ids", len(got))
	}
}

func TestLoadNamesFile(t *testing.T) {
	if _, err := sentencepiece.Load("testdata/missing.model"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "bad.model")
	if err := os.WriteFile(path, []byte("bad"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := sentencepiece.Load(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name the file", err)
	}
}

// A file that does not start with <unk>, <s>, </s> keeps all its pieces, behind XLM-R's four.
func TestLayoutOfOtherFiles(t *testing.T) {
	m, err := sentencepiece.Parse(built("▁", 1, "a", 1, "b", 1, "<unk>", 2, "<s>", 3))
	if err != nil {
		t.Fatal(err)
	}
	want := sentencepiece.Special{BOS: 0, Pad: 1, EOS: 2, Unk: 3, Mask: 9, Vocab: 10}
	if s := m.Special(); s != want {
		t.Errorf("specials %+v, want %+v", s, want)
	}
	ids := m.AppendIDs(nil, "ab?")
	if len(ids) != 4 || ids[0] != 4 || ids[1] != 5 || ids[2] != 6 || ids[3] != 3 {
		t.Errorf("ids %v, want [4 5 6 3]", ids)
	}
	if got := m.DecodeIDs(ids); got != "ab \u2047 " {
		t.Errorf("decoded %q", got)
	}
}
