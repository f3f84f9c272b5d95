package demo

import (
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSheetShowsViewCodesAndMask(t *testing.T) {
	const side, grid = 28, 14
	e := Exhibit{Title: strings.Repeat("long ", 40), Side: side, Grid: grid,
		Pixels: make([]uint8, side*side*3), Codes: make([]uint16, grid*grid), Mask: make([]uint8, grid*grid)}
	for i := range e.Pixels {
		e.Pixels[i] = 200
	}
	for i := range e.Codes {
		e.Codes[i] = uint16(i % 2)
	}
	e.Mask[0] = 1
	path := filepath.Join(t.TempDir(), "sheet.png")
	if err := saveSheet(path, "a heading", []Exhibit{e, e, e}); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	x0, y0 := gap, 2*gap+captionH
	at := func(panel, row, col int) color.Color {
		return img.At(x0+panel*(panelSide+4)+col*panelSide/grid+3, y0+row*panelSide/grid+3)
	}
	if at(0, 0, 0) != (color.RGBA{200, 200, 200, 255}) {
		t.Errorf("view panel: %v", at(0, 0, 0))
	}
	if at(1, 0, 0) == at(1, 0, 1) || at(1, 0, 0) != at(1, 0, 2) {
		t.Errorf("codes panel: codes 0 1 0 are %v %v %v", at(1, 0, 0), at(1, 0, 1), at(1, 0, 2))
	}
	if at(2, 0, 0) == at(0, 0, 0) || at(2, 0, 1) != at(0, 0, 1) {
		t.Errorf("mask panel: masked %v, not masked %v", at(2, 0, 0), at(2, 0, 1))
	}
}

func TestCurves(t *testing.T) {
	v := make([]float64, 100)
	for i := range v {
		v[i] = 6 * math.Exp(-float64(i)/30)
	}
	s := []Series{{"images", color.RGBA{30, 90, 200, 255}, v}, {"texts", color.RGBA{30, 150, 60, 255}, v[:50]}}
	if out := terminalCurve(s, 60, 10, true); strings.Count(out, "\n") < 10 || !strings.Contains(out, "images") {
		t.Errorf("terminal curve:\n%s", out)
	}
	if out := terminalCurve(s, 60, 10, false); strings.Contains(out, "\x1b") || !strings.Contains(out, "+ texts") {
		t.Errorf("curve without colour:\n%s", out)
	} else {
		t.Log("\n" + out)
	}
	path := filepath.Join(t.TempDir(), "loss.png")
	if err := savePlot(path, "loss", s); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Size() < 1000 {
		t.Errorf("plot: %v, %v", st, err)
	}
}
