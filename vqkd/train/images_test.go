package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pixels"
)

func TestFolder(t *testing.T) {
	needJPEG(t)
	dir := t.TempDir()
	data, err := pixels.EncodeJPEG(pixels.New(8, 8), 90, true)
	if err != nil {
		t.Fatal(err)
	}
	os.MkdirAll(filepath.Join(dir, "sub"), 0o700)
	for _, name := range []string{"b.jpg", "a.JPEG", "sub/c.jpg", "text.txt"} {
		os.WriteFile(filepath.Join(dir, name), data, 0o600)
	}
	linked := filepath.Join(t.TempDir(), "linked") // data sets are often links into a store
	for name, to := range map[string]string{linked: dir, filepath.Join(dir, "d.jpg"): "b.jpg", filepath.Join(dir, "e.jpg"): "nowhere", filepath.Join(dir, "f.jpg"): "sub"} {
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Folder(linked)
	if err != nil || f.Len() != 5 {
		t.Fatalf("%v, %v, want 5: three files, a link to one, and a broken link", f, err)
	}
	if im, err := f.Image(2); err != nil || im.W != 8 {
		t.Errorf("behind a link: %v, %v", im, err)
	}
	if _, err := f.Image(3); err == nil {
		t.Error("a broken link gives no error")
	}
	if im, err := f.Image(0); err != nil || im.W != 8 {
		t.Errorf("%v, %v", im, err)
	}
	if _, err := Folder(filepath.Join(dir, "sub", "none")); err == nil {
		t.Error("a folder that is not there gives no error")
	}
	empty := t.TempDir()
	if _, err := Folder(empty); err == nil || !strings.Contains(err.Error(), empty) {
		t.Errorf("an empty folder: %v", err)
	}
}
