package view

import (
	"fmt"

	"github.com/imglish/imglish/pixels"
)

// LosslessWebP is the encoding that keeps every pixel.
const LosslessWebP = "webp-lossless"

// Encoder encodes a view.
type Encoder func(*pixels.Image) ([]byte, error)

// ParseEncoding makes the encoder of a name such as "jpeg-q95-444" or "webp-lossless". webp is what encodes the latter
// (pixels/vips.EncodeWebP does); it may be nil where that is not asked for.
func ParseEncoding(name string, webp Encoder) (Encoder, error) {
	if name == LosslessWebP {
		if webp == nil {
			return nil, fmt.Errorf("encoding: %q: this program was built without its encoder", name)
		}
		return webp, nil
	}
	quality, full, err := parseJPEG(name)
	if err != nil {
		return nil, err
	}
	return func(im *pixels.Image) ([]byte, error) { return pixels.EncodeJPEG(im, quality, full) }, nil
}

// parseJPEG reads "jpeg-q95-444": the quality, and whether chroma is kept in full.
func parseJPEG(name string) (quality int, full bool, err error) {
	var chroma int
	n, err := fmt.Sscanf(name, "jpeg-q%d-%d", &quality, &chroma)
	if err != nil || n != 2 || quality < 1 || quality > 100 || chroma != 444 && chroma != 420 ||
		name != fmt.Sprintf("jpeg-q%d-%d", quality, chroma) {
		return 0, false, fmt.Errorf("encoding: %q is neither %q nor like %q or %q", name, LosslessWebP, "jpeg-q95-444", "jpeg-q90-420")
	}
	return quality, chroma == 444, nil
}

// validEncoding says what is wrong with a name, whatever this program was built with.
func validEncoding(name string) error {
	if name == LosslessWebP {
		return nil
	}
	_, _, err := parseJPEG(name)
	return err
}
