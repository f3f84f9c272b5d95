package view_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pipeline/stagetest"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/sandbox"
	"github.com/imglish/imglish/pixels/vips"
	"github.com/imglish/imglish/stages/view"
	"github.com/imglish/imglish/store"
)

func TestMain(m *testing.M) {
	sandbox.RunIfWorker()
	os.Exit(m.Run())
}

// fixture is a store that holds one of the test pictures of package pixels.
type fixture struct {
	st   store.Store
	blob string
	data []byte
}

func newFixture(t testing.TB, name string) fixture {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := fixture{st: st}
	if f.data, err = os.ReadFile(filepath.Join("..", "..", "pixels", "testdata", name)); err != nil {
		t.Fatal(err)
	}
	if f.blob, _, err = store.PutBlob(t.Context(), st, f.data); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f fixture) sample(kind pipeline.Kind, key string) *pipeline.Sample {
	s := &pipeline.Sample{
		Id: pipeline.SampleID("test", key, "1"), Kind: kind,
		Source: &pipeline.Origin{Dataset: "test", Key: key, Revision: "1"},
	}
	if kind != pipeline.Kind_TEXT {
		s.Image = &pipeline.Image{Blob: f.blob}
	}
	if kind != pipeline.Kind_IMAGE {
		s.Parts = []*pipeline.Part{{Text: "a lake left of a mountain"}}
	}
	return s
}

