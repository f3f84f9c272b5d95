package pixels_test

import (
	"os"
	"testing"

	"github.com/imglish/imglish/pixels"
)

func BenchmarkReferenceView(b *testing.B) {
	data, err := os.ReadFile("testdata/v-422q50.jpg")
	if err != nil {
		b.Fatal(err)
	}
	b.Run("decode", func(b *testing.B) {
		for b.Loop() {
			if _, _, err := pixels.Decode(data, pixels.DefaultLimits()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("resize", func(b *testing.B) {
		im := load(b, "testdata/v-422q50.jpg")
		b.SetBytes(int64(len(im.Pix)))
		for b.Loop() {
			pixels.ReferenceView(im, 224)
		}
	})
	b.Run("encode", func(b *testing.B) {
		im := pixels.ReferenceView(load(b, "testdata/v-422q50.jpg"), 224)
		for b.Loop() {
			if _, err := pixels.EncodeJPEG(im, 95, true); err != nil {
				b.Fatal(err)
			}
		}
	})
}
