package vqkd

import "math"

// resizePositions fits a position table to another grid, as the published code does: the class token's row stays, the
// rest is a from×from picture of width channels, resized by PyTorch's bicubic interpolation (A = −0.75, corners not
// aligned, no antialiasing, borders repeated) with the scale factor (to+0.1)/from.
//
//	table: [from²+1, width]   result: [to²+1, width]
func resizePositions(table []float32, width, from, to int) []float32 {
	if from == to {
		return table
	}
	out := make([]float32, (to*to+1)*width)
	copy(out, table[:width])
	taps := make([]cubicTaps, to)
	for i := range taps {
		taps[i] = newCubicTaps((float64(i)+0.5)*float64(from)/(float64(to)+0.1)-0.5, from)
	}
	for y := range to {
		for x := range to {
			cell := out[(1+y*to+x)*width:][:width]
			for c := range cell {
				sum := 0.0
				for i, wy := range taps[y].weight {
					line := 0.0
					for j, wx := range taps[x].weight {
						line += wx * float64(table[(1+taps[y].at[i]*from+taps[x].at[j])*width+c])
					}
					sum += wy * line
				}
				cell[c] = float32(sum)
			}
		}
	}
	return out
}

type cubicTaps struct {
	at     [4]int
	weight [4]float64
}

func newCubicTaps(centre float64, n int) cubicTaps {
	var c cubicTaps
	base := math.Floor(centre)
	t := centre - base
	for i := range c.at {
		c.at[i] = min(max(int(base)+i-1, 0), n-1)
		c.weight[i] = cubic(math.Abs(float64(i-1) - t))
	}
	return c
}

func cubic(d float64) float64 {
	const a = -0.75
	if d <= 1 {
		return ((a+2)*d-(a+3))*d*d + 1
	}
	return ((a*d-5*a)*d+8*a)*d - 4*a
}
