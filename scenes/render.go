package scenes

import (
	"math"

	"github.com/imglish/imglish/pixels"
)

// Render paints the scene.
//
// A model must not learn from flat colours that no camera gives, so the ground has a gradient and uneven light, objects
// are shaded, and each pixel has a little noise. None of it is strong enough to make one colour look like another.
func (s Scene) Render(side int) *pixels.Image {
	im := pixels.New(side, side)
	s.paintGround(im)
	for _, o := range s.Objects {
		paintObject(im, o)
	}
	addNoise(im, s.noise)
	return im
}

// paintGround lays the ground colour under light that falls off in one direction and varies on a coarse grid.
func (s Scene) paintGround(im *pixels.Image) {
	const cells = 4
	var grid [cells + 1][cells + 1]float64
	state := s.noise
	for y := range grid {
		for x := range grid[y] {
			grid[y][x] = (float64(next(&state)>>40)/(1<<24) - 0.5) * 0.10
		}
	}
	sin, cos := math.Sincos(s.light[0])
	colour := paint[s.Ground]
	n := float64(im.W)
	for y := range im.H {
		v := (float64(y) + 0.5) / n
		gy, fy := int(v*cells), v*cells-math.Floor(v*cells)
		row := im.Pix[3*y*im.W : 3*(y+1)*im.W]
		for x := range im.W {
			u := (float64(x) + 0.5) / n
			gx, fx := int(u*cells), u*cells-math.Floor(u*cells)
			top := grid[gy][gx] + fx*(grid[gy][gx+1]-grid[gy][gx])
			bottom := grid[gy+1][gx] + fx*(grid[gy+1][gx+1]-grid[gy+1][gx])
			light := s.light[1]*((u-0.5)*cos+(v-0.5)*sin) + top + fy*(bottom-top)
			shade(row[3*x:3*x+3], colour, light, 255)
		}
	}
}

// paintObject blends an object in by its cover.
func paintObject(im *pixels.Image, o Object) {
	alpha, r := o.mask(im.W)
	colour := paint[o.Colour]
	side := float64(im.W)
	sin, cos := math.Sincos(o.Grain)
	wave := 2 * math.Pi / (o.Size * 0.3) // about three waves over the object
	for y := r.Min.Y; y < r.Max.Y; y++ {
		cover := alpha.Pix[(y-r.Min.Y)*alpha.Stride:]
		row := im.Pix[3*y*im.W:]
		for x := r.Min.X; x < r.Max.X; x++ {
			a := cover[x-r.Min.X]
			if a == 0 {
				continue
			}
			u, v := (float64(x)+0.5)/side-o.X, (float64(y)+0.5)/side-o.Y
			light := 0.05 - 0.12*(u+v)/o.Size // lit from the upper left
			switch o.Texture {
			case 1:
				light += 0.2 * math.Sin(wave*(u*cos+v*sin))
			case 2:
				light += 0.26 * math.Sin(wave*(u*cos+v*sin)) * math.Sin(wave*(v*cos-u*sin))
			}
			shade(row[3*x:3*x+3], colour, light, a)
		}
	}
}

// shade lays a colour over p: light below 0 goes towards black, above 0 towards white, where the colour has room for it.
func shade(p []uint8, colour [3]float64, light float64, cover uint8) {
	for c := range p {
		v := colour[c]
		if light < 0 {
			v += light * (v*0.85 + 20)
		} else {
			v += light * ((255-v)*0.6 + 25)
		}
		v = min(max(v, 0), 255)
		if cover < 255 {
			old := float64(p[c])
			v = old + (v-old)*float64(cover)/255
		}
		p[c] = uint8(v + 0.5)
	}
}

// addNoise changes each value by -3..3.
func addNoise(im *pixels.Image, seed uint64) {
	state := seed ^ 0x9e3779b97f4a7c15
	for i := 0; i < len(im.Pix); i += 8 {
		bits := next(&state)
		for j := i; j < min(i+8, len(im.Pix)); j++ {
			v := int(im.Pix[j]) + int(bits&3) - int(bits>>2&3)
			bits >>= 8
			im.Pix[j] = uint8(min(max(v, 0), 255))
		}
	}
}

// next is SplitMix64: noise needs speed and no more.
func next(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
