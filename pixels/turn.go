package pixels

import "fmt"

// Turn returns the picture as an EXIF orientation asks: 1 as it is, 2 mirrored, 3 half a turn, 4 upside down, 5 to 8
// with rows and columns exchanged. No pixel changes its value. It panics if the orientation is not in 1..8.
func (im *Image) Turn(orientation int) *Image {
	if orientation < 1 || orientation > 8 {
		panic(fmt.Sprintf("pixels: orientation %d", orientation))
	}
	if orientation == 1 {
		return im.Clone()
	}
	w, h := im.W, im.H
	if orientation >= 5 {
		w, h = h, w
	}
	out := New(w, h)
	for y := range h {
		for x := range w {
			sx, sy := x, y // where the stored picture has what is seen at x, y
			switch orientation {
			case 2:
				sx = im.W - 1 - x
			case 3:
				sx, sy = im.W-1-x, im.H-1-y
			case 4:
				sy = im.H - 1 - y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, im.H-1-x
			case 7:
				sx, sy = im.W-1-y, im.H-1-x
			case 8:
				sx, sy = im.W-1-y, x
			}
			r, g, b := im.At(sx, sy)
			out.Set(x, y, r, g, b)
		}
	}
	return out
}
