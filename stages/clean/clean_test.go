package clean_test

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pipeline/stagetest"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/sandbox"
	"github.com/imglish/imglish/stages/clean"
	"github.com/imglish/imglish/store"
)

func TestMain(m *testing.M) {
	sandbox.RunIfWorker()
	os.Exit(m.Run())
}

func openStore(t testing.TB) store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func newStage(t testing.TB, st store.Store, change func(*clean.Config)) *clean.Stage {
	t.Helper()
	c := clean.Defaults()
	c.Sandbox.Workers, c.Sandbox.Timeout = 1, 2*time.Minute // on a machine that is busy
	if change != nil {
		change(&c)
	}
	s, err := clean.New(c, st)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t testing.TB, st store.Store, data []byte) string {
	t.Helper()
	key, _, err := store.PutBlob(t.Context(), st, data)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func photo(t testing.TB) *pixels.Image {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "pixels", "testdata", "v-444.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	im, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func jpeg(t testing.TB, im *pixels.Image, quality int) []byte {
	t.Helper()
	data, err := pixels.EncodeJPEG(im, quality, false)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sample(kind pipeline.Kind, blob, text string) *pipeline.Sample {
	key := fmt.Sprintf("%v/%s/%s", kind, blob, text)
	s := &pipeline.Sample{
		Id: pipeline.SampleID("test", key, "1"), Kind: kind,
		Source: &pipeline.Origin{Dataset: "test", Key: key, Revision: "1"},
	}
	if kind != pipeline.Kind_TEXT {
		s.Image = &pipeline.Image{Blob: blob}
	}
	if kind != pipeline.Kind_IMAGE {
		s.Parts = []*pipeline.Part{{Text: text}}
	}
	return s
}

func one(t testing.TB, st pipeline.Stage, s *pipeline.Sample) pipeline.Result {
	t.Helper()
	out, err := st.Process(t.Context(), []*pipeline.Sample{s})
	if err != nil {
		t.Fatal(err)
	}
	return out[0]
}

func TestStage(t *testing.T) {
	st := openStore(t)
	good := put(t, st, jpeg(t, photo(t), 90))
	page := put(t, st, []byte("<html>gone</html>"))
	stagetest.Run(t, func(t testing.TB) pipeline.Stage { return newStage(t, st, nil) },
		sample(pipeline.Kind_PAIR, good, "a valley with a lake"),
		sample(pipeline.Kind_IMAGE, page, ""),
		sample(pipeline.Kind_TEXT, "", "A text travels along."),
		sample(pipeline.Kind_IMAGE, good, ""),
		sample(pipeline.Kind_TEXT, "", " \n"))
}

func TestKeeps(t *testing.T) {
	st := openStore(t)
	stage := newStage(t, st, nil)
	defer stage.Close()
	im := photo(t)
	r := one(t, stage, sample(pipeline.Kind_PAIR, put(t, st, jpeg(t, im, 90)), "a valley with a lake"))
	if r.Sample == nil {
		t.Fatalf("skipped: %v", r.Skip)
	}
	if i := r.Sample.Image; i.Width != int32(im.W) || i.Height != int32(im.H) || i.Format != "jpeg" {
		t.Errorf("image %v, want %d×%d jpeg", i, im.W, im.H)
	}
	if n := len(r.Sample.Signatures.Minhash); n != 14*8 {
		t.Errorf("%d MinHash values, want 112", n)
	}
	if r.Sample.Signatures.Phash == 0 {
		t.Error("no perceptual hash")
	}
	text := one(t, stage, sample(pipeline.Kind_TEXT, "", "A text passes the image part."))
	if text.Sample == nil || text.Sample.Image != nil {
		t.Errorf("a text gives %v", text)
	}
}

func TestReasons(t *testing.T) {
	st := openStore(t)
	stage := newStage(t, st, func(c *clean.Config) { c.MaxPixels = 1_000_000 })
	defer stage.Close()
	good := jpeg(t, photo(t), 90)
	bomb := bytes.Clone(good)
	at := bytes.Index(bomb, []byte{0xff, 0xc0})
	copy(bomb[at+5:], []byte{0xff, 0x00, 0xff, 0x00}) // 65280×65280
	missing := put(t, st, []byte("x"))
	if err := st.Delete(t.Context(), missing); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		sample    *pipeline.Sample
		reason    string
		retryable bool
	}{
		{"page", sample(pipeline.Kind_IMAGE, put(t, st, []byte("<html>")), ""), "not-an-image", false},
		{"cut", sample(pipeline.Kind_IMAGE, put(t, st, good[:len(good)/2]), ""), "truncated", false},
		{"bomb", sample(pipeline.Kind_IMAGE, put(t, st, bomb), ""), "too-many-pixels", false},
		{"icon", sample(pipeline.Kind_IMAGE, put(t, st, jpeg(t, pixels.New(31, 400), 90)), ""), "too-small", false},
		{"rule", sample(pipeline.Kind_IMAGE, put(t, st, jpeg(t, pixels.New(40, 900), 90)), ""), "aspect-ratio", false},
		{"damaged", sample(pipeline.Kind_IMAGE, put(t, st, append([]byte("\xff\xd8\xff\xdb\x00\x04ab\xff\xda"), good...)), ""), "decode-error", false},
		{"no blob", sample(pipeline.Kind_IMAGE, "", ""), "blob-missing", false},
		{"lost blob", sample(pipeline.Kind_PAIR, missing, "a caption"), "blob-missing", true},
		{"blank", sample(pipeline.Kind_TEXT, "", "\t\u3000 …!"), "empty-text", false},
		{"short", sample(pipeline.Kind_PAIR, put(t, st, good), "ok"), "short-text", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := one(t, stage, tt.sample)
			if r.Skip.GetReason() != tt.reason || r.Skip.GetRetryable() != tt.retryable {
				t.Errorf("skip %v, want reason %q, retryable %v", r.Skip, tt.reason, tt.retryable)
			}
		})
	}
}

