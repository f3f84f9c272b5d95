package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func copyTo(t *testing.T, dir, name string, change func([]byte)) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(data)
	}
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The fingerprint is of the model and of the weights beside it, wherever they lie.
func TestFingerprint(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	a := copyTo(t, dir, "beside.onnx", nil)
	copyTo(t, dir, "beside.weights", nil)
	b := copyTo(t, other, "beside.onnx", nil)
	if _, err := fingerprint(b); err == nil || !strings.Contains(err.Error(), "beside.weights") {
		t.Errorf("weights that are missing: %v", err)
	}
	copyTo(t, other, "beside.weights", nil)
	one, err := fingerprint(a)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := fingerprint(b); err != nil || two != one {
		t.Errorf("the same model elsewhere: %s, %v, want %s", two, err, one)
	}
	copyTo(t, other, "beside.weights", func(w []byte) { w[100] ^= 1 })
	if two, err := fingerprint(b); err != nil || two == one {
		t.Errorf("other weights beside the model: %s, %v", two, err)
	}
	copyTo(t, other, "beside.onnx", func(m []byte) {
		at := strings.Index(string(m), "beside.weights")
		copy(m[at:], "../side.weight")
	})
	if _, err := fingerprint(b); err == nil || !strings.Contains(err.Error(), "outside") {
		t.Errorf("weights outside of the folder: %v", err)
	}
}

func FuzzExternalFiles(f *testing.F) {
	for _, name := range []string{"beside.onnx", "tokens.onnx"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	// Whatever the bytes: an end, and each name once.
	f.Fuzz(func(t *testing.T, model []byte) {
		files, err := externalFiles(model)
		if err == nil && len(slices.Compact(slices.Clone(files))) != len(files) {
			t.Errorf("names %q", files)
		}
	})
}
