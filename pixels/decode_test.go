package pixels_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/imglish/imglish/pixels"
)

// expect is what Pillow made of the files in testdata/decode; make.py beside them wrote it.
func expect(t *testing.T) (e struct {
	Decode map[string]struct {
		W, H   int
		SHA256 string
	}
	Turn   map[int]string
	Jitter []struct {
		Order   [3]uint8
		Factors [3]float32
		SHA256  string
	}
}) {
	t.Helper()
	data, err := os.ReadFile("testdata/decode/expect.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func sum(im *pixels.Image) string {
	s := sha256.Sum256(im.Pix)
	return hex.EncodeToString(s[:])
}

func TestDecodeAsPillow(t *testing.T) {
	e := expect(t)
	if len(e.Decode) < 30 {
		t.Fatalf("%d files expected", len(e.Decode))
	}
	for name, want := range e.Decode {
		t.Run(name, func(t *testing.T) {
			im := load(t, filepath.Join("testdata/decode", name))
			if im.W != want.W || im.H != want.H {
				t.Fatalf("size %d×%d, want %d×%d", im.W, im.H, want.W, want.H)
			}
			if got := sum(im); got != want.SHA256 {
				t.Errorf("sum of pixels %s, want %s", got, want.SHA256)
			}
		})
	}
}

func TestJitterAsPillow(t *testing.T) {
	im := load(t, "testdata/decode/rgb.png")
	before := sum(im)
	for _, j := range expect(t).Jitter {
		got := sum(im.Jitter(pixels.Jitter{Brightness: j.Factors[0], Contrast: j.Factors[1], Saturation: j.Factors[2], Order: j.Order}))
		if got != j.SHA256 {
			t.Errorf("order %v factors %v: sum %s, want %s", j.Order, j.Factors, got, j.SHA256)
		}
	}
	if sum(im) != before {
		t.Error("Jitter changed its input")
	}
}

func TestTurnAsPillow(t *testing.T) {
	im := load(t, "testdata/decode/rgb.png")
	turns := expect(t).Turn
	if len(turns) != 7 {
		t.Fatalf("%d turns expected, want 7", len(turns))
	}
	for o, want := range turns {
		if got := sum(im.Turn(o)); got != want {
			t.Errorf("orientation %d: sum %s, want %s", o, got, want)
		}
	}
}

func TestDecodeErrors(t *testing.T) {
	needJPEG(t)
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	part := func(name string, share float64) []byte {
		data := read(name)
		return data[:int(share*float64(len(data)))]
	}
	bomb := bytes.Clone(read("decode/rgb.png"))
	copy(bomb[16:], []byte{0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff})
	jpegBomb := bytes.Clone(read("v-444.jpg"))
	at := bytes.Index(jpegBomb, []byte{0xff, 0xc0})
	copy(jpegBomb[at+5:], []byte{0xff, 0x00, 0xff, 0x00})
	twelveBits, lossless := read("v-444.jpg"), read("v-444.jpg")
	twelveBits[at+4], lossless[at+1] = 12, 0xc3
	animated := []byte("RIFF\x2e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x07\x00\x00\x07\x00\x00" +
		"ANIM\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00ANMF\x00\x00\x00\x00")
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, pixels.ErrNotImage},
		{"text", []byte("<!doctype html><title>404</title>"), pixels.ErrNotImage},
		{"jpeg header only", read("v-444.jpg")[:40], pixels.ErrTruncated},
		{"jpeg half", part("v-444.jpg", .5), pixels.ErrTruncated},
		{"jpeg but its last part", part("v-sat420.jpg", .98), pixels.ErrTruncated},
		{"progressive half", part("v-progressive420.jpg", .5), pixels.ErrTruncated},
		{"progressive last scan cut", part("v-progressive420.jpg", .99), pixels.ErrTruncated},
		{"cmyk half", part("v-cmyk.jpg", .5), pixels.ErrTruncated},
		{"png half", part("decode/rgb.png", .5), pixels.ErrTruncated},
		{"gif half", part("decode/plain.gif", .8), pixels.ErrTruncated},
		{"webp half", part("decode/lossy60.webp", .5), pixels.ErrTruncated},
		{"jpeg that claims 65280×65280", jpegBomb, pixels.ErrTooManyPixels},
		{"jpeg of 12 bits", twelveBits, pixels.ErrUnsupported},
		{"lossless jpeg", lossless, pixels.ErrUnsupported},
		{"animated webp", animated, pixels.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := pixels.Decode(tt.data, pixels.DefaultLimits()); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	if _, _, err := pixels.Decode(bomb, pixels.DefaultLimits()); err == nil {
		t.Error("a PNG with a changed header decodes")
	}
	if _, _, err := pixels.Decode(read("v-444.jpg"), pixels.Limits{MaxPixels: 1024*819 - 1}); !errors.Is(err, pixels.ErrTooManyPixels) {
		t.Errorf("error %v at a limit of one pixel less, want %v", err, pixels.ErrTooManyPixels)
	}
}

// A picture with all its rows is whole, even without the end marker, as Pillow has it.
func TestMissingEndMarker(t *testing.T) {
	needJPEG(t)
	data, err := os.ReadFile("testdata/v-444.jpg")
	if err != nil {
		t.Fatal(err)
	}
	want := load(t, "testdata/v-444.jpg")
	im, _, err := pixels.Decode(data[:len(data)-2], pixels.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := diff(t, im, want); n > 0 {
		t.Errorf("%d bytes differ", n)
	}
}

func TestProbe(t *testing.T) {
	for _, tt := range []struct {
		file string
		want pixels.Info
	}{
		{"v-exif6.jpg", pixels.Info{Format: pixels.JPEG, W: 320, H: 200, Orientation: 6}},
		{"v-progressive420.jpg", pixels.Info{Format: pixels.JPEG, W: 1024, H: 819, Orientation: 1}},
		{"decode/la.png", pixels.Info{Format: pixels.PNG, W: 37, H: 23, Orientation: 1}},
		{"decode/part.gif", pixels.Info{Format: pixels.GIF, W: 37, H: 23, Orientation: 1}},
		{"decode/lossy60.webp", pixels.Info{Format: pixels.WebP, W: 111, H: 69, Orientation: 1}},
	} {
		data, err := os.ReadFile(filepath.Join("testdata", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pixels.Probe(data); err != nil || got != tt.want {
			t.Errorf("Probe(%s) = %+v, %v, want %+v", tt.file, got, err, tt.want)
		}
	}
}

func TestEncodeJPEG(t *testing.T) {
	needJPEG(t)
	im := load(t, "testdata/v-odd257x341.jpg")
	for _, q := range []int{1, 75, 95, 100} {
		for _, full := range []bool{false, true} {
			a, err := pixels.EncodeJPEG(im, q, full)
			if err != nil {
				t.Fatal(err)
			}
			b, err := pixels.EncodeJPEG(im, q, full)
			if err != nil || !bytes.Equal(a, b) {
				t.Errorf("quality %d 4:4:4 %v: two encodings differ (%v)", q, full, err)
			}
			got, _, err := pixels.Decode(a, pixels.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for i, v := range got.Pix {
				d := int(v) - int(im.Pix[i])
				total += max(d, -d)
			}
			mean := float64(total) / float64(len(im.Pix))
			t.Logf("quality %d 4:4:4 %v: %d bytes, mean difference %.2f", q, full, len(a), mean)
			if q == 100 && full && mean > 0.8 {
				t.Errorf("mean difference %.2f at quality 100 4:4:4", mean)
			}
		}
	}
	for _, q := range []int{0, 101} {
		if _, err := pixels.EncodeJPEG(im, q, true); err == nil {
			t.Errorf("quality %d is accepted", q)
		}
	}
}

func FuzzDecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/decode/*.*")
	for _, name := range append(files, "testdata/v-exif6.jpg", "testdata/v-small31x29.jpg") {
		if data, err := os.ReadFile(name); err == nil && len(data) < 1<<15 {
			f.Add(data)
			f.Add(data[:len(data)/2])
		}
	}
	lim := pixels.Limits{MaxPixels: 1 << 16}
	// A header that is accepted fixes the size of what is decoded, and all errors are of a known kind.
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := pixels.Probe(data)
		im, info2, err2 := pixels.Decode(data, lim)
		for _, err := range []error{err, err2} {
			known := err == nil
			for _, k := range []error{pixels.ErrNotImage, pixels.ErrUnsupported, pixels.ErrTooManyPixels, pixels.ErrTruncated, pixels.ErrCorrupt} {
				known = known || errors.Is(err, k)
			}
			if !known {
				t.Errorf("error of an unknown kind: %v", err)
			}
		}
		if err2 == nil && (err != nil || info != info2 || im.W != info.W || im.H != info.H || len(im.Pix) != 3*im.W*im.H) {
			t.Errorf("probed %+v (%v), decoded %d×%d with %d bytes", info, err, im.W, im.H, len(im.Pix))
		}
	})
}
