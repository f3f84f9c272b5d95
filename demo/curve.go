package demo

import (
	"fmt"
	"image/color"

	"github.com/guptarohit/asciigraph"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Series is one curve of losses, a value a step, in nats.
type Series struct {
	Name   string
	Colour color.RGBA
	Values []float64
}

// smooth averages over the steps around each step, so that a noisy loss shows its trend.
func smooth(v []float64, radius int) []float64 {
	out := make([]float64, len(v))
	for i := range v {
		from, to := max(0, i-radius), min(len(v), i+radius+1)
		sum := 0.0
		for _, x := range v[from:to] {
			sum += x
		}
		out[i] = sum / float64(to-from)
	}
	return out
}

// Marks of the curves where there is no colour.
var (
	marks      = []string{"·", "+", "o"}
	plainMarks = []asciigraph.CharSet{
		asciigraph.CreateCharSet(marks[0]), asciigraph.CreateCharSet(marks[1]), asciigraph.CreateCharSet(marks[2]),
	}
)

// terminalCurve draws the curves as text, in colour for a terminal.
func terminalCurve(series []Series, width, height int, colour bool) string {
	var values [][]float64
	var names []string
	colours := []asciigraph.AnsiColor{asciigraph.Blue, asciigraph.Green, asciigraph.Red}
	for _, s := range series {
		if len(s.Values) < 2 {
			continue
		}
		values = append(values, smooth(s.Values, max(1, len(s.Values)/60)))
		names = append(names, s.Name)
	}
	if len(values) == 0 {
		return ""
	}
	options := []asciigraph.Option{asciigraph.Width(width), asciigraph.Height(height), asciigraph.Precision(1)}
	if colour {
		options = append(options, asciigraph.SeriesColors(colours[:len(values)]...), asciigraph.SeriesLegends(names...),
			asciigraph.Caption("loss (nats) over steps"))
	} else {
		// Without colour, legends and lines cannot be told apart by it: a line at a time, each with its own marks.
		options = append(options, asciigraph.SeriesChars(plainMarks[:len(values)]...))
	}
	out := asciigraph.PlotMany(values, options...)
	if !colour {
		out += "\n      loss (nats) over steps:"
		for i, name := range names {
			out += fmt.Sprintf("  %s %s", marks[i], name)
		}
	}
	return out
}

// savePlot draws the curves as a PNG: each step as a faint line, the trend on top.
func savePlot(path, title string, series []Series) error {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text = "step"
	p.Y.Label.Text = "loss (nats)"
	p.Y.Min = 0
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for _, s := range series {
		raw, err := plotter.NewLine(points(s.Values))
		if err != nil {
			return fmt.Errorf("plot %s: %w", s.Name, err)
		}
		faint := s.Colour
		raw.Color = color.NRGBA{faint.R, faint.G, faint.B, 60}
		trend, err := plotter.NewLine(points(smooth(s.Values, max(1, len(s.Values)/60))))
		if err != nil {
			return fmt.Errorf("plot %s: %w", s.Name, err)
		}
		trend.Color = s.Colour
		trend.Width = vg.Points(1.8)
		p.Add(raw, trend)
		p.Legend.Add(s.Name, trend)
	}
	if err := p.Save(18*vg.Centimeter, 11*vg.Centimeter, path); err != nil {
		return fmt.Errorf("save %s: %w", path, err)
	}
	return nil
}

func points(v []float64) plotter.XYs {
	out := make(plotter.XYs, len(v))
	for i, y := range v {
		out[i] = plotter.XY{X: float64(i), Y: y}
	}
	return out
}
