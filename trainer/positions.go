package trainer

import "math"

// Position tables that start as waves let a model attend to neighbours from its first steps; from random rows it has to
// find out first who is near whom. They are trained as all else.

// waves writes sines and cosines of at into x, half and half, with wavelengths from 2π up to 2π·longest.
func waves(x []float32, at, longest float64) {
	half := len(x) / 2
	for k := range half {
		angle := at / math.Pow(longest, float64(k)/float64(max(1, half-1)))
		x[k], x[half+k] = float32(math.Sin(angle)), float32(math.Cos(angle))
	}
}

// visionWaves starts the patches' rows with waves along rows in one half, along columns in the other. The rows before,
// the class token's among them, stay as they were drawn.
func (m *Model) visionWaves(x []float32) {
	c := m.cfg
	g, d := c.Grid(), c.Width
	for i := range g * g {
		row := x[(c.PositionOffset+1+i)*d:][:d]
		waves(row[:d/2], float64(i/g), float64(g))
		waves(row[d/2:d/2*2], float64(i%g), float64(g))
	}
}

// textWaves starts the pieces' rows.
func (m *Model) textWaves(x []float32) {
	c := m.cfg
	for i := range c.MaxText {
		waves(x[(c.PositionOffset+i)*c.Width:][:c.Width], float64(i), float64(c.MaxText))
	}
}
