package train

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/imglish/imglish/sentencepiece"
)

// ruleHashes are of the rules that models of the original library carry, release 0.2.3: SHA-256 over the rules in the
// order of their keys, each as key, NUL, replacement, NUL.
var ruleHashes = map[string]string{
	"nfkc":        "75521325005e3895b72995e885c4ec3df21bf8e9a059d4211f0b6656a5ae9fca",
	"nmt_nfkc":    "8616a66b7d2a74d6706485ffea00c0d2ce0375fae3449dc1c6ea6120c925a91a",
	"nfkc_cf":     "92c9d2e5fc469cc1e11d6743c46f8fc49a126b4cb802dca66d662261329d41ef",
	"nmt_nfkc_cf": "e43e4be7d6d5bf0ed525a5a7c7350d022d0129c46505e74f6ec0d002454c09bb",
}

func hashRules(r Rules) string {
	h := sha256.New()
	for _, from := range slices.Sorted(maps.Keys(r)) {
		fmt.Fprintf(h, "%s\x00%s\x00", from, r[from])
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// decompile reads compiled rules back.
func decompile(data []byte) Rules {
	size := binary.LittleEndian.Uint32(data)
	units := make([]uint32, size/4)
	for i := range units {
		units[i] = binary.LittleEndian.Uint32(data[4+4*i:])
	}
	block := data[4+size:]
	r := Rules{}
	var visit func(at uint32, key []byte)
	visit = func(at uint32, key []byte) {
		u := units[at]
		base := at ^ u>>10<<(u&(1<<9)>>6)
		if u&unitHasValue != 0 {
			from := units[base] &^ unitIsValue
			to := from
			for block[to] != 0 {
				to++
			}
			r[string(key)] = string(block[from:to])
		}
		for b := uint32(1); b < 256; b++ {
			if next := base ^ b; next < size/4 && units[next]&(unitIsValue|0xff) == b {
				visit(next, append(key[:len(key):len(key)], byte(b)))
			}
		}
	}
	visit(0, nil)
	return r
}

func TestRulesAreTheOriginals(t *testing.T) {
	for name, want := range ruleHashes {
		compiled, err := compiledRules(&Config{Rule: name})
		if err != nil {
			t.Fatal(err)
		}
		r := decompile(compiled)
		if got := hashRules(r); got != want {
			t.Errorf("%d rules of %s hash to %s, the original's to %s", len(r), name, got, want)
		}
	}
}

// charsmapOf takes the compiled rules out of a .model.
func charsmapOf(t *testing.T, model []byte) (rules []byte) {
	t.Helper()
	fields := func(data []byte, f func(protowire.Number, []byte)) {
		for len(data) > 0 {
			n, typ, k := protowire.ConsumeTag(data)
			if typ == protowire.BytesType {
				v, _ := protowire.ConsumeBytes(data[k:])
				f(n, v)
			}
			k += protowire.ConsumeFieldValue(n, typ, data[k:])
			data = data[k:]
		}
	}
	fields(model, func(n protowire.Number, v []byte) {
		if n == 3 {
			fields(v, func(n protowire.Number, v []byte) {
				if n == 2 {
					rules = v
				}
			})
		}
	})
	return rules
}

// A model that the original trained carries the rules of the Unicode of its day: what it has, newer rules have too.
func TestRulesOfAModelInTheWild(t *testing.T) {
	data, err := os.ReadFile("../testdata/uni8k.model")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := compiledRules(&Config{Rule: "nmt_nfkc"})
	if err != nil {
		t.Fatal(err)
	}
	ours := decompile(compiled)
	theirs := decompile(charsmapOf(t, data))
	if len(theirs) < 200_000 {
		t.Fatalf("the model has %d rules", len(theirs))
	}
	differ := 0
	for from, to := range theirs {
		if got, ok := ours[from]; !ok || got != to {
			if differ++; differ < 10 {
				t.Errorf("%+q becomes %+q, in the model %+q", from, got, to)
			}
		}
	}
}

// A NUL of a text must not walk through units that are free.
func TestCompiledRulesAndNUL(t *testing.T) {
	r := Rules{"a": "b", "ab": "c", "é": "e", "abcd": ""}
	compiled, err := r.Compile()
	if err != nil {
		t.Fatal(err)
	}
	d := sentencepiece.Draft{Rules: compiled, Pieces: []sentencepiece.DraftPiece{
		{Text: "<unk>", Kind: sentencepiece.Unknown}, {Text: "▁", Kind: sentencepiece.Normal}}}
	m, err := sentencepiece.Parse(d.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range [][2]string{
		{"a", "b"}, {"ab", "c"}, {"abc", "cc"}, {"abcd", ""}, {"éa\x00a", "eb\x00b"}, {"\x00ab", "\x00c"}, {"a\x00bcd", "b\x00bcd"},
	} {
		if got := string(m.Normalized(nil, tt[0])); got != tt[1] {
			t.Errorf("%q becomes %q, want %q", tt[0], got, tt[1])
		}
	}
}

func TestBadRules(t *testing.T) {
	long := Rules{}
	for text := "a"; len(text) <= maxRulePrefixes; text += "a" {
		long[text] = "b"
	}
	for _, r := range []Rules{{"": "a"}, {"\x00": "a"}, {"a": "\x00"}, {"\xff": "a"}, {"a": "\xff"}, long} {
		if _, err := r.Compile(); err == nil {
			t.Errorf("%d rules like %q were taken", len(r), r)
		}
	}
	if _, err := RulesOf("nkfc"); err == nil {
		t.Error("nkfc is no rule")
	}
}

func FuzzRules(f *testing.F) {
	f.Add("a", "b", "ab", "c", "xabab\x00a")
	f.Fuzz(func(t *testing.T, from1, to1, from2, to2, text string) {
		r := Rules{from1: to1, from2: to2}
		compiled, err := r.Compile()
		if err != nil || !utf8.ValidString(text) {
			return
		}
		if back := decompile(compiled); !maps.Equal(back, r) {
			t.Fatalf("%q comes back as %q", r, back)
		}
		d := sentencepiece.Draft{Rules: compiled, Pieces: []sentencepiece.DraftPiece{
			{Text: "<unk>", Kind: sentencepiece.Unknown}, {Text: "▁", Kind: sentencepiece.Normal}}}
		if _, err := sentencepiece.Parse(d.Marshal()); err != nil {
			t.Fatal(err)
		}
	})
}
