package demo

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// Exhibit is one sample of the contact sheet.
type Exhibit struct {
	Title  string
	Pixels []uint8  // [S, S, 3] RGB
	Side   int      // S
	Codes  []uint16 // [G, G]
	Mask   []uint8  // [G, G], 1 = masked
	Grid   int      // G
}

const (
	panelSide = 168 // pixels a panel
	gap       = 10
	captionH  = 18
	perRow    = 3 // exhibits side by side
)

// saveSheet draws each exhibit as three panels: the view, its codes as colours, and the view with its masked patches
// covered. Equal codes have equal colours.
func saveSheet(path, heading string, all []Exhibit) error {
	rows := (len(all) + perRow - 1) / perRow
	exhibitW := 3*panelSide + 2*4
	w := gap + perRow*(exhibitW+2*gap)
	h := 2*gap + captionH + rows*(panelSide+captionH+gap)
	dst := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.RGBA{250, 250, 248, 255}), image.Point{}, draw.Src)
	label(dst, gap, gap+12, heading)
	for i, e := range all {
		x := gap + i%perRow*(exhibitW+2*gap)
		y := 2*gap + captionH + i/perRow*(panelSide+captionH+gap)
		panel(dst, x, y, func(u, v float64) color.RGBA { return e.pixel(u, v) })
		panel(dst, x+panelSide+4, y, func(u, v float64) color.RGBA { return codeColour(e.Codes[e.cell(u, v)]) })
		panel(dst, x+2*(panelSide+4), y, func(u, v float64) color.RGBA {
			c := e.pixel(u, v)
			if e.Mask[e.cell(u, v)] == 0 {
				return c
			}
			return color.RGBA{c.R/6 + 40, c.G/6 + 40, c.B/6 + 48, 255}
		})
		label(dst, x, y+panelSide+13, fit(e.Title, exhibitW/7))
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("save contact sheet: %w", err)
	}
	if err := png.Encode(f, dst); err != nil {
		f.Close()
		return fmt.Errorf("save contact sheet %s: %w", path, err)
	}
	return f.Close()
}

// panel fills a square with a function of the place within it, u to the right and v down, both in [0, 1).
func panel(dst *image.RGBA, x, y int, at func(u, v float64) color.RGBA) {
	for j := range panelSide {
		for i := range panelSide {
			dst.SetRGBA(x+i, y+j, at((float64(i)+.5)/panelSide, (float64(j)+.5)/panelSide))
		}
	}
}

func (e *Exhibit) pixel(u, v float64) color.RGBA {
	i := 3 * (int(v*float64(e.Side))*e.Side + int(u*float64(e.Side)))
	return color.RGBA{e.Pixels[i], e.Pixels[i+1], e.Pixels[i+2], 255}
}

func (e *Exhibit) cell(u, v float64) int {
	return int(v*float64(e.Grid))*e.Grid + int(u*float64(e.Grid))
}

// codeColour spreads codes over hues by the golden angle, so that neighbours in number look unlike.
func codeColour(code uint16) color.RGBA {
	hue := math.Mod(float64(code)*0.61803398875, 1) * 6
	value := 0.62 + 0.36*math.Mod(float64(code)*0.7548776662, 1)
	sat := 0.45 + 0.4*math.Mod(float64(code)*0.5698402909, 1)
	f := func(n float64) uint8 {
		k := math.Mod(n+hue, 6)
		return uint8(255 * (value - value*sat*math.Max(0, math.Min(math.Min(k, 4-k), 1))))
	}
	return color.RGBA{f(5), f(3), f(1), 255}
}

func label(dst *image.RGBA, x, y int, s string) {
	d := font.Drawer{Dst: dst, Src: image.NewUniform(color.RGBA{40, 40, 48, 255}), Face: basicfont.Face7x13,
		Dot: fixed.P(x, y)}
	d.DrawString(s)
}

// fit shortens s to n characters.
func fit(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
