package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/s3test"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/tensor/checkpoint"
)

// writeTokenizer writes a small untrained tokenizer of 32 codes for views of 224 pixels.
func writeTokenizer(t *testing.T, path string, patch int) {
	t.Helper()
	const width = 64
	r := rand.New(rand.NewPCG(uint64(patch), 0))
	var all []checkpoint.Named
	add := func(name string, base, scale float64, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(base + scale*r.NormFloat64())
		}
		if name == "quantize.embedding.weight" {
			for row := range shape[0] {
				sum := 0.0
				for _, x := range v[row*shape[1] : (row+1)*shape[1]] {
					sum += float64(x) * float64(x)
				}
				for i := range shape[1] {
					v[row*shape[1]+i] /= float32(math.Sqrt(sum))
				}
			}
		}
		all = append(all, checkpoint.Named{Name: name, Shape: shape, Data: v})
	}
	cells := 224 / patch * (224 / patch)
	add("encoder.cls_token", 0, 0.5, 1, 1, width)
	add("encoder.pos_embed", 0, 0.5, 1, cells+1, width)
	add("encoder.patch_embed.proj.weight", 0, 0.05, width, 3, patch, patch)
	add("encoder.patch_embed.proj.bias", 0, 0.1, width)
	const b = "encoder.blocks.0."
	for _, norm := range []string{b + "norm1", b + "norm2", "encoder.fc_norm"} {
		add(norm+".weight", 1, 0.1, width)
		add(norm+".bias", 0, 0.1, width)
	}
	add(b+"attn.q_bias", 0, 0.1, width)
	add(b+"attn.v_bias", 0, 0.1, width)
	add(b+"attn.qkv.weight", 0, 0.2, 3*width, width)
	add(b+"attn.proj.weight", 0, 0.2, width, width)
	add(b+"attn.proj.bias", 0, 0.1, width)
	add(b+"mlp.fc1.weight", 0, 0.2, width, width)
	add(b+"mlp.fc1.bias", 0, 0.1, width)
	add(b+"mlp.fc2.weight", 0, 0.2, width, width)
	add(b+"mlp.fc2.bias", 0, 0.1, width)
	add("encode_task_layer.0.weight", 0, 0.2, width, width)
	add("encode_task_layer.0.bias", 0, 0.1, width)
	add("encode_task_layer.2.weight", 0, 0.2, 8, width)
	add("encode_task_layer.2.bias", 0, 0.1, 8)
	add("quantize.embedding.weight", 0, 1, 32, 8)
	if err := checkpoint.WriteSafetensors(path, all, nil); err != nil {
		t.Fatal(err)
	}
}

// imglish retoken makes what a fresh line with the new tokenizers makes, and what it has made verifies: with the
// tokenizer that made it and with no other, also with one of another grid.
func TestRetokenAndVerifyCodes(t *testing.T) {
	if testing.Short() {
		t.Skip("runs five lines")
	}
	dir := retokenData(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	const fresh = "[[source], [fetch, visual, text, shard]]"
	retokenLine(t, dir, "made", freshSources, fresh, "old")
	want := retokenLine(t, dir, "other", freshSources, fresh, "new")
	must := func(says string, args ...string) string {
		t.Helper()
		code, stdout, stderr := imglish(t, args...)
		if code != 0 || !strings.Contains(stdout, says) {
			t.Fatalf("imglish %s: exit code %d, stdout without %q:\n%s%s", strings.Join(args, " "), code, says, stdout, stderr)
		}
		return stdout
	}
	refused := func(says string, args ...string) {
		t.Helper()
		if code, stdout, stderr := imglish(t, args...); code == 0 || !strings.Contains(stderr, says) {
			t.Errorf("imglish %s: exit code %d, stderr without %q:\n%s%s", strings.Join(args, " "), code, says, stdout, stderr)
		}
	}

	again := []string{"retoken", "--from", in("made"), "--to", in("again"), "--tokenizer", in("new.safetensors"), "--text", in("new.model"), "--max-pieces", "40", "--join"}
	must("shard", again...)
	if diff := cmp.Diff(withoutBreaks(want), withoutBreaks(retokenRows(t, in("again")))); diff != "" {
		t.Errorf("rows (-fresh +retoken):\n%.3000s", diff)
	}
	before := shardHashes(t, in("again"))
	must("shard", again...) // once more: there is nothing left to do
	if diff := cmp.Diff(before, shardHashes(t, in("again"))); diff != "" {
		t.Errorf("shards behind a second run (-before +behind):\n%s", diff)
	}
	must(" 0 faults", "audit", in("again"), "--verify-codes", "--tokenizer", in("new.safetensors"))
	refused("does not match the shards", "audit", in("again"), "--verify-codes", "--tokenizer", in("old.safetensors"))

	writeTokenizer(t, in("grid8.safetensors"), 28)
	must("imglish run", "retoken", "--write", "--from", in("again"), "--to", in("grid8"), "--tokenizer", in("grid8.safetensors"), "--text", in("new.model"))
	must("shard", "run", in("grid8/retoken.yaml"))
	must(" 0 faults", "shards", "verify", in("grid8"))
	var report struct {
		Views, Codes, Equal, Faults int
	}
	out := must("", "audit", in("grid8"), "--verify-codes", "--tokenizer", in("grid8.safetensors"), "--json")
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Views != 58 || report.Codes != 58*64 || report.Equal != report.Codes || report.Faults != 0 {
		t.Errorf("report %s, %v", out, err)
	}

	refused("have 224×224 pixels", "retoken", "--from", in("made"), "--to", in("x"), "--tokenizer", imageData+"vqkd_tiny.pth", "--heads", "3", "--text", in("new.model"))
	refused("no --text is given", "retoken", "--from", in("made"), "--to", in("x"), "--tokenizer", in("new.safetensors"))
	refused("no --tokenizer is given", "retoken", "--from", in("made"), "--to", in("x"), "--text", in("new.model"))
	refused("needs --tokenizer", "retoken", "--from", in("made"), "--to", in("x"))
	refused("place of its own", "retoken", "--from", in("made"), "--to", in("made")+"/", "--text", in("new.model"))
	refused("not one that this command has begun", "retoken", "--from", in("made"), "--to", in("other"), "--tokenizer", in("new.safetensors"), "--text", in("new.model"))
	refused("begun with other settings", append(again, "--threads", "1")...)
	if _, err := os.Stat(in("x")); err == nil {
		t.Error("what was refused has made its folder")
	}
}

// A code that was changed in a shard is found and named, though every hash fits.
func TestVerifyCodesFindsAChangedCode(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a line")
	}
	dir := retokenData(t)
	retokenLine(t, dir, "made", "\n  - cc12m: {list: list.tsv}", "[[source], [fetch, visual, text, shard]]", "old")
	data := filepath.Join(dir, "made")
	st, err := store.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	key, id := changeACode(t, st)
	code, stdout, stderr := imglish(t, "audit", data, "--verify-codes", "--tokenizer", filepath.Join(dir, "old.safetensors"))
	if want := fmt.Sprintf("%s row 1, id %x view 1: 1 of 196 codes differ", key, id); code != exitError || !strings.Contains(stdout, want) || !strings.Contains(stdout, "1 faults") {
		t.Errorf("exit code %d, want a line with %q:\n%s%s", code, want, stdout, stderr)
	}
	if code, stdout, stderr := imglish(t, "shards", "verify", data); code != 0 {
		t.Errorf("the shards themselves should be whole: %s%s", stdout, stderr)
	}
}

