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
	var horizontal, vertical []taps
	if across {
		horizontal = weights(im.W, box[0], box[2], w, f)[x0:x1]
	}
	if down {
		vertical = weights(im.H, box[1], box[3], h, f)[y0:y1]
	}
	switch {
	case !across && !down:
		return im.Crop(x0, y0, x1-x0, y1-y0)
	case !down:
		return resizeRows(im, y0, y1, horizontal)
	case !across:
		return resizeColumns(im, vertical).Crop(x0, 0, x1-x0, y1-y0)
	case downFirst(im.W, im.H, w, h):
		return resizeRows(resizeColumns(im, vertical), 0, len(vertical), horizontal)
	}
	// Only the rows that the second pass needs.
	top, last := vertical[0].first, vertical[len(vertical)-1]
	for i := range vertical {
		vertical[i].first -= top
	}
	return resizeColumns(resizeRows(im, top, last.first+len(last.w), horizontal), vertical)
}

// downFirst is Pillow's choice of the first pass.
func downFirst(fromW, fromH, w, h int) bool {
	return fromH > h && fromH-h > 2*(fromW-w)
}

// resizeRows is the pass across, over the rows from top up to bottom.
func resizeRows(in *Image, top, bottom int, t []taps) *Image {
	out := New(len(t), bottom-top)
	for y := range out.H {
		row := in.Pix[3*(top+y)*in.W : 3*(top+y+1)*in.W]
		o := out.Pix[3*y*out.W : 3*(y+1)*out.W]
		for x := range t {
			w := t[x].w
			p := row[3*t[x].first:][:3*len(w)]
			const half = 1 << (weightBits - 1)
			r, g, b := int32(half), int32(half), int32(half)
			for _, k := range w {
				r += int32(p[0]) * k
				g += int32(p[1]) * k
				b += int32(p[2]) * k
				p = p[3:]
			}
			q := o[3*x : 3*x+3 : 3*x+3]
			q[0], q[1], q[2] = clip8(r), clip8(g), clip8(b)
		}
	}
	return out
}

// resizeColumns is the pass down. It walks whole rows, so that memory is read in order.
func resizeColumns(in *Image, t []taps) *Image {
	out := New(in.W, len(t))
	n := 3 * in.W
	sum := make([]int32, n)
	for y := range t {
		for i := range sum {
			sum[i] = 1 << (weightBits - 1)
		}
		for i, k := range t[y].w {
			row := in.Pix[n*(t[y].first+i):][:len(sum)]
			for x, v := range row {
				sum[x] += int32(v) * k
			}
		}
		o := out.Pix[n*y:][:len(sum)]
		for x, s := range sum {
			o[x] = clip8(s)
		}
	}
	return out
}

// clip8 drops the fraction bits and keeps the rest in 0..255.
func clip8(v int32) uint8 {
	v >>= weightBits
	if uint32(v) > 255 {
		return uint8(^(v >> 31)) // 0 below, 255 above
	}
	return uint8(v)
}