// A picture that looks the same must have nearly the same hash, another picture another one.
func TestPerceptualHash(t *testing.T) {
	st := openStore(t)
	stage := newStage(t, st, nil)
	defer stage.Close()
	hash := func(data []byte) uint64 {
		r := one(t, stage, sample(pipeline.Kind_IMAGE, put(t, st, data), ""))
		if r.Sample == nil {
			t.Fatalf("skipped: %v", r.Skip)
		}
		return r.Sample.Signatures.Phash
	}
	im := photo(t)
	base := hash(jpeg(t, im, 95))
	for _, tt := range []struct {
		name     string
		data     []byte
		min, max int // differing bits
	}{
		{"low quality", jpeg(t, im, 20), 0, 4},
		{"half size", jpeg(t, im.Resize(im.W/2, im.H/2, pixels.Bicubic), 90), 0, 4},
		{"brighter", jpeg(t, im.Jitter(pixels.Jitter{Brightness: 1.2, Contrast: 1, Saturation: 1, Order: [3]uint8{0, 1, 2}}), 90), 0, 6},
		{"mirrored", jpeg(t, im.FlipH(), 95), 12, 64},
		{"other part", jpeg(t, im.Crop(im.W/2, 0, im.W/2, im.H/2), 95), 12, 64},
	} {
		if d := bits.OnesCount64(base ^ hash(tt.data)); d < tt.min || d > tt.max {
			t.Errorf("%s: %d bits differ, want %d to %d", tt.name, d, tt.min, tt.max)
		}
	}
}

// The share of equal MinHash values must estimate the share of common shingles.
func TestMinHash(t *testing.T) {
	st := openStore(t)
	stage := newStage(t, st, func(c *clean.Config) { c.Bands, c.Rows = 256, 4 })
	defer stage.Close()
	sign := func(text string) []uint32 {
		return one(t, stage, sample(pipeline.Kind_TEXT, "", text)).Sample.Signatures.Minhash
	}
	same := func(a, b []uint32) float64 {
		n := 0
		for i := range a {
			if a[i] == b[i] {
				n++
			}
		}
		return float64(n) / float64(len(a))
	}
	var words []string
	for i := range 404 {
		words = append(words, fmt.Sprintf("word%d", i))
	}
	all := strings.Join(words, " ")
	half := strings.Join(words[:204], " ")
	// 400 shingles against 200 of them.
	if got := same(sign(all), sign(half)); got < 0.44 || got > 0.56 {
		t.Errorf("similarity %.3f of a text and its half, want about 0.5", got)
	}
	if got := same(sign(all), sign(strings.ToUpper(strings.Join(words, ",\n ")))); got != 1 {
		t.Errorf("similarity %.3f of a text and itself in other letters and spaces, want 1", got)
	}
	if got := same(sign("a red circle"), sign("a blue star")); got > 0.02 {
		t.Errorf("similarity %.3f of two short texts, want 0", got)
	}
	if got := same(sign("ab c d e f"), sign("a bc d e f")); got > 0.02 {
		t.Errorf("similarity %.3f of texts whose words join alike, want 0", got)
	}
}

func TestValidate(t *testing.T) {
	for _, change := range []func(*clean.Config){
		func(c *clean.Config) { c.MinSide = 0 },
		func(c *clean.Config) { c.MaxPixels = 1 << 40 },
		func(c *clean.Config) { c.MaxAspect = 0.5 },
		func(c *clean.Config) { c.Bands = 0 },
		func(c *clean.Config) { c.Bands, c.Rows = 1<<20, 1<<20 },
		func(c *clean.Config) { c.Shingle = 0 },
		func(c *clean.Config) { c.Sandbox.Workers = 0 },
	} {
		c := clean.Defaults()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if err := clean.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}
