//go:build tokenizers

package hf_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/sentencepiece/hf"
)

// published returns a real tokenizer.json out of the test data of the binding's own module.
func published(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/daulet/tokenizers@v1.24.0").Output()
	if err != nil {
		t.Skipf("the module's folder cannot be asked for: %v", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(module.Dir, "test", "data", name)
}

func load(t *testing.T, path string) *hf.Tokenizer {
	t.Helper()
	tok, err := hf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tok.Close() })
	return tok
}

func TestBERT(t *testing.T) {
	tok := load(t, published(t, "bert-base-uncased.json"))
	if want := (sentencepiece.Special{BOS: 101, Pad: 0, EOS: 102, Unk: 100, Mask: 103, Vocab: 30522}); tok.Special() != want {
		t.Errorf("specials %+v, want %+v", tok.Special(), want)
	}
	text := "brown fox jumps over the lazy dog"
	want := []int32{2829, 4419, 14523, 2058, 1996, 13971, 3899} // as the published vocabulary numbers these words
	if got := tok.AppendIDs([]int32{7}, text); !slices.Equal(got[1:], want) || got[0] != 7 {
		t.Errorf("ids %v, want 7 and %v", got, want)
	}
	e := tok.Encode(text)
	if !slices.Equal(e.IDs, want) || !slices.Equal(e.Pieces, strings.Fields(text)) {
		t.Errorf("encoding %+v", e)
	}
	for i, s := range e.Spans {
		if text[s[0]:s[1]] != e.Pieces[i] {
			t.Errorf("span %v is %q, want %q", s, text[s[0]:s[1]], e.Pieces[i])
		}
	}
	if ids := tok.AppendIDs(nil, ""); len(ids) != 0 {
		t.Errorf("an empty text has the ids %v", ids)
	}
}

// The file asks for 128 pieces at most and padding to that; a special token's name in a text is text.
func TestTextStaysWhole(t *testing.T) {
	tok := load(t, published(t, "all-minilm-l6-v2.json"))
	if ids := tok.AppendIDs(nil, strings.Repeat("red ", 1000)); len(ids) != 1000 {
		t.Errorf("%d ids for 1000 words", len(ids))
	}
	if ids := tok.AppendIDs(nil, "red"); len(ids) != 1 {
		t.Errorf("ids %v for one word", ids)
	}
	s := tok.Special()
	for _, id := range tok.AppendIDs(nil, "a [MASK] and a [SEP] and a [CLS]") {
		if id == s.Mask || id == s.EOS || id == s.BOS {
			t.Errorf("the text's own words made the special id %d", id)
		}
	}
}

func TestNULAndInvalidBytes(t *testing.T) {
	tok := load(t, published(t, "Meta-Llama-3-8B-Instruct.json"))
	text := "red\x00 circle \xff\xfe blue é"
	e := tok.Encode(text)
	if !slices.Equal(e.IDs, tok.AppendIDs(nil, text)) {
		t.Errorf("ids %v, alone %v", e.IDs, tok.AppendIDs(nil, text))
	}
	last := e.Spans[len(e.Spans)-1]
	if last[1] != len(text) || text[last[0]:last[1]] != " é" {
		t.Errorf("last span %v of %d bytes, want the last word", last, len(text))
	}
	if !slices.Equal(e.IDs, tok.AppendIDs(nil, "red\ufffd circle \ufffd\ufffd blue é")) {
		t.Errorf("ids %v are not those of the text with U+FFFD", e.IDs)
	}
	if s := tok.Special(); s.BOS != 128000 || s.EOS != 128001 || s.Pad < 128256 || s.Mask < 128256 || s.Vocab != int(s.Mask)+1 {
		t.Errorf("specials %+v, want pad, unk and mask behind the vocabulary", s)
	}
}

func TestManyGoroutines(t *testing.T) {
	tok := load(t, published(t, "bert-base-uncased.json"))
	want := tok.AppendIDs(nil, "two red circles on a blue background")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				if got := tok.AppendIDs(nil, "two red circles on a blue background"); !slices.Equal(got, want) {
					t.Errorf("ids %v, want %v", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestBatch(t *testing.T) {
	tok := load(t, published(t, "bert-base-uncased.json"))
	var texts []string
	for i := range 500 {
		texts = append(texts, strings.Repeat("two red circles ", i%7))
	}
	for _, threads := range []int{0, 1, 4} {
		got := tok.BatchIDs(texts, threads)
		if len(got) != len(texts) {
			t.Fatalf("%d results for %d texts", len(got), len(texts))
		}
		for i, ids := range got {
			if !slices.Equal(ids, tok.AppendIDs(nil, texts[i])) {
				t.Errorf("%d threads, text %d: ids %v", threads, i, ids)
			}
		}
	}
}

// The library says nothing where it fails: this file has no piece for unknown words.
func TestCheckFindsFailures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokenizer.json")
	file := `{"version":"1.0","added_tokens":[],"normalizer":{"type":"Strip","strip_left":true,"strip_right":true},
		"pre_tokenizer":{"type":"Whitespace"},"post_processor":null,"decoder":null,
		"model":{"type":"WordLevel","unk_token":"[UNK]","vocab":{"red":0,"circle":1}}}`
	if err := os.WriteFile(path, []byte(file), 0o666); err != nil {
		t.Fatal(err)
	}
	tok := load(t, path)
	if ids := tok.AppendIDs(nil, "blue"); len(ids) != 0 {
		t.Fatalf("ids %v of a word that is not there", ids)
	}
	if err := tok.Check("blue"); !errors.Is(err, hf.ErrCannotEncode) || !strings.Contains(err.Error(), "blue") {
		t.Errorf("error %v", err)
	}
	for _, fine := range []string{"red", "red circle", "", "  \t", "\u2003"} {
		if err := tok.Check(fine); err != nil {
			t.Errorf("%q: %v", fine, err)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	if _, err := hf.Load("testdata/missing.json"); err == nil {
		t.Error("a missing file loads")
	}
	if _, err := hf.Load("doc.go"); err == nil || !strings.Contains(err.Error(), "doc.go") {
		t.Errorf("error %v does not name the file", err)
	}
}
