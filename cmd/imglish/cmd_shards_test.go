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
	"github.com/imglish/imglish/stages/shard"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// textShards makes a data folder of n texts of two parts each, every fifth skipped.
func textShards(t *testing.T, n int) string {
	t.Helper()
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
	for i := range n {
		origin := &pipeline.Origin{Dataset: "wikipedia", Key: fmt.Sprint("page ", i), Revision: "1"}
		id := pipeline.SampleID(origin.Dataset, origin.Key, origin.Revision)
		o := pipeline.Outcome{Seq: uint64(i), EndOfFile: i == n-1}
		if i%5 == 4 {
			o.Skip = &pipeline.Skip{Stage: "clean", Reason: "too-short", Id: id, Kind: pipeline.Kind_TEXT, Source: origin}
		} else {
			o.Sample = &pipeline.Sample{Id: id, Kind: pipeline.Kind_TEXT, Source: origin, Parts: []*pipeline.Part{
				{Number: 0, Text: "one", Ids: []int32{int32(4 + i%9), 5}}, {Number: 1, Text: "two", Ids: []int32{6}}}}
		}
		in = append(in, o)
	}
	if _, err := sink.Append(t.Context(), pipeline.Lane{Line: "line", Source: "wikipedia"}, in); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func imglish(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestMixCommand(t *testing.T) {
	dir := textShards(t, 50) // 40 texts, 80 parts
	args := []string{"mix", dir, "--seed", "7", "--images", "0", "--texts", "9", "--pairs", "0", "--lineage"}
	code, all, stderr := imglish(t, append(args, "--from", "0", "--steps", "20")...)
	lines := strings.SplitAfter(strings.TrimSuffix(all, "\n"), "\n")
	if code != 0 || len(lines) != 20 {
		t.Fatalf("exit code %d, %d lines, want 20: %s", code, len(lines), stderr)
	}
	type row struct {
		ID   string
		Part *int
	}
	units := map[string]int{}
	for i, line := range lines {
		var b struct {
			Step              int
			Image, Text, Pair []row
			Digest            string
		}
		if err := json.Unmarshal([]byte(line), &b); err != nil {
			t.Fatal(err)
		}
		if b.Step != i || b.Image == nil || len(b.Image) != 0 || len(b.Text) != 9 || b.Pair == nil || len(b.Digest) != 64 {
			t.Fatalf("step %d is %s", i, line)
		}
		for _, r := range b.Text {
			if len(r.ID) != 32 || r.Part == nil {
				t.Fatalf("row %+v", r)
			}
			units[fmt.Sprint(r.ID, *r.Part)]++
		}
	}
	for unit, n := range units {
		if n < 2 || n > 3 {
			t.Errorf("%s came %d times in 180 draws of about 80", unit, n)
		}
	}
	if code, one, _ := imglish(t, append(args, "--from", "13", "--steps", "1")...); code != 0 || one != lines[13] {
		t.Errorf("--from 13 prints %s, want %s", one, lines[13])
	}
	code, _, stderr = imglish(t, "mix", dir, "--seed", "7")
	if code != 1 || !strings.Contains(stderr, "images") || !strings.Contains(stderr, "hint:") {
		t.Errorf("images of a folder that has none: exit code %d, %s", code, stderr)
	}
}

func TestAuditCommand(t *testing.T) {
	dir := textShards(t, 50)
	code, stdout, stderr := imglish(t, "audit", dir, "--json")
	var r struct {
		Kinds   map[string]struct{ Samples, Rows int }
		Sources map[string]map[string]struct{ Samples int }
		Skips   map[string]int
		Pieces  struct{ Tokens, Distinct int }
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, stderr)
	}
	if r.Kinds["text"].Samples != 40 || r.Kinds["text"].Rows != 80 || r.Sources["wikipedia"]["dropped"].Samples != 10 ||
		r.Skips["clean/too-short"] != 10 || r.Pieces.Tokens != 120 || r.Pieces.Distinct != 9 {
		t.Errorf("audit prints %s", stdout)
	}
	if code, stdout, _ := imglish(t, "audit", dir); code != 0 || !strings.Contains(stdout, "clean/too-short") {
		t.Errorf("audit as a table, exit code %d:\n%s", code, stdout)
	}
	code, _, stderr = imglish(t, "audit", t.TempDir())
	if code != 1 || !strings.Contains(stderr, "no shards here") || !strings.Contains(stderr, "hint:") {
		t.Errorf("audit of an empty folder: exit code %d, %s", code, stderr)
	}
}

func TestShardsCommands(t *testing.T) {
	dir := textShards(t, 50)
	if code, stdout, stderr := imglish(t, "shards", "verify", dir); code != 0 || !strings.Contains(stdout, " 0 faults") {
		t.Fatalf("verify: exit code %d, %s%s", code, stdout, stderr)
	}
	manifest := filepath.Join(dir, "manifest.jsonl")
	before, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(manifest)
	if code, _, stderr := imglish(t, "shards", "manifest", dir); code != 0 {
		t.Errorf("manifest: %s", stderr)
	}
	if after, err := os.ReadFile(manifest); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the manifest made anew is %s, want %s (%v)", after, before, err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "text", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/3] ^= 1
	if err := os.WriteFile(files[0], b, 0o666); err != nil {
		t.Fatal(err)
	}
	code, stdout, _ := imglish(t, "shards", "verify", dir)
	if code != 1 || !strings.Contains(stdout, filepath.Base(files[0])) || !strings.Contains(stdout, " 1 faults") {
		t.Errorf("verify of a flipped bit: exit code %d, %s", code, stdout)
	}
	if code, stdout, _ = imglish(t, "shards", "verify", dir, "--json"); code != 1 || !strings.Contains(stdout, `"faults":[{"where":"text/`) {
		t.Errorf("verify --json of a flipped bit: exit code %d, %s", code, stdout)
	}
}
