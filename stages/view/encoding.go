package view

import (
	"fmt"

	"github.com/imglish/imglish/pixels"
)

// LosslessWebP is the encoding that keeps every pixel.
const LosslessWebP = "webp-lossless"

// Encoder encodes a view.
type Encoder func(*pixels.Image) ([]byte, error)

// parseEncoding makes the encoder of a name such as "jpeg-q95-444". It is nil for LosslessWebP, whose encoder the caller
// of New brings.
func parseEncoding(name string) (Encoder, error) {
	if name == LosslessWebP {
		return nil, nil
	}
	var quality, chroma int
	n, err := fmt.Sscanf(name, "jpeg-q%d-%d", &quality, &chroma)
	if err != nil || n != 2 || quality < 1 || quality > 100 || chroma != 444 && chroma != 420 ||
		name != fmt.Sprintf("jpeg-q%d-%d", quality, chroma) {
		return nil, fmt.Errorf("encoding: %q is neither %q nor like %q or %q", name, LosslessWebP, "jpeg-q95-444", "jpeg-q90-420")
	}
	return func(im *pixels.Image) ([]byte, error) { return pixels.EncodeJPEG(im, quality, chroma == 444) }, nil
}
