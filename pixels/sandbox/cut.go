package sandbox

import (
	"fmt"

	"github.com/imglish/imglish/pixels"
)

// Cut is a part of a picture to be made in the worker, so that only the small result crosses the pipe.
type Cut struct {
	X, Y, W, H int           // the part, in pixels of the picture; pixels around it take no part in the resize
	ToW, ToH   int           // size of the result
	Filter     pixels.Filter // of the resize
	Reference  bool          // pixels.ReferenceView of side ToW instead; X, Y, W and H do not count
}

// Whole is the cut that resizes a whole picture.
func Whole(info pixels.Info, w, h int, f pixels.Filter) Cut {
	return Cut{W: info.W, H: info.H, ToW: w, ToH: h, Filter: f}
}

// Of makes the cut. c must fit the picture.
func (c Cut) Of(im *pixels.Image) *pixels.Image {
	if c.Reference {
		return pixels.ReferenceView(im, c.ToW)
	}
	if c.X != 0 || c.Y != 0 || c.W != im.W || c.H != im.H {
		im = im.Crop(c.X, c.Y, c.W, c.H)
	}
	return im.Resize(c.ToW, c.ToH, c.Filter)
}

// maxSide bounds what a cut is blown up to.
const maxSide = 1 << 14

// check holds a cut against a picture of w×h pixels.
func (c Cut) check(w, h int) error {
	if c.ToW < 1 || c.ToH < 1 || c.ToW > maxSide || c.ToH > maxSide {
		return fmt.Errorf("sandbox: cut to %d×%d pixels", c.ToW, c.ToH)
	}
	if c.Reference {
		if c.ToW != c.ToH {
			return fmt.Errorf("sandbox: reference view of %d×%d pixels", c.ToW, c.ToH)
		}
		return nil
	}
	if c.X < 0 || c.Y < 0 || c.W < 1 || c.H < 1 || c.W > w-c.X || c.H > h-c.Y {
		return fmt.Errorf("sandbox: cut at %d,%d of %d×%d pixels does not lie in a picture of %d×%d", c.X, c.Y, c.W, c.H, w, h)
	}
	return nil
}
