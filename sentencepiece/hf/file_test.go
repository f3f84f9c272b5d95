package hf

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/imglish/imglish/sentencepiece"
)

func TestReadFile(t *testing.T) {
	clean, s, err := readFile([]byte(`{"truncation":{"max_length":4},"padding":{"pad_id":0},
		"added_tokens":[{"id":0,"content":"[PAD]"},{"id":2,"content":"[CLS]"},{"id":3,"content":"[SEP]"}],
		"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":{"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"a":4}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := (sentencepiece.Special{BOS: 2, Pad: 0, EOS: 3, Unk: 1, Mask: 5, Vocab: 6}); s != want {
		t.Errorf("specials %+v, want %+v", s, want)
	}
	var fields map[string]any
	if err := json.Unmarshal(clean, &fields); err != nil || fields["truncation"] != nil || fields["padding"] != nil {
		t.Errorf("cutting %v and padding %v are still on, error %v", fields["truncation"], fields["padding"], err)
	}
	_, s, err = readFile([]byte(`{"model":{"type":"Unigram","vocab":[["<s>",0],["<pad>",0],["</s>",0],["<unk>",0],["a",-1]]}}`))
	if want := (sentencepiece.Special{BOS: 0, Pad: 1, EOS: 2, Unk: 3, Mask: 5, Vocab: 6}); err != nil || s != want {
		t.Errorf("Unigram: specials %+v, want %+v, error %v", s, want, err)
	}
}

func TestReadFileRefuses(t *testing.T) {
	for _, tt := range []struct{ data, want string }{
		{"", "not a tokenizer.json"},
		{"[1]", "not a tokenizer.json"},
		{"{}", "model"},
		{`{"model":{}}`, "no vocabulary"},
		{`{"model":{"vocab":{"a":-1}}}`, "id -1"},
		{`{"model":{"vocab":{"a":4000000000}}}`, "vocabulary"},
		{`{"model":{"vocab":[[]]}}`, "entry 0 is empty"},
		{`{"model":{"vocab":[[1,2]]}}`, "entry 0 is no token"},
		{`{"model":{"vocab":{"a":1}},"added_tokens":3}`, "added_tokens"},
	} {
		if _, _, err := readFile([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.data, err, tt.want)
		}
	}
}

func FuzzPassable(f *testing.F) {
	f.Add("plain")
	f.Add("a\x00b\xffc\u00e9")
	f.Fuzz(func(t *testing.T, text string) {
		out, from := passable(text)
		if strings.ContainsRune(out, 0) || strings.ToValidUTF8(out, "") != out {
			t.Errorf("%q became %q", text, out)
		}
		if from == nil {
			if out != text {
				t.Errorf("%q became %q without a map", text, out)
			}
			return
		}
		if len(from) != len(out)+1 || from[len(out)] != len(text) {
			t.Errorf("%q: %d places for %d bytes", text, len(from), len(out))
		}
		for i := 1; i < len(from); i++ {
			if from[i] < from[i-1] {
				t.Errorf("%q: places %v go back", text, from)
			}
		}
	})
}
