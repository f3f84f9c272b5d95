package scenes

import (
	"image"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// shape is an outline in the unit circle, y down, as closed rings of points. Rings that run the other way cut holes out,
// by the rasteriser's non-zero rule.
type shape struct {
	rings [][][2]float64
	turn  float64 // largest turn that leaves the shape what it is called, radians
}

// shapes lie in the order of Shapes.
var shapes = []shape{
	{rings: [][][2]float64{ellipse(0, 0, 0.92, 1)}},                          // circle
	{rings: [][][2]float64{regular(4, math.Pi/4, 1.1)}, turn: 0.22},          // square, with its corners a little outside
	{rings: [][][2]float64{regular(3, -math.Pi/2, 1)}, turn: 0.3},            // triangle
	{rings: [][][2]float64{star(5, 0.42)}, turn: 0.6},                        // star
	{rings: [][][2]float64{plus(0.3)}, turn: 0.25},                           // cross
	{rings: [][][2]float64{ellipse(0, 0, 0.95, 1), ellipse(0, 0, 0.52, -1)}}, // ring
	{rings: [][][2]float64{heart()}, turn: 0.25},                             // heart
	{rings: [][][2]float64{crescent()}, turn: math.Pi},                       // moon
}

// ellipse is a circle as a polygon fine enough to look round at any size used here; way -1 runs backwards.
func ellipse(x, y, radius, way float64) (ring [][2]float64) {
	const n = 96
	for i := range n {
		sin, cos := math.Sincos(way * 2 * math.Pi * float64(i) / n)
		ring = append(ring, [2]float64{x + radius*cos, y + radius*sin})
	}
	return ring
}

func regular(n int, from, radius float64) (ring [][2]float64) {
	for i := range n {
		sin, cos := math.Sincos(from + 2*math.Pi*float64(i)/float64(n))
		ring = append(ring, [2]float64{radius * cos, radius * sin})
	}
	return ring
}

func star(points int, inner float64) (ring [][2]float64) {
	for i := range 2 * points {
		radius := 1.0
		if i%2 == 1 {
			radius = inner
		}
		sin, cos := math.Sincos(-math.Pi/2 + math.Pi*float64(i)/float64(points))
		ring = append(ring, [2]float64{radius * cos, radius * sin})
	}
	return ring
}

// plus is an upright cross whose arms are 2·half wide.
func plus(half float64) [][2]float64 {
	l := math.Sqrt(1 - half*half)
	return [][2]float64{{-half, -l}, {half, -l}, {half, -half}, {l, -half}, {l, half}, {half, half},
		{half, l}, {-half, l}, {-half, half}, {-l, half}, {-l, -half}, {-half, -half}}
}

// heart is the well-known curve x = 16 sin³ t, y = 13 cos t − 5 cos 2t − 2 cos 3t − cos 4t, made to fit.
func heart() (ring [][2]float64) {
	const n = 80
	for i := range n {
		t := 2 * math.Pi * float64(i) / n
		s := math.Sin(t)
		x := 16 * s * s * s
		y := 13*math.Cos(t) - 5*math.Cos(2*t) - 2*math.Cos(3*t) - math.Cos(4*t)
		ring = append(ring, [2]float64{x / 17.2, -(y + 2.5) / 17.2})
	}
	return ring
}

// crescent is a disc without a smaller disc at its side.
func crescent() (ring [][2]float64) {
	const n = 60
	const shift, inner = 0.42, 0.74 // the two circles meet where their outlines cross
	x := (1 - inner*inner + shift*shift) / (2 * shift)
	outer := math.Acos(x)
	in := math.Acos((x - shift) / inner)
	for i := range n + 1 { // the long way round the outer circle
		sin, cos := math.Sincos(outer + (2*math.Pi-2*outer)*float64(i)/n)
		ring = append(ring, [2]float64{cos, sin})
	}
	for i := range n + 1 { // back along the inner one
		sin, cos := math.Sincos(2*math.Pi - in - (2*math.Pi-2*in)*float64(i)/n)
		ring = append(ring, [2]float64{shift + inner*cos, inner * sin})
	}
	return ring
}

// mask rasterises an object: alpha is its cover of each pixel of r, 0..255. r lies within the picture.
func (o Object) mask(side int) (alpha *image.Alpha, r image.Rectangle) {
	half := o.Size / 2 * float64(side)
	cx, cy := o.X*float64(side), o.Y*float64(side)
	r = image.Rect(int(cx-half)-2, int(cy-half)-2, int(cx+half)+3, int(cy+half)+3).Intersect(image.Rect(0, 0, side, side))
	z := vector.NewRasterizer(r.Dx(), r.Dy())
	sin, cos := math.Sincos(o.Angle)
	for _, ring := range shapes[o.Shape].rings {
		for i, p := range ring {
			x := float32(cx + half*(p[0]*cos-p[1]*sin) - float64(r.Min.X))
			y := float32(cy + half*(p[0]*sin+p[1]*cos) - float64(r.Min.Y))
			if i == 0 {
				z.MoveTo(x, y)
			} else {
				z.LineTo(x, y)
			}
		}
		z.ClosePath()
	}
	alpha = image.NewAlpha(image.Rect(0, 0, r.Dx(), r.Dy()))
	z.DrawOp = draw.Src
	z.Draw(alpha, alpha.Bounds(), image.Opaque, image.Point{})
	return alpha, r
}
