package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/stages/shard"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

func trainText(t *testing.T, in string, args ...string) (model []byte, report map[string]any, err error) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "m.model")
	got, err := runWith(t.Context(), newTextCommand(), in,
		append([]string{"train", "--out", out, "--json", "--normalization", "identity", "--hard-vocab-limit=false"}, args...)...)
	if err != nil {
		if _, missing := os.Stat(out); missing == nil {
			t.Errorf("%v, but there is a model", err)
		}
		return nil, nil, err
	}
	if err := json.Unmarshal([]byte(got), &report); err != nil {
		t.Fatalf("%v in %q", err, got)
	}
	model, err = os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := sentencepiece.Load(out); err != nil || float64(m.Size()) != report["pieces"] {
		t.Fatalf("%d pieces, %v, report %v", m.Size(), err, report)
	}
	return model, report, nil
}

func TestTextTrain(t *testing.T) {
	var plain, quoted strings.Builder
	for i := range 300 {
		text := fmt.Sprintf("a red circle beside %d blue squares", i%17)
		fmt.Fprintln(&plain, text)
		line, _ := json.Marshal(map[string]string{"text": text})
		fmt.Fprintf(&quoted, "%s\n", line)
	}
	file := filepath.Join(t.TempDir(), "texts.txt")
	if err := os.WriteFile(file, []byte(plain.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	want, report, err := trainText(t, plain.String(), "--threads", "1")
	if err != nil || report["texts"] != 300.0 {
		t.Fatal(err, report)
	}
	for _, tt := range []struct {
		in   string
		args []string
	}{
		{quoted.String(), []string{"--jsonl", "--threads", "3"}},
		{"", []string{file, "--memory-mb", "128"}},
	} {
		if got, _, err := trainText(t, tt.in, tt.args...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: another model (%v)", tt.args, err)
		}
	}
	bpe, _, err := trainText(t, plain.String(), "--type", "bpe", "--vocab", "300", "--byte-fallback", "--user-defined-symbols", "<sep>,blue", "--pad-id", "3")
	if err != nil {
		t.Fatal(err)
	}
	m, err := sentencepiece.Parse(bpe)
	if err != nil {
		t.Fatal(err)
	}
	if p := m.Piece(3) + m.Piece(4) + m.Piece(5) + m.Piece(6); p != "<pad><sep>blue<0x00>" {
		t.Errorf("pieces 3 to 6 are %s", p)
	}
}

func TestTextTrainOwnRules(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.tsv")
	if err := os.WriteFile(file, []byte("0041\t0062 0063\t# A => bc\n\nU+0064\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data, _, err := trainText(t, "Add\nA\n", "--normalization-tsv", file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sentencepiece.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(m.Normalized(nil, "dAx")); got != "▁bcx" {
		t.Errorf("dAx becomes %q", got)
	}
	for content, want := range map[string]string{"": "no rules", "zz\t41\n": `line 1: "zz"`, "41\t42\n\t41\n": "line 2", "41\tD800\n": `"D800"`} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := trainText(t, "a\n", "--normalization-tsv", file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rules %q: error %v, want %s", content, err, want)
		}
	}
}

// The texts of a data folder: all parts of texts, the captions of pairs once for all views, no skipped ones.
func TestTextTrainFromShards(t *testing.T) {
	dir := t.TempDir()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := shard.Defaults()
	c.Range = 16
	sink, err := shard.New(st, c, shard.Tokenizers{Text: shards.Textual{Fingerprint: "t", Special: shards.Special{Pad: 1, EOS: 2, Unk: 3, Mask: 49, Vocab: 50}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var in []pipeline.Outcome
	for i := range uint64(40) {
		origin := &pipeline.Origin{Dataset: "d", Key: fmt.Sprint(i), Revision: "1"}
		s := &pipeline.Sample{Id: pipeline.SampleID("d", origin.Key, "1"), Kind: pipeline.Kind_TEXT, Source: origin,
			Parts: []*pipeline.Part{{Number: 0, Text: "erste"}, {Number: 1, Text: "zweite\nZeile"}}}
		if i%2 == 1 {
			s.Kind = pipeline.Kind_PAIR
			s.Parts = []*pipeline.Part{{Text: "Bild"}}
			s.Image = &pipeline.Image{Sha256: make([]byte, 32), Width: 8, Height: 8, Format: "png"}
			for v := range int32(2) {
				s.Views = append(s.Views, &pipeline.View{Number: v, Encoded: []byte("x"), Encoding: "png", Side: 8, Grid: 1})
			}
		}
		o := pipeline.Outcome{Seq: i, EndOfFile: i == 39}
		o.Sample = s
		in = append(in, o)
	}
	if _, err := sink.Append(t.Context(), pipeline.Lane{Line: "line", Source: "d"}, in); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	got, report, err := trainText(t, "", "--data", dir)
	if err != nil || report["texts"] != 60.0 {
		t.Fatalf("%v, %v, want 60 texts", err, report)
	}
	lines := strings.Repeat(`{"text":"Bild"}`+"\n"+`{"text":"zweite\nZeile"}`+"\n"+`{"text":"erste"}`+"\n", 20)
	if want, _, err := trainText(t, lines, "--jsonl"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("another model than from the same texts as lines (%v)", err)
	}
}

func TestTextTrainErrors(t *testing.T) {
	for _, tt := range []struct{ in, args, want string }{
		{"", "", "there are none"},
		{"a\n", "--type word", "type is"},
		{"a\n", "--memory-mb 1", "memory in MiB is 1"},
		{"a\n", "--data . --jsonl", "instead of files"},
		{"a\n", "nofile.txt", "nofile.txt"},
		{"a\n", "--data nowhere", "nowhere"},
		{"[\n", "--jsonl", "standard input, line 1"},
		{"hello\n", "--hard-vocab-limit", "at most"},
		{"\xff\n", "", "1 are not UTF-8"},
		{"hello\n\xff\n", "--hard-vocab-limit", "of 2 texts 0 are empty, 1 are not UTF-8"},
		{"[\n", "--jsonl --scratch nowhere", "--scratch nowhere takes no file"},
		{"a\n", "--vocab 9999999", "vocabulary is 9999999, must be 2 to 4000000"},
		{"a\n", "--memory-mb 8796093022208", "memory in MiB is 1099511627776, must be 128 to 1048576"},
	} {
		if _, _, err := trainText(t, tt.in, strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %s", tt.args, err, tt.want)
		}
	}
	// What cannot be written is refused before any work: the texts would be an error, too.
	for out, want := range map[string]string{"no/such/folder/m.model": "takes no file", ".": "no ordinary file", "": "--out is empty"} {
		if _, err := runWith(t.Context(), newTextCommand(), "[\n", "train", "--jsonl", "--out", out); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--out %s: %v, want %q", out, err, want)
		}
	}
}
