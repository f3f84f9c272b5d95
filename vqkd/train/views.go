package train

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/imglish/imglish/pixels"
)

// cropBox draws a crop as random resized crops do: a share of the area, uniform from least to 1, an aspect from 3/4 to
// 4/3, uniform in its logarithm; after ten boxes that do not fit, the largest in the middle.
func cropBox(rng *rand.Rand, w, h int, least float64) (x, y, cw, ch int) {
	for range 10 {
		area := float64(w) * float64(h) * (least + (1-least)*rng.Float64())
		aspect := math.Exp((2*rng.Float64() - 1) * math.Log(4.0/3))
		cw, ch = int(math.Round(math.Sqrt(area*aspect))), int(math.Round(math.Sqrt(area/aspect)))
		if cw >= 1 && ch >= 1 && cw <= w && ch <= h {
			return rng.IntN(w - cw + 1), rng.IntN(h - ch + 1), cw, ch
		}
	}
	side := min(w, h)
	return (w - side) / 2, (h - side) / 2, side, side
}

// view is one crop of a picture at side×side, flipped in half of the cases.
func view(rng *rand.Rand, im *pixels.Image, side int, least float64) *pixels.Image {
	x, y, w, h := cropBox(rng, im.W, im.H, least)
	out := im.Crop(x, y, w, h).Resize(side, side, pixels.Bicubic)
	if rng.IntN(2) == 1 {
		out = out.FlipH()
	}
	return out
}

// noisy adds uniform whole-number noise from −most to most to each value.
func noisy(rng *rand.Rand, im *pixels.Image, most int) *pixels.Image {
	out := im.Clone()
	for i, v := range out.Pix {
		out.Pix[i] = uint8(min(max(int(v)+rng.IntN(2*most+1)-most, 0), 255))
	}
	return out
}

// jpeg codes and decodes a picture.
func jpeg(im *pixels.Image, quality int, sub444 bool) (*pixels.Image, error) {
	data, err := pixels.EncodeJPEG(im, quality, sub444)
	if err != nil {
		return nil, fmt.Errorf("encode a view: %w", err)
	}
	out, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		return nil, fmt.Errorf("decode a view: %w", err)
	}
	return out, nil
}

// roughen is what the encoder is given instead of a clean view: JPEG at a quality from 70 to 97, noise of up to ±4, or
// both.
func roughen(rng *rand.Rand, im *pixels.Image) (*pixels.Image, error) {
	kind := rng.IntN(3)
	if kind != 0 {
		im = noisy(rng, im, 1+rng.IntN(4))
	}
	if kind == 1 {
		return im, nil
	}
	return jpeg(im, 70+rng.IntN(28), rng.IntN(2) == 0)
}
