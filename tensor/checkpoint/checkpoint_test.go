package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/tensor/checkpoint"
)

func open(t *testing.T, path string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// The same model was saved by PyTorch in all these shapes: the names, shapes and values must come out alike.
func TestShapesOfOneModelAgree(t *testing.T) {
	want := open(t, "testdata/vqkd_tiny.safetensors")
	tests := []struct {
		file, format string
		narrow       map[checkpoint.DType]float64 // greatest relative error of a narrowed value
	}{
		{"vqkd_tiny.pth", "pytorch zip", nil},
		{"vqkd_tiny_legacy.pth", "pytorch legacy", nil},
		{"vqkd_tiny_training_ckpt.pth", "pytorch zip", nil},
		{"vqkd_tiny_bf16.pth", "pytorch zip", map[checkpoint.DType]float64{checkpoint.BF16: 1.0 / 256}},
		{"vqkd_tiny_f16.pth", "pytorch zip", map[checkpoint.DType]float64{checkpoint.F16: 1.0 / 2048}},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			f := open(t, "testdata/"+tt.file)
			if f.Format() != tt.format {
				t.Errorf("format = %q, want %q", f.Format(), tt.format)
			}
			if diff := cmp.Diff(want.Names(), f.Names()); diff != "" {
				t.Fatalf("names (-want +got):\n%s", diff)
			}
			narrowed := 0
			for _, name := range f.Names() {
				if diff := cmp.Diff(want.Shape(name), f.Shape(name)); diff != "" {
					t.Fatalf("shape of %s: %s", name, diff)
				}
				a, errA := want.Float32(name)
				b, errB := f.Float32(name)
				if errA != nil || errB != nil {
					t.Fatal(errA, errB)
				}
				tol := tt.narrow[f.DType(name)]
				if tol > 0 {
					narrowed++
				}
				for i := range a {
					if d := math.Abs(float64(a[i] - b[i])); d > tol*math.Abs(float64(a[i]))+tol*1e-4 {
						t.Fatalf("%s[%d] = %v, want %v", name, i, b[i], a[i])
					}
				}
			}
			if len(tt.narrow) > 0 && narrowed == 0 {
				t.Error("the file stores nothing in the narrow type")
			}
		})
	}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	tensors := []checkpoint.Named{
		{Name: "b", Shape: []int{2, 3}, Data: []float32{1, -2, 3.5, 0, 1e-30, 1e30}},
		{Name: "half", Shape: []int{4}, DType: checkpoint.F16, Data: []float32{1, -0.1, 65504, 6e-8}},
		{Name: "brain", Shape: []int{3}, DType: checkpoint.BF16, Data: []float32{1, -0.1, 3e38}},
		{Name: "steps", Shape: []int{}, Data: []int64{-7}},
		{Name: "ids", Shape: []int{2}, Data: []int32{5, -5}},
		{Name: "mask", Shape: []int{3}, Data: []uint8{0, 1, 255}},
		{Name: "none", Shape: []int{0, 4}, Data: []float32{}},
	}
	meta := map[string]string{"z": "1", "a": "é\""}
	first, second := filepath.Join(dir, "a.safetensors"), filepath.Join(dir, "b.safetensors")
	if err := checkpoint.WriteSafetensors(first, tensors, meta); err != nil {
		t.Fatal(err)
	}
	for i, j := 0, len(tensors)-1; i < j; i, j = i+1, j-1 {
		tensors[i], tensors[j] = tensors[j], tensors[i]
	}
	if err := checkpoint.WriteSafetensors(second, tensors, meta); err != nil {
		t.Fatal(err)
	}
	a, _ := os.ReadFile(first)
	b, _ := os.ReadFile(second)
	if !bytes.Equal(a, b) {
		t.Error("the order of the list changes the file")
	}
	f := open(t, first)
	if diff := cmp.Diff(meta, f.Metadata()); diff != "" {
		t.Error(diff)
	}
	want := map[string][]float32{
		"b": {1, -2, 3.5, 0, 1e-30, 1e30}, "half": {1, -0.099975586, 65504, 5.9604645e-08},
		"brain": {1, -0.10009765625, 3.0040553e38}, "steps": {-7}, "ids": {5, -5}, "mask": {0, 1, 255}, "none": {},
	}
	for name, w := range want {
		got, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got, err := f.Ints("mask"); err != nil || !cmp.Equal(got, []int64{0, 1, 255}) {
		t.Errorf("Ints(mask) = %v, %v", got, err)
	}
	if _, err := f.Ints("b"); err == nil {
		t.Error("Ints of floats gave no error")
	}
	if _, err := f.Float32("nothing"); !errors.Is(err, checkpoint.ErrMissing) {
		t.Errorf("missing tensor: %v", err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 2 {
		t.Errorf("%d files in the folder, want 2: no temporary file stays", len(left))
	}
}

func TestWriteRefuses(t *testing.T) {
	tests := []struct {
		name string
		t    []checkpoint.Named
	}{
		{"wrong count", []checkpoint.Named{{Name: "a", Shape: []int{2}, Data: []float32{1}}}},
		{"unknown data", []checkpoint.Named{{Name: "a", Shape: []int{1}, Data: []string{"x"}}}},
		{"narrowed integers", []checkpoint.Named{{Name: "a", Shape: []int{1}, DType: checkpoint.F16, Data: []int64{1}}}},
		{"twice", []checkpoint.Named{{Name: "a", Shape: []int{1}, Data: []float32{1}}, {Name: "a", Shape: []int{1}, Data: []int64{1}}}},
		{"reserved name", []checkpoint.Named{{Name: "__metadata__", Shape: []int{1}, Data: []float32{1}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.safetensors")
			if err := checkpoint.WriteSafetensors(path, tt.t, nil); err == nil {
				t.Error("no error")
			}
			if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
				t.Errorf("left behind: %v", left[0].Name())
			}
		})
	}
}

func TestOpenNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "weights.pth")
	for _, content := range []string{"", "x", "not a checkpoint at all", "PK\x03\x04 cut", "version https://git-lfs.github.com/spec/v1\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := checkpoint.Open(path)
		if !errors.Is(err, checkpoint.ErrFormat) || !strings.Contains(err.Error(), path) {
			t.Errorf("Open of %q: %v", content, err)
		}
	}
}

