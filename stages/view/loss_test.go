package view_test

import (
	"context"
	"testing"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/vips"
	"github.com/imglish/imglish/stages/view"
)

// A tokenizer of a kind that tells any two pictures apart: every pixel's value is a code.
func everyPixel(_ context.Context, pix []uint8, n int) ([]uint16, error) {
	out := make([]uint16, len(pix))
	for i, v := range pix {
		out[i] = uint16(v)
	}
	return out, nil
}

func TestLossMeter(t *testing.T) {
	if pixels.JPEGVersion() == "" {
		t.Skip("built without libjpeg-turbo")
	}
	f := newFixture(t, "v-odd257x341.jpg")
	names := []string{view.LosslessWebP, "jpeg-q100-444", "jpeg-q95-444", "jpeg-q50-420"}
	m, err := view.NewLossMeter(everyPixel, names, vips.EncodeWebP)
	if err != nil {
		t.Fatal(err)
	}
	v := pixels.ReferenceView(decode(t, f.data), 64)
	for range 2 {
		if err := m.Add(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	losses := m.Losses()
	for i, l := range losses {
		if l.Encoding != names[i] || l.Views != 2 || l.Codes != 2*3*64*64 || l.Bytes < 1000 {
			t.Errorf("loss %d is %+v", i, l)
		}
		if i > 0 && l.Changed <= losses[i-1].Changed {
			t.Errorf("%s changes %d values, %s changes %d: want more", l.Encoding, l.Changed, losses[i-1].Encoding, losses[i-1].Changed)
		}
	}
	if losses[0].Changed != 0 {
		t.Errorf("a lossless encoding changes %d values", losses[0].Changed)
	}
	if _, err := view.NewLossMeter(everyPixel, []string{"png"}, nil); err == nil {
		t.Error("an unknown encoding is accepted")
	}
	if _, err := view.NewLossMeter(everyPixel, names, nil); err == nil {
		t.Error("lossless WebP without an encoder is accepted")
	}
}
