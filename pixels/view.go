package pixels

import "math"

// ReferenceView is the picture as the published tokenizer's own tool feeds it: the shorter side resized to side·256/224
// with the antialiased bicubic filter, then the centre side×side.
//
// side is in pixels; 224 gives a shorter side of 256.
func ReferenceView(im *Image, side int) *Image {
	short := side * 256 / 224
	w, h := short, short
	switch {
	case im.W < im.H:
		h = int(float64(short) * float64(im.H) / float64(im.W))
	case im.H < im.W:
		w = int(float64(short) * float64(im.W) / float64(im.H))
	}
	x := int(math.RoundToEven(float64(w-side) / 2))
	y := int(math.RoundToEven(float64(h-side) / 2))
	return im.resize([4]float64{0, 0, float64(im.W), float64(im.H)}, w, h, [4]int{x, y, side, side}, Bicubic)
}