// A cut file is an error at every length, never a panic and never a tensor of the wrong length.
func TestTruncated(t *testing.T) {
	for _, file := range []string{"vqkd_tiny.safetensors", "vqkd_tiny.pth", "vqkd_tiny_legacy.pth"} {
		whole, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for cut := 0; cut < len(whole); cut += 1 + cut/9 {
			if _, err := checkpoint.NewFile(bytes.NewReader(whole[:cut]), int64(cut)); !errors.Is(err, checkpoint.ErrFormat) {
				t.Fatalf("%s cut to %d bytes: %v", file, cut, err)
			}
		}
		cut := len(whole) - 10
		if _, err := checkpoint.NewFile(bytes.NewReader(whole[:cut]), int64(cut)); !strings.Contains(fmt.Sprint(err), "cut short") {
			t.Errorf("%s without its end: %v", file, err)
		}
	}
}

// One buffer for tensor after tensor gives what Float32 gives, and leaves alone what stands before.
func TestAppendFloat32(t *testing.T) {
	for _, path := range []string{"vqkd_tiny.safetensors", "vqkd_tiny.pth", "vqkd_tiny_legacy.pth"} {
		f, err := checkpoint.Open(filepath.Join("../../vqkd/testdata", path))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		buf := []float32{7}
		for _, name := range f.Names() {
			want, err := f.Float32(name)
			if err != nil {
				t.Fatal(err)
			}
			if buf, err = f.AppendFloat32(buf[:1], name); err != nil {
				t.Fatal(err)
			}
			if buf[0] != 7 || !slices.Equal(buf[1:], want) {
				t.Errorf("%s: %s: %d values behind %v, want %d behind 7", path, name, len(buf)-1, buf[0], len(want))
			}
		}
		if got, err := f.AppendFloat32(buf[:1], "none"); err == nil || len(got) != 1 {
			t.Errorf("%s: a tensor that is not there: %d values, error %v", path, len(got), err)
		}
	}
}
