package sentencepiece_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/imglish/imglish/sentencepiece"
)

// hardText is one of testdata/texts.jsonl.
type hardText struct {
	Tag  string
	Text []byte `json:"b64"`
}

func load(tb testing.TB, name string) *sentencepiece.Model {
	tb.Helper()
	m, err := sentencepiece.Load("testdata/" + name + ".model")
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func hardTexts(tb testing.TB) []hardText {
	tb.Helper()
	return readLines[hardText](tb, "testdata/texts.jsonl")
}

func readLines[T any](tb testing.TB, path string) (all []T) {
	tb.Helper()
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<22)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			tb.Fatalf("%s: %v", path, err)
		}
		all = append(all, v)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return all
}

// The expected values were made by the original library, the XLM-R ids by the slow tokenizer of transformers.
func TestEqualsOriginal(t *testing.T) {
	texts := hardTexts(t)
	for _, name := range []string{"uni8k", "uni8k_bf", "bpe4k"} {
		t.Run(name, func(t *testing.T) {
			m := load(t, name)
			type result struct {
				Model  string
				SHA256 string
				Size   int
				Tag    string
				IDs    []int32
				Pieces []string
				Spans  [][2]int
				XLMR   []int32
				Norm   json.RawMessage // a string, or of long texts {"sha256": …}
				Dec    string
			}
			wants := readLines[result](t, "testdata/"+name+".jsonl")
			head, wants := wants[0], wants[1:]
			if m.Fingerprint() != head.SHA256 || m.Size() != head.Size {
				t.Errorf("fingerprint %s, %d pieces, want %s, %d", m.Fingerprint(), m.Size(), head.SHA256, head.Size)
			}
			if len(wants) != 247 || len(texts) != 247 {
				t.Fatalf("%d results for %d texts, want 247", len(wants), len(texts))
			}
			xlmr, detailed := 0, 0
			for i, want := range wants {
				text := string(texts[i].Text)
				if texts[i].Tag != want.Tag {
					t.Fatalf("text %d is %q, result is of %q", i, texts[i].Tag, want.Tag)
				}
				got := m.Encode(text)
				fail := func(what, diff string) {
					t.Helper()
					if diff != "" {
						t.Errorf("%s %.80q: %s (-want +got):\n%s", want.Tag, text, what, diff)
					}
				}
				empty := cmpopts.EquateEmpty()
				fail("ids", cmp.Diff(want.IDs, got.IDs, empty))
				if want.Pieces != nil { // long texts have ids only
					detailed++
					fail("pieces", cmp.Diff(want.Pieces, got.Pieces, empty))
					fail("spans", cmp.Diff(want.Spans, got.Spans, empty))
				}
				fail("raw ids alone", cmp.Diff(want.IDs, m.AppendRaw(nil, text), empty))
				fail("decoded", cmp.Diff(want.Dec, m.Decode(got.IDs)))
				norm := m.Normalize(text)
				if want.Norm[0] == '{' {
					norm = fmt.Sprintf(`{"sha256": "%x"}`, sha256.Sum256([]byte(norm)))
					fail("normalised", cmp.Diff(string(want.Norm), norm))
				} else {
					var plain string
					if err := json.Unmarshal(want.Norm, &plain); err != nil {
						t.Fatal(err)
					}
					fail("normalised", cmp.Diff(plain, norm))
				}
				if len(want.XLMR) > 0 {
					xlmr++
					s := m.Special()
					ids := append(m.AppendIDs([]int32{s.BOS}, text), s.EOS)
					fail("XLM-R ids", cmp.Diff(want.XLMR, ids))
					fail("XLM-R ids decoded", cmp.Diff(want.Dec, m.DecodeIDs(ids)))
				}
			}
			if detailed < 240 || name == "uni8k" && xlmr != 247 {
				t.Errorf("only %d texts with pieces and %d with XLM-R ids", detailed, xlmr)
			}
		})
	}
}