func (f fixture) stage(t testing.TB, change func(*view.Config)) *view.Stage {
	t.Helper()
	c := view.Defaults()
	c.Side, c.Grid = 64, 4
	c.Sandbox.Workers, c.Sandbox.Timeout = 1, 2*time.Minute // on a machine that is busy
	if change != nil {
		change(&c)
	}
	s, err := view.New(c, f.st, vips.EncodeWebP)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func views(t testing.TB, st *view.Stage, s *pipeline.Sample) []*pipeline.View {
	t.Helper()
	out, err := st.Process(t.Context(), []*pipeline.Sample{s})
	if err != nil {
		t.Fatal(err)
	}
	if out[0].Sample == nil {
		t.Fatalf("skipped: %v", out[0].Skip)
	}
	return out[0].Sample.Views
}

func decode(t testing.TB, data []byte) *pixels.Image {
	t.Helper()
	im, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func TestStage(t *testing.T) {
	f := newFixture(t, "v-odd257x341.jpg")
	lost := f.sample(pipeline.Kind_IMAGE, "lost")
	lost.Image.Blob = ""
	stagetest.Run(t, func(t testing.TB) pipeline.Stage { return f.stage(t, nil) },
		f.sample(pipeline.Kind_IMAGE, "a"), f.sample(pipeline.Kind_PAIR, "b"), f.sample(pipeline.Kind_TEXT, "c"), lost)
}

// A stored view must be what its stored values say, so that it can be made again from the picture.
func TestValuesTellTheView(t *testing.T) {
	f := newFixture(t, "v-odd257x341.jpg")
	st := f.stage(t, func(c *view.Config) { c.Encoding, c.Image.Views = view.LosslessWebP, 12 })
	defer st.Close()
	im := decode(t, f.data)
	flips := 0
	for _, v := range views(t, st, f.sample(pipeline.Kind_IMAGE, "a")) {
		want := im.Crop(int(v.Left), int(v.Top), int(v.Width), int(v.Height)).Resize(64, 64, pixels.Bicubic)
		if v.Flip {
			want = want.FlipH()
			flips++
		}
		j := v.Jitter
		if len(j) != 6 {
			t.Fatalf("view %d: jitter %v, want 6 values", v.Number, j)
		}
		want = want.Jitter(pixels.Jitter{Brightness: j[0], Contrast: j[1], Saturation: j[2], Order: [3]uint8{uint8(j[3]), uint8(j[4]), uint8(j[5])}})
		if got := decode(t, v.Encoded); !bytes.Equal(got.Pix, want.Pix) {
			t.Errorf("view %d is not what its values say", v.Number)
		}
		if v.Encoding != view.LosslessWebP || v.Side != 64 || v.Grid != 4 {
			t.Errorf("view %d: encoding %q, side %d, grid %d", v.Number, v.Encoding, v.Side, v.Grid)
		}
	}
	if flips == 0 || flips == 12 {
		t.Errorf("%d of 12 views are flipped", flips)
	}
}

func TestReferenceMode(t *testing.T) {
	for _, name := range []string{"v-odd257x341.jpg", "v-wide1000x60.jpg", "v-narrow101x333.jpg", "v-exif6.jpg"} {
		for _, orient := range []bool{false, true} {
			t.Run(fmt.Sprint(name, orient), func(t *testing.T) {
				f := newFixture(t, name)
				st := f.stage(t, func(c *view.Config) {
					c.Encoding, c.Orient = view.LosslessWebP, orient
					c.Pair.Mode = view.Reference
				})
				defer st.Close()
				im := decode(t, f.data)
				if info, err := pixels.Probe(f.data); err != nil {
					t.Fatal(err)
				} else if orient {
					im = im.Turn(info.Orientation)
				}
				got := views(t, st, f.sample(pipeline.Kind_PAIR, "a"))
				if len(got) != 1 || !bytes.Equal(decode(t, got[0].Encoded).Pix, pixels.ReferenceView(im, 64).Pix) {
					t.Fatalf("%d views; the first is not the reference's", len(got))
				}
				v := got[0]
				if v.Flip || len(v.Jitter) > 0 {
					t.Errorf("flip %v, jitter %v, want none", v.Flip, v.Jitter)
				}
				if v.Left < 0 || v.Top < 0 || v.Left+v.Width > float32(im.W)+0.01 || v.Top+v.Height > float32(im.H)+0.01 || v.Width != v.Height {
					t.Errorf("crop %g,%g %g×%g of %d×%d", v.Left, v.Top, v.Width, v.Height, im.W, im.H)
				}
			})
		}
	}
}

// Crops must have the shares and aspects that are asked for, and pairs no flip.
func TestDraws(t *testing.T) {
	f := newFixture(t, "v-exif6.jpg") // 320×200
	st := f.stage(t, func(c *view.Config) {
		c.Side, c.Grid = 16, 1
		c.Image.Views, c.Pair.Views = 400, 200
		c.Encoding = "jpeg-q50-420"
	})
	defer st.Close()
	flips, area := 0, 0.0
	all := views(t, st, f.sample(pipeline.Kind_IMAGE, "a"))
	for _, v := range all {
		share := float64(v.Width*v.Height) / (320 * 200)
		aspect := float64(v.Width / v.Height)
		area += share / float64(len(all))
		if share < 0.19 || share > 1 || aspect < 0.73 || aspect > 1.36 || v.Left+v.Width > 320 || v.Top+v.Height > 200 {
			t.Errorf("crop %g,%g %g×%g: share %.2f, aspect %.2f", v.Left, v.Top, v.Width, v.Height, share, aspect)
		}
		if v.Flip {
			flips++
		}
		for _, factor := range v.Jitter[:3] {
			if factor < 0.6 || factor > 1.4 {
				t.Errorf("jitter %v", v.Jitter)
			}
		}
	}
	if flips < 150 || flips > 250 {
		t.Errorf("%d of 400 views are flipped", flips)
	}
	// Boxes larger than .83 of this picture's area cannot have an allowed aspect, so the mean lies below .6.
	if area < 0.42 || area > 0.6 {
		t.Errorf("mean share %.2f", area)
	}
	for _, v := range views(t, st, f.sample(pipeline.Kind_PAIR, "a")) {
		if v.Flip || float64(v.Width*v.Height)/(320*200) < 0.79 {
			t.Errorf("a pair's crop is %g×%g, flip %v", v.Width, v.Height, v.Flip)
		}
	}
}

func TestFallbackIsCentred(t *testing.T) {
	f := newFixture(t, "v-wide1000x60.jpg")
	st := f.stage(t, func(c *view.Config) { c.Image.Scale = [2]float64{0.9, 1} })
	defer st.Close()
	for _, v := range views(t, st, f.sample(pipeline.Kind_IMAGE, "a")) {
		if v.Width != 80 || v.Height != 60 || v.Left != 460 || v.Top != 0 {
			t.Errorf("crop %g,%g %g×%g, want 460,0 80×60", v.Left, v.Top, v.Width, v.Height)
		}
	}
}

// A view depends on seed, id and number, not on how many views there are nor on the other settings of chance.
func TestKeys(t *testing.T) {
	f := newFixture(t, "v-exif6.jpg")
	run := func(key string, change func(*view.Config)) []*pipeline.View {
		st := f.stage(t, change)
		defer st.Close()
		return views(t, st, f.sample(pipeline.Kind_IMAGE, key))
	}
	base := run("a", nil)
	if proto.Equal(base[0], base[1]) {
		t.Error("two views are equal")
	}
	more := run("a", func(c *view.Config) { c.Image.Views = 5 })
	for i := range base {
		if !proto.Equal(base[i], more[i]) {
			t.Errorf("view %d differs when there are more views", i)
		}
	}
	noFlip := run("a", func(c *view.Config) { c.Image.Flip, c.Image.Jitter = 0, [3]float64{} })
	if noFlip[0].Left != base[0].Left || noFlip[0].Width != base[0].Width || noFlip[0].Flip || len(noFlip[0].Jitter) > 0 {
		t.Errorf("without flip and jitter the crop is %v, was %v", noFlip[0], base[0])
	}
	for name, other := range map[string][]*pipeline.View{
		"id": run("b", nil), "seed": run("a", func(c *view.Config) { c.Seed = 1 }),
	} {
		if math.Abs(float64(other[0].Left-base[0].Left))+math.Abs(float64(other[0].Width-base[0].Width)) == 0 {
			t.Errorf("another %s gives the same crop", name)
		}
	}
}

func TestConfig(t *testing.T) {
	c := view.Defaults()
	text := `
side: 256
grid: 16
encoding: jpeg-q90-420
pair: {scale: [0.9, 1]}
sources:
  scenes: {views: 3, jitter: [0, 0, 0]}
  photos: {mode: reference, views: 1}
`
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Pair.Scale != [2]float64{0.9, 1} || c.Pair.Views != 1 || c.Image.Flip != 0.5 || *c.Sources["scenes"].Views != 3 {
		t.Errorf("settings %+v", c)
	}
	for name, change := range map[string]func(*view.Config){
		"grid":     func(c *view.Config) { c.Grid = 15 },
		"side":     func(c *view.Config) { c.Side = 0 },
		"encoding": func(c *view.Config) { c.Encoding = "jpeg-q95-444x" },
		"scale":    func(c *view.Config) { c.Image.Scale = [2]float64{1, 0.5} },
		"views":    func(c *view.Config) { c.Pair.Mode, c.Pair.Views = view.Reference, 2 },
		"mode":     func(c *view.Config) { c.Image.Mode = "centre" },
		"flip":     func(c *view.Config) { c.Image.Flip = math.NaN() },
		"source":   func(c *view.Config) { n := 0; c.Sources = map[string]view.Override{"x": {Views: &n}} },
	} {
		c := view.Defaults()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s: %+v is accepted", name, c)
		}
	}
	c = view.Defaults()
	c.Encoding = view.LosslessWebP
	if _, err := view.New(c, nil, nil); err == nil {
		t.Error("lossless WebP without an encoder is accepted")
	}
}

// A source's own settings hold for its samples alone.
func TestSourceSettings(t *testing.T) {
	f := newFixture(t, "v-exif6.jpg")
	n := 4
	st := f.stage(t, func(c *view.Config) { c.Sources = map[string]view.Override{"test": {Views: &n}} })
	defer st.Close()
	s := f.sample(pipeline.Kind_IMAGE, "a")
	if got := len(views(t, st, s)); got != 4 {
		t.Errorf("%d views, want 4", got)
	}
	other := f.sample(pipeline.Kind_IMAGE, "a")
	other.Source.Dataset = "another"
	if got := len(views(t, st, other)); got != 2 {
		t.Errorf("%d views of another source, want 2", got)
	}
}

func TestDamagedPicture(t *testing.T) {
	f := newFixture(t, "v-odd257x341.jpg")
	st := f.stage(t, nil)
	defer st.Close()
	key, _, err := store.PutBlob(t.Context(), f.st, f.data[:len(f.data)/2])
	if err != nil {
		t.Fatal(err)
	}
	s := f.sample(pipeline.Kind_IMAGE, "a")
	s.Image.Blob = key
	out, err := st.Process(t.Context(), []*pipeline.Sample{s})
	if err != nil || out[0].Skip.GetReason() != "truncated" {
		t.Errorf("result %v, error %v, want a skip \"truncated\"", out, err)
	}
}
