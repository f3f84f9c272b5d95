package vqkd

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/tensor"
)

func TestNameHash(t *testing.T) {
	for name, want := range map[string]string{
		"vqkd_encoder_base_decoder_3x768x12_clip-d5036aa7.pth": "d5036aa7",
		"vqkd_encoder_base_decoder_1x768x12_dino-663c55d7.pth": "663c55d7",
		"dir-d5036aa7/vqkd.pth":                                "",
		"vqkd-d5036aa.pth":                                     "", // seven digits
		"vqkd-D5036AA7.pth":                                    "",
		"vqkd-20260714.safetensors":                            "", // a date
		"vqkd-d5036aa7":                                        "",
		"a-d5036aa7.pth.part":                                  "",
		"a-" + strings.Repeat("ab", 32) + ".pth":               strings.Repeat("ab", 32),
	} {
		if got := NameHash(name); got != want {
			t.Errorf("NameHash(%q) = %q, want %q", name, got, want)
		}
	}
}

// A file whose name carries the start of its hash loads; under another's name it is refused, and says what to do.
func TestLoadChecksTheHashInTheName(t *testing.T) {
	raw, err := os.ReadFile(tiny)
	if err != nil {
		t.Fatal(err)
	}
	is := fmt.Sprintf("%x", sha256.Sum256(raw))
	dir := t.TempDir()
	write := func(hash string) string {
		path := filepath.Join(dir, "tiny-"+hash+".safetensors")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, digits := range []int{8, 20, 64} {
		info, err := Inspect(write(is[:digits]), Options{Heads: 3})
		if err != nil || info.NameHash != is[:digits] || info.SHA256 != is {
			t.Errorf("%d digits: %+v, %v", digits, info, err)
		}
	}
	_, err = Load(tensor.NewReference[float32](), write("d5036aa7"), Options{Heads: 3})
	if err == nil || !strings.Contains(err.Error(), "begins with d5036aa7, but it is "+is) {
		t.Errorf("under another file's name: %v", err)
	}
	if h, ok := err.(interface{ Hint() string }); !ok || !strings.Contains(h.Hint(), "fetch it again") {
		t.Errorf("%v has no hint", err)
	}
}
