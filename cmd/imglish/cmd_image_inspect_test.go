package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	visual "github.com/imglish/imglish/vqkd/demo"
)

// The hash that a tokenizer's name carries is shown wherever a tokenizer is looked at, and one that does not fit is an
// error that says so, also of plan and doctor.
func TestHashInTheNameOfATokenizer(t *testing.T) {
	dir := t.TempDir()
	sum := fmt.Sprintf("%x", sha256.Sum256(visual.Weights))
	fits, foreign := filepath.Join(dir, "t-"+sum[:8]+".safetensors"), filepath.Join(dir, "vqkd_encoder_base_decoder_3x768x12_clip-d5036aa7.pth")
	graph := func(tokenizer string) string {
		path := filepath.Join(dir, filepath.Base(tokenizer)+".yaml")
		mustWrite(t, path, "data: "+filepath.Join(dir, "data")+"\nsources:\n  - cc12m: {list: x.tsv}\ngraph: [[source], [fetch, view, visual, shard]]\nvisual: {tokenizer: "+tokenizer+"}\n")
		return path
	}
	for _, path := range []string{fits, foreign} {
		mustWrite(t, path, string(visual.Weights))
		mustWrite(t, path+".json", string(visual.Config))
	}
	shown := "SHA-256 begins with " + sum[:8] + " as its name says"
	for _, args := range [][]string{
		{"image", "codes", "--tokenizer", "FILE", imageFiles + "v-224.jpg"},
		{"image", "inspect", "FILE"},
		{"image", "inspect", "--json", "FILE"},
		{"plan", "GRAPH"},
		{"doctor", "--tokenizer", "FILE"},
	} {
		run := func(file string) (int, string) {
			use := append([]string{}, args...)
			for i := range use {
				switch use[i] {
				case "FILE":
					use[i] = file
				case "GRAPH":
					use[i] = graph(file)
				}
			}
			code, stdout, stderr := imglish(t, use...)
			return code, stdout + stderr
		}
		name, want := strings.Join(args, " "), shown
		if strings.Contains(name, "inspect") {
			want = sum
		}
		// What else doctor finds on a machine is not this test's business.
		if code, out := run(fits); !strings.Contains(out, want) || code != 0 && args[0] != "doctor" {
			t.Errorf("%s: exit code %d without %q:\n%s", name, code, want, out)
		}
		if code, out := run(foreign); code != exitError || !strings.Contains(out, "begins with d5036aa7, but it is "+sum) || !strings.Contains(out, "fetch it again") {
			t.Errorf("%s of a file with another's name: exit code %d:\n%s", name, code, out)
		}
	}
}

func TestImageInspect(t *testing.T) {
	code, stdout, stderr := imglish(t, "image", "inspect", "--heads", "3", "--side", "96", imageData+"vqkd_tiny.pth", imageData+"vqkd_tiny_legacy.pth")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	words := strings.Join(strings.Fields(stdout), " ")
	for _, want := range []string{
		"format pytorch zip, F32", "format pytorch legacy, F32", "encoder 2 blocks of width 48, 3 heads, MLP 192; 0.1M values",
		"96×96 pixels, patches of 16: grid 6×6, by a position table resized from 64 pixels", "codebook 64 codes of 8",
		"decoder 1 blocks, to vectors of 16",
	} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	_, stdout, _ = imglish(t, "image", "inspect", "--json", "--heads", "3", imageData+"vqkd_tiny.pth")
	var info struct {
		File, Fingerprint          string
		Grid, Side, Heads, Decoder int
	}
	if err := json.Unmarshal([]byte(stdout), &info); err != nil || info.Grid != 4 || info.Side != 64 || info.Heads != 3 || info.Decoder != 1 || len(info.Fingerprint) != 64 {
		t.Errorf("JSON %s: %v", stdout, err)
	}
	if code, _, stderr := imglish(t, "image", "inspect", "cmd_image.go"); code != exitError || !strings.Contains(stderr, "cmd_image.go") {
		t.Errorf("a text: exit code %d, %s", code, stderr)
	}
}

func TestImageEncodings(t *testing.T) {
	code, stdout, stderr := imglish(t, "image", "encodings", "--json", "--tokenizer", imageData+"vqkd_tiny.pth", "--heads", "3",
		"--encodings", "webp-lossless,jpeg-q10-420", imageFiles+"v-224.jpg", imageFiles+"v-sat420.jpg")
	var losses []struct {
		Encoding              string
		Views, Codes, Changed int
	}
	if err := json.Unmarshal([]byte(stdout), &losses); code != 0 || err != nil || len(losses) != 2 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	if l := losses[0]; l.Encoding != "webp-lossless" || l.Views != 2 || l.Codes != 32 || l.Changed != 0 {
		t.Errorf("lossless: %+v", l)
	}
	if l := losses[1]; l.Codes != 32 || l.Changed == 0 {
		t.Errorf("JPEG of quality 10: %+v", l)
	}
	if code, _, stderr := imglish(t, "image", "encodings", "--tokenizer", imageData+"vqkd_tiny.pth", "--heads", "3", "--encodings", "png", imageFiles+"v-224.jpg"); code != exitError || !strings.Contains(stderr, "webp-lossless") {
		t.Errorf("an unknown encoding: exit code %d, %s", code, stderr)
	}
}
