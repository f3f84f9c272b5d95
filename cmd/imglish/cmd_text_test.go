package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const demoModel = "../../sentencepiece/demo/demo.model"

// runWith runs a command alone, with standard input, and returns what it prints; progress, which slow machines get to see,
// is no part of that.
func runWith(ctx context.Context, cmd *cobra.Command, in string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(in))
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(ctx)
	return out.String(), err
}

func TestTextEncode(t *testing.T) {
	got, err := runWith(t.Context(), newTextCommand(), "a red circle\n\nno end", "encode", "--model", demoModel)
	lines := strings.Split(got, "\n")
	if err != nil || len(lines) != 4 {
		t.Fatalf("error %v, output:\n%s", err, got)
	}
	if !strings.HasSuffix(lines[0], `"pieces":["▁a","▁red","▁circle"],"spans":[[0,1],[1,5],[5,12]]}`) {
		t.Errorf("line 1: %s", lines[0])
	}
	if lines[1] != `{"ids":[],"pieces":[],"spans":[]}` {
		t.Errorf("an empty line: %s", lines[1])
	}
	raw := "\xffred"
	in := `{"text":"a red circle"}` + "\n" + `{"b64":"` + base64.StdEncoding.EncodeToString([]byte(raw)) + `"}` + "\n"
	xlmr, err := runWith(t.Context(), newTextCommand(), in, "encode", "--model", demoModel, "--jsonl", "--ids", "xlmr")
	if err != nil || !strings.HasPrefix(xlmr, `{"ids":[0,`) || !strings.Contains(xlmr, `,2],"pieces":["▁a","▁red"`) || !strings.Contains(xlmr, "\ufffd") {
		t.Errorf("error %v, output:\n%s", err, xlmr)
	}
	back, err := runWith(t.Context(), newTextCommand(), got, "decode", "--model", demoModel)
	if want := `{"text":"a red circle"}` + "\n" + `{"text":""}` + "\n" + `{"text":"no end"}` + "\n"; err != nil || back != want {
		t.Errorf("decoded: error %v, output:\n%s", err, back)
	}
}

func runText(t *testing.T, in string, args ...string) string {
	t.Helper()
	out, err := runWith(t.Context(), newTextCommand(), in, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

func TestTextFormats(t *testing.T) {
	const in = "a red circle\n\ntwo"
	ids := runText(t, in, "encode", "--model", demoModel, "--format", "ids", "--bos", "--eos")
	lines := strings.Split(ids, "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "1 ") || !strings.HasSuffix(lines[0], " 2") || lines[1] != "1 2" {
		t.Fatalf("ids:\n%s", ids)
	}
	if got := runText(t, in, "encode", "--model", demoModel, "--format", "pieces", "--eos", "--reverse"); !strings.HasPrefix(got, "▁circle ▁red ▁a </s>\n</s>\n") {
		t.Errorf("pieces:\n%s", got)
	}
	got := runText(t, in, "encode", "--model", demoModel, "--bos", "--eos")
	if !strings.Contains(got, `"pieces":["<s>","▁a","▁red","▁circle","</s>"],"spans":[[0,0],[0,1],[1,5],[5,12],[12,12]]`) {
		t.Errorf("JSON with both ends:\n%s", got)
	}
	for _, form := range []string{ids, got, "[" + strings.ReplaceAll(lines[0], " ", ",") + "]\n[]\n" + lines[2]} {
		if back := runText(t, form, "decode", "--model", demoModel, "--format", "text"); back != in+"\n" {
			t.Errorf("%q decoded to %q", form, back)
		}
	}
	pieces := runText(t, in, "encode", "--model", demoModel, "--format", "pieces")
	if back := runText(t, pieces, "decode", "--pieces", "--model", demoModel, "--format", "text"); back != in+"\n" {
		t.Errorf("%q decoded to %q", pieces, back)
	}
	if back := runText(t, `{"pieces":["▁a","▁red","?!"]}`, "decode", "--model", demoModel); back != `{"text":"a red?!"}`+"\n" {
		t.Errorf("pieces decoded to %s", back)
	}
	raw := runText(t, in, "encode", "--model", demoModel, "--ids", "xlmr")
	if plain := runText(t, in, "encode", "--model", demoModel, "--ids", "xlmr", "--format", "ids"); !strings.HasPrefix(raw, `{"ids":[`+strings.ReplaceAll(strings.Split(plain, "\n")[0], " ", ",")+"]") {
		t.Errorf("XLM-R's ids are %s, in JSON %s", plain, raw)
	}
}

func TestTextNBestAndSample(t *testing.T) {
	in := strings.Repeat("Call me Ishmael. Some years ago\n", 3000) // more than a batch
	best := runText(t, "a red circle", "encode", "--model", demoModel, "--nbest", "3", "--format", "pieces")
	lines := strings.Split(best, "\n")
	if len(lines) != 4 || !strings.HasSuffix(lines[0], "\t▁a ▁red ▁circle") || lines[0] == lines[1] {
		t.Errorf("three best:\n%s", best)
	}
	if got := runText(t, "a red circle", "encode", "--model", demoModel, "--nbest", "2"); !strings.HasPrefix(got, `{"nbest":[{"score":-`) || strings.Count(got, `"ids"`) != 2 {
		t.Errorf("two best: %s", got)
	}
	sample := func(args ...string) string {
		return runText(t, in, append([]string{"encode", "--model", demoModel, "--sample", "--alpha", "0.3", "--format", "ids"}, args...)...)
	}
	one := sample("--threads", "1", "--seed", "5")
	if sample("--threads", "4", "--seed", "5") != one {
		t.Error("other threads draw other samples")
	}
	if sample("--threads", "1", "--seed", "6") == one {
		t.Error("another seed draws the same")
	}
	drawn := strings.Split(strings.TrimSpace(one), "\n")
	if len(drawn) != 3000 || drawn[0] == drawn[1] && drawn[1] == drawn[2] {
		t.Errorf("%d samples, the first: %q", len(drawn), drawn[:3])
	}
	few := map[string]bool{}
	for l := range strings.Lines(sample("--nbest", "3")) {
		few[l] = true
	}
	if len(few) != 3 {
		t.Errorf("of the three best %d were drawn", len(few))
	}
}

// Threads change neither the output nor where an error is met.
func TestTextThreads(t *testing.T) {
	var in strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&in, "line %d of a red circle\n", i)
	}
	one := runText(t, in.String(), "encode", "--model", demoModel, "--threads", "1")
	if four := runText(t, in.String(), "encode", "--model", demoModel, "--threads", "4"); four != one {
		t.Error("four threads print something else than one")
	}
	ids := strings.SplitAfter(runText(t, in.String(), "encode", "--model", demoModel, "--format", "ids"), "\n")
	ids[3001] = "x " + ids[3001]
	bad := strings.Join(ids, "")
	for _, threads := range []string{"1", "4"} {
		out, err := runWith(t.Context(), newTextCommand(), bad, "decode", "--model", demoModel, "--threads", threads)
		if err == nil || !strings.Contains(err.Error(), `standard input, line 3002: "x" is no id`) || strings.Count(out, "\n") != 3001 {
			t.Errorf("%s threads: error %v after %d lines", threads, err, strings.Count(out, "\n"))
		}
	}
}