// changeACode writes the first commit's pairs anew, with a code of the second row changed to one that is far away.
func changeACode(t *testing.T, st store.Store) (key string, id [16]byte) {
	t.Helper()
	f := shards.In(st)
	set, err := f.Load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := set.Commits[0]
	file, _ := c.File(shards.Pair)
	r, err := shards.OpenFile[shards.PairRow](t.Context(), f, file)
	if err != nil {
		t.Fatal(err)
	}
	w, err := shards.NewWriter[shards.PairRow](t.TempDir(), shards.DefaultRowGroup, r.Meta())
	r.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i, row := range readRows[shards.PairRow](t, st, file) {
		if i == 1 {
			id = row.ID
			row.Codes[100] ^= 1
		}
		if err := w.Write(row.Seq, row); err != nil {
			t.Fatal(err)
		}
	}
	changed, err := w.Finish(c.Lane, c.From, c.To)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), changed, w.Content()); err != nil {
		t.Fatal(err)
	}
	for i := range c.Files {
		if c.Files[i].Kind == shards.Pair {
			c.Files[i] = changed
		}
	}
	if err := st.Delete(t.Context(), c.Key()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Commit(t.Context(), *c); err != nil {
		t.Fatal(err)
	}
	return changed.Key, id
}

// From S3 to S3: the same shards as in folders, and they verify there.
func TestRetokenOnS3(t *testing.T) {
	if testing.Short() {
		t.Skip("runs three lines")
	}
	server := s3test.Start(t)
	for _, e := range server.Environ() {
		name, value, _ := strings.Cut(e, "=")
		t.Setenv(name, value)
	}
	dir := retokenData(t)
	retokenLine(t, dir, "made", "\n  - cc12m: {list: list.tsv}", "[[source], [fetch, visual, text, shard]]", "old")
	tokens := []string{"--tokenizer", filepath.Join(dir, "new.safetensors"), "--text", filepath.Join(dir, "new.model")}
	run := func(args ...string) {
		t.Helper()
		if code, stdout, stderr := imglish(t, args...); code != 0 {
			t.Fatalf("imglish %s: exit code %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
		}
	}
	first, second := server.URL("first", ""), server.URL("second", "")
	run(append([]string{"retoken", "--from", filepath.Join(dir, "made"), "--to", first, "--data", filepath.Join(dir, "work1")}, tokens...)...)
	run(append([]string{"retoken", "--from", first, "--to", second, "--data", filepath.Join(dir, "work2")}, tokens...)...)
	run("audit", second, "--verify-codes", "--tokenizer", tokens[1], "--share", "0.5")
	st, err := store.Open(second, store.WithEnv(server.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	run(append([]string{"retoken", "--from", filepath.Join(dir, "made"), "--to", filepath.Join(dir, "here")}, tokens...)...)
	here, err := store.Open(filepath.Join(dir, "here"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rowsOf(t, here), rowsOf(t, st)); diff != "" {
		t.Errorf("rows (-folder +S3):\n%.3000s", diff)
	}
}
