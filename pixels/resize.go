package pixels

import "fmt"

// Resize returns the picture at w×h pixels, equal to Pillow's Image.resize bit for bit: two passes in 8-bit pixels,
// across and down, with a pass left out where that side stays the same. It panics if a side is not positive.
//
// Across comes first. Since release 13 Pillow goes down first where the height shrinks by more than twice as many
// pixels as the width, which saves time and changes some values by one; Resize does so too.
func (im *Image) Resize(w, h int, f Filter) *Image {
	return im.ResizeBox([4]float64{0, 0, float64(im.W), float64(im.H)}, w, h, f)
}

// ResizeBox resizes a part of the picture, as Pillow's Image.resize does with box. Pixels around the box take part in
// the filter at its borders; Crop followed by Resize does without them, as torchvision's resized_crop does.
//
//	box: left, upper, right, lower in pixels, within the picture, not empty
func (im *Image) ResizeBox(box [4]float64, w, h int, f Filter) *Image {
	for i := range box {
		box[i] = float64(float32(box[i])) // Pillow keeps boxes in single precision
	}
	if w <= 0 || h <= 0 || !(box[0] >= 0 && box[1] >= 0 && box[2] <= float64(im.W) && box[3] <= float64(im.H)) ||
		!(box[0] < box[2]) || !(box[1] < box[3]) {
		panic(fmt.Sprintf("pixels: resize box %v of %d×%d to %d×%d", box, im.W, im.H, w, h))
	}
	return im.resize(box, w, h, [4]int{0, 0, w, h}, f)
}

// resize computes the window (left, upper, width, height) of the picture that is resized to w×h: what lies outside of it
// is not computed, and the rest has the same values.
func (im *Image) resize(box [4]float64, w, h int, window [4]int, f Filter) *Image {
	across := w != im.W || box[0] != 0 || box[2] != float64(w)
	down := h != im.H || box[1] != 0 || box[3] != float64(h)
	x0, y0, x1, y1 := window[0], window[1], window[0]+window[2], window[1]+window[3]
	var horizontal, vertical taps
	if across {
		horizontal = weights(im.W, box[0], box[2], w, f).part(x0, x1)
	}
	if down {
		vertical = weights(im.H, box[1], box[3], h, f).part(y0, y1)
	}
	switch {
	case !across && !down:
		return im.Crop(x0, y0, x1-x0, y1-y0)
	case !down:
		return resizeRows(im, y0, y1, horizontal)
	case !across:
		return resizeColumns(im, vertical).Crop(x0, 0, x1-x0, y1-y0)
	case downFirst(im.W, im.H, w, h):
		return resizeRows(resizeColumns(im, vertical), 0, y1-y0, horizontal)
	}
	// Only the rows that the second pass needs.
	top := vertical.first[0]
	last, lastW := vertical.of(y1 - y0 - 1)
	for i := range vertical.first {
		vertical.first[i] -= top
	}
	return resizeColumns(resizeRows(im, int(top), last+len(lastW), horizontal), vertical)
}

// downFirst is Pillow's choice of the first pass.
func downFirst(fromW, fromH, w, h int) bool {
	return fromH > h && fromH-h > 2*(fromW-w)
}
