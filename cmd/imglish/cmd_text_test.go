package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

const demoModel = "../../sentencepiece/demo/demo.model"

// runWith runs a command alone, with standard input.
func runWith(ctx context.Context, cmd *cobra.Command, in string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(in))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
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

func TestTextErrors(t *testing.T) {
	for _, tt := range []struct{ in, args, want string }{
		{"", "encode --model nowhere.model", "nowhere.model"},
		{"", "encode --model cmd_text_test.go", "cmd_text_test.go"},
		{"", "encode --model " + demoModel + " --ids both", `"both"`},
		{"{}\n", "encode --jsonl --model " + demoModel, "line 1"},
		{"{\"text\":\"a\"}\n[\n", "encode --jsonl --model " + demoModel, "standard input, line 2"},
		{"", "encode nofile.txt --model " + demoModel, "nofile.txt"},
	} {
		if _, err := runWith(t.Context(), newTextCommand(), tt.in, strings.Fields(tt.args)...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %s", tt.args, err, tt.want)
		}
	}
}

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
