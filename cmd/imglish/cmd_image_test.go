package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	imageData  = "../../vqkd/testdata/"
	imageFiles = "../../pixels/testdata/"
)

func TestImageCodes(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"image", "codes", "--tokenizer", imageData + "vqkd_tiny.pth", "--heads", "3",
		imageFiles + "v-224.jpg", "cmd_image_test.go", imageFiles + "v-small31x29.jpg"}
	if code := execute(t.Context(), args, &out, &errs); code != exitError {
		t.Errorf("exit code %d with an unreadable picture, want %d", code, exitError)
	}
	if !strings.Contains(errs.String(), "1 of 3 pictures") {
		t.Errorf("stderr: %s", errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want 3:\n%s", len(lines), out.String())
	}
	const want = `{"file":"../../pixels/testdata/v-224.jpg","grid":[4,4],"codes":[51,21,35,21,7,49,7,7,38,18,38,33,59,59,52,38]}`
	if lines[0] != want {
		t.Errorf("line 1:\n got %s\nwant %s", lines[0], want)
	}
	var broken struct{ File, Error string }
	if err := json.Unmarshal([]byte(lines[1]), &broken); err != nil || broken.File != "cmd_image_test.go" || broken.Error == "" {
		t.Errorf("line 2: %s", lines[1])
	}
}

func TestImageCodesNeedsHeads(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"image", "codes", "--tokenizer", imageData + "vqkd_tiny.pth", imageFiles + "v-224.jpg"}
	if code := execute(t.Context(), args, &out, &errs); code != exitError || !strings.Contains(errs.String(), "hint: give --heads") {
		t.Errorf("exit code %d, stderr: %s", code, errs.String())
	}
}

// A short training on scenes, by flags and file; the floors are for real trainings.
func TestImageTrain(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "small.yaml")
	mustWrite(t, config, "width: 32\nheads: 2\ndepth: 1\nviews: 4\ncode_dim: 8\nsteps: 99\n")
	file := filepath.Join(dir, "t.safetensors")
	var out, errs bytes.Buffer
	args := []string{"image", "train", "--out", file, "--config", config, "--scenes", "20", "--side", "64", "--steps", "4", "--batch", "8",
		"--codes", "16", "--min-usage", "0", "--min-stability", "0", "--json"}
	if code := execute(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	var res struct {
		Path     string
		Measures struct{ Views int }
	}
	if err := json.Unmarshal(out.Bytes(), &res); err != nil || res.Path != file || res.Measures.Views != 4 {
		t.Errorf("result %s, %v: want the path, and the views of the config file", out.String(), err)
	}
	mustWrite(t, config, "widht: 32\n")
	errs.Reset()
	if code := execute(t.Context(), args, &out, &errs); code == 0 || !strings.Contains(errs.String(), "widht") {
		t.Errorf("an unknown key: exit code %d, %s", code, errs.String())
	}
}

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
