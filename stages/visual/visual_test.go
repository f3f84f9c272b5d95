package visual_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pipeline/stagetest"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/stages/visual"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
)

// tokenizer is the real thing at a small size: 64×64 pixels, 4×4 codes.
func tokenizer(t testing.TB) *vqkd.Tokenizer {
	t.Helper()
	tok, err := vqkd.Load(tensor.NewReference[float32](), "testdata/vqkd_tiny.safetensors", vqkd.Options{Heads: 3})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// picture is colourful and differs by seed.
func picture(side, seed int) *pixels.Image {
	im := pixels.New(side, side)
	for y := range side {
		for x := range side {
			im.Set(x, y, uint8(x*seed+y), uint8(3*y+7*seed), uint8((x+seed)*(y+1)/8))
		}
	}
	return im
}

func view(t testing.TB, number, side, seed int) *pipeline.View {
	t.Helper()
	data, err := pixels.EncodeJPEG(picture(side, seed), 95, true)
	if err != nil {
		t.Fatal(err)
	}
	return &pipeline.View{Number: int32(number), Side: 64, Encoded: data, Encoding: "jpeg-q95-444"}
}

func sample(kind pipeline.Kind, key string, views ...*pipeline.View) *pipeline.Sample {
	return &pipeline.Sample{
		Id: pipeline.SampleID("test", key, "1"), Kind: kind, Views: views,
		Source: &pipeline.Origin{Dataset: "test", Key: key, Revision: "1"},
	}
}

func samples(t testing.TB) []*pipeline.Sample {
	broken := view(t, 1, 64, 9)
	broken.Encoded = broken.Encoded[:40]
	return []*pipeline.Sample{
		sample(pipeline.Kind_IMAGE, "one", view(t, 0, 64, 1)),
		sample(pipeline.Kind_TEXT, "text"),
		sample(pipeline.Kind_PAIR, "two views", view(t, 0, 64, 2), view(t, 1, 64, 3)),
		sample(pipeline.Kind_IMAGE, "broken", view(t, 0, 64, 4), broken),
		sample(pipeline.Kind_IMAGE, "small", view(t, 0, 32, 5)),
		sample(pipeline.Kind_IMAGE, "no views"),
		sample(pipeline.Kind_PAIR, "last", view(t, 0, 64, 6)),
	}
}

func TestStage(t *testing.T) {
	newStage := func(t testing.TB) pipeline.Stage { return visual.New(tokenizer(t)) }
	stagetest.Run(t, newStage, samples(t)...)
	stagetest.Run(t, newStage)
}

// The codes stored are those of the view's decoded pixels, and anyone can compute them again.
func TestCodesAreThoseOfTheStoredView(t *testing.T) {
	tok := tokenizer(t)
	st := visual.New(tok)
	out, err := st.Process(context.Background(), samples(t))
	if err != nil {
		t.Fatal(err)
	}
	reasons := []string{"", "", "", visual.ReasonUnreadable, visual.ReasonSize, visual.ReasonNoView, ""}
	for i, r := range out {
		got := ""
		if r.Skip != nil {
			got = r.Skip.Reason
		}
		if got != reasons[i] {
			t.Errorf("sample %d: skip %q, want %q", i, got, reasons[i])
		}
		for _, v := range r.Sample.GetViews() {
			im, _, err := pixels.Decode(v.Encoded, pixels.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			want, err := tok.Encode(context.Background(), im.Pix, 1)
			if err != nil {
				t.Fatal(err)
			}
			var codes []uint16
			for b := v.Codes; len(b) > 0; b = b[2:] {
				codes = append(codes, binary.LittleEndian.Uint16(b))
			}
			if v.Grid != 4 || !slices.Equal(codes, want) {
				t.Errorf("sample %d, view %d: grid %d, codes %v, want %v", i, v.Number, v.Grid, codes, want)
			}
		}
	}
	if st.Version() != tok.Fingerprint() {
		t.Errorf("version %q, want the fingerprint", st.Version())
	}
}

func TestWrongTokenizerStopsTheLine(t *testing.T) {
	v := view(t, 0, 64, 1)
	v.Side = 224
	_, err := visual.New(tokenizer(t)).Process(context.Background(), []*pipeline.Sample{sample(pipeline.Kind_IMAGE, "a", v)})
	if !errors.Is(err, pipeline.ErrFatal) {
		t.Errorf("error %v, want ErrFatal", err)
	}
}

// meeting is a tokenizer whose Encode waits until as many calls of it are under way.
type meeting struct {
	visual.Tokenizer
	all sync.WaitGroup
}

func (m *meeting) Encode(ctx context.Context, pixels []uint8, n int) ([]uint16, error) {
	m.all.Done()
	m.all.Wait()
	return m.Tokenizer.Encode(ctx, pixels, n)
}

// A batch is decoded while another one is being encoded: else the calls would wait for each other for ever.
func TestDecodesWhileItEncodes(t *testing.T) {
	m := &meeting{Tokenizer: tokenizer(t)}
	m.all.Add(2)
	st := visual.New(m)
	var g errgroup.Group
	for seed := range 2 {
		in := []*pipeline.Sample{sample(pipeline.Kind_IMAGE, "a", view(t, 0, 64, seed+1))}
		g.Go(func() error {
			_, err := st.Process(t.Context(), in)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// large is a tokenizer of large views, whose one code is the first byte of the pixels. It notes how many views a call has.
type large struct{ calls []int }

func (*large) Side() int           { return 2048 }
func (*large) Grid() int           { return 1 }
func (*large) Fingerprint() string { return "large" }

func (l *large) Encode(_ context.Context, pixels []uint8, n int) ([]uint16, error) {
	l.calls = append(l.calls, n)
	codes := make([]uint16, n)
	for i := range codes {
		codes[i] = uint16(pixels[i*len(pixels)/n])
	}
	return codes, nil
}

// A batch whose pixels are more than MaxPixels goes through in parts, wherever they part a sample. A sample with a broken
// view is left without codes, although its first views had been encoded.
func TestPixelsOfABatchAreBounded(t *testing.T) {
	grey := func(number int, v uint8) *pipeline.View {
		im := pixels.New(2048, 2048)
		for i := range im.Pix {
			im.Pix[i] = v
		}
		data, err := pixels.EncodeJPEG(im, 95, true)
		if err != nil {
			t.Fatal(err)
		}
		return &pipeline.View{Number: int32(number), Side: 2048, Encoded: data}
	}
	broken := &pipeline.View{Number: 2, Side: 2048, Encoded: []byte("no picture")}
	in := []*pipeline.Sample{
		sample(pipeline.Kind_IMAGE, "three", grey(0, 10), grey(1, 20), grey(2, 30)),
		sample(pipeline.Kind_IMAGE, "broken", grey(0, 40), grey(1, 50), broken),
		sample(pipeline.Kind_PAIR, "two", grey(0, 60), grey(1, 70)),
	}
	l := &large{}
	out, err := visual.New(l).Process(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{5, 2}; !slices.Equal(l.calls, want) || 5*3*2048*2048 > visual.MaxPixels {
		t.Errorf("calls of %v views, want %v: 5 are %d bytes", l.calls, want, 5*3*2048*2048)
	}
	if out[1].Skip == nil || out[1].Skip.Reason != visual.ReasonUnreadable {
		t.Errorf("the broken sample: %+v", out[1])
	}
	for i, want := range [][]string{{"\x0a\x00", "\x14\x00", "\x1e\x00"}, {"", "", ""}, {"<\x00", "F\x00"}} {
		for k, v := range in[i].Views {
			if string(v.Codes) != want[k] {
				t.Errorf("sample %d, view %d: codes %q, want %q", i, k, v.Codes, want[k])
			}
		}
	}
}