func TestTextInspect(t *testing.T) {
	got := runText(t, "", "inspect", demoModel)
	for _, want := range []string{"unigram, 1200 pieces", "1197 normal", "begin <s> 1", "no padding", "nmt_nfkc", "no fallback", "<mask> 1201", "b9c5edfe261ad09b"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if got := runText(t, "", "inspect", "--pieces", demoModel); !strings.HasPrefix(got, "<unk>\t0\n<s>\t0\n</s>\t0\n▁a\t-2.834\n") || strings.Count(got, "\n") != 1200 {
		t.Errorf("pieces: %.80q", got)
	}
	var v struct {
		File, Type, Fingerprint string
		Size                    int
		XLMR                    struct{ Mask int } `json:"xlmr_ids"`
	}
	if err := json.Unmarshal([]byte(runText(t, "", "inspect", "--json", demoModel)), &v); err != nil || v.Type != "unigram" || v.Size != 1200 || v.XLMR.Mask != 1201 || v.File != demoModel || len(v.Fingerprint) != 64 {
		t.Errorf("JSON %+v, error %v", v, err)
	}
}

func TestTextErrors(t *testing.T) {
	const kinds = "../../sentencepiece/testdata/kinds/"
	for _, tt := range []struct{ in, args, want string }{
		{"", "encode --model nowhere.model", "nowhere.model"},
		{"", "encode --model cmd_text_test.go", "cmd_text_test.go"},
		{"", "encode --model " + demoModel + " --ids both", `"both"`},
		{"{}\n", "encode --jsonl --model " + demoModel, "line 1"},
		{"{\"text\":\"a\"}\n[\n", "encode --jsonl --model " + demoModel, "standard input, line 2"},
		{"", "encode nofile.txt --model " + demoModel, "nofile.txt"},
		{"", "encode --format xml --model " + demoModel, `--format is "xml"`},
		{"", "encode --nbest 513 --model " + demoModel, "--nbest is 513"},
		{"", "encode --alpha -1 --sample --model " + demoModel, "--alpha is -1"},
		{"", "encode --alpha 0.2 --model " + demoModel, "for --sample"},
		{"", "encode --threads 100000000 --model " + demoModel, "must be 0 (all processors) to 1024"},
		{"", "encode --threads -2 --model " + demoModel, "--threads is -2"},
		{"", "encode --bos --ids xlmr --model " + demoModel, "--bos"},
		{"", "encode --bos --model " + kinds + "uni_t5.model", "no piece for the beginning"},
		{"", "encode --nbest 2 --model " + kinds + "bpe.model", "is a bpe model"},
		{"", "encode --sample --model " + kinds + "char.model", "is a char model"},
		{"1 1200", "decode --model " + demoModel, "id 1200 is outside of [0, 1200)"},
		{"1 -1", "decode --model " + demoModel, "id -1"},
		{"{}", "decode --model " + demoModel, "line 1"},
		{"1 9999999999", "decode --model " + demoModel, "is no id"},
		{"\x1f\x8b\x08\x00\x00", "encode --model " + demoModel, "standard input is packed with gzip: unpack it"},
		{"", "encode --model " + demoModel + " testdata", "testdata is a folder"},
		{"", "decode --model " + demoModel + " cmd_text_test.go nofile.txt", "nofile.txt"}, // not the first's "is no id"
		{"", "inspect", "arg"},
		{"", "inspect --pieces --json " + demoModel, "--pieces is for one file"},
		{"", "inspect nowhere.model", "nowhere.model"},
	} {
		if _, err := runWith(t.Context(), newTextCommand(), tt.in, strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %s", tt.args, err, tt.want)
		}
	}
}

// What a line of JSON has wrong is said in its terms; a byte order mark and an empty line are nothing wrong.
func TestTextOfJSON(t *testing.T) {
	for line, want := range map[string]string{
		`{"text":"a","n":{"text":1}}`: "a", "\ufeff" + `{"text":"b"}` + "\r": "b", "": "", " \r": "", `{"text":"","b64":"/w=="}`: "\xff",
	} {
		if got, err := textOf([]byte(line), true); err != nil || got != want {
			t.Errorf("%q: %q, %v", line, got, err)
		}
	}
	for line, want := range map[string]string{
		`{"text":5}`: `"text": a number stands where a string must`, `{"b64":{}}`: `"b64": an object stands where a string must`,
		`[{"text":"a"}]`: "a list stands where an object must", `{"text":null}`: `"text" is null`, `{"a":1,"b":2}`: `but ["a" "b"]`,
		`{"text":"a"`: "not JSON: unexpected end",
	} {
		if _, err := textOf([]byte(line), true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", line, err, want)
		}
	}
	for line, want := range map[string]string{`[1.5]`: "number 1.5 stands where a whole number", `{"ids":"x"}`: `"ids": a string stands where a list must`} {
		if _, _, err := idsOf([]byte(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", line, err, want)
		}
	}
}

func TestTextLineTooLong(t *testing.T) {
	in := "short\n" + strings.Repeat("a", maxLine+1)
	out, err := runWith(t.Context(), newTextCommand(), in, "encode", "--model", demoModel, "--format", "ids")
	if err == nil || !strings.Contains(err.Error(), "line 2: longer than 64 MiB") || strings.Count(out, "\n") != 1 {
		t.Errorf("error %v, output %q", err, out)
	}
}

// An interrupt ends a command also while it waits for a terminal, or for a pipe that brings nothing.
func TestTextInterruptedWhileWaiting(t *testing.T) {
	for _, args := range []string{"encode --model " + demoModel, "decode --model " + demoModel, "train --out " + t.TempDir() + "/m.model"} {
		ctx, interrupt := context.WithCancel(t.Context())
		in, never := io.Pipe()
		defer never.Close()
		cmd := newTextCommand()
		cmd.SetArgs(strings.Fields(args))
		cmd.SetIn(readerFunc(func(p []byte) (int, error) {
			interrupt()
			return in.Read(p)
		}))
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.ExecuteContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// Only commands that go on where they were stopped say so.
func TestTextInterruptedPromisesNothing(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var errs bytes.Buffer
	if code := execute(ctx, []string{"text", "encode", "--model", demoModel, demoModel}, io.Discard, &errs); code != exitInterrupted || errs.String() != "interrupted\n" {
		t.Errorf("exit code %d, %q", code, errs.String())
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestMask(t *testing.T) {
	five, err := runWith(t.Context(), newMaskCommand(), "", "--grid", "14x14", "--seed", "3", "--count", "5")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(five, "\n")
	if len(lines) != 6 || lines[0] == lines[1] {
		t.Fatalf("output:\n%s", five)
	}
	for _, l := range lines[:5] {
		if n := strings.Count(strings.Split(l, `"`)[3], "1"); n < 79 || n > 98 {
			t.Errorf("%d patches masked: %s", n, l)
		}
	}
	if two, err := runWith(t.Context(), newMaskCommand(), "", "--seed", "3", "--count", "2"); err != nil || two != lines[0]+lines[1] {
		t.Errorf("fewer masks of a seed are others: error %v\n%s", err, two)
	}
	code, err := runWith(t.Context(), newMaskCommand(), "", "--method", "beit2", "--grid", "16x16")
	if err != nil || strings.Count(strings.Split(code, `"`)[3], "1") != 102 {
		t.Errorf("beit2 on 16x16: error %v\n%s", err, code)
	}
	for _, bad := range []string{"--grid 14", "--grid 0x14", "--grid axb", "--method both", "--count -1", "--patches 197", "--grid 9999x9999"} {
		if _, err := runWith(t.Context(), newMaskCommand(), "", strings.Fields(bad)...); err == nil {
			t.Errorf("%s is no error", bad)
		}
	}
}
