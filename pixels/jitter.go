package pixels

import "fmt"

// Jitter is a change of colours: each factor 1 leaves the picture as it is, 0 makes it black, flat grey, or colourless.
type Jitter struct {
	Brightness float32
	Contrast   float32
	Saturation float32
	Order      [3]uint8 // which comes first: 0 brightness, 1 contrast, 2 saturation, each once
}

// Validate says whether the factors are usable.
func (j Jitter) Validate() error {
	var seen [3]bool
	for _, o := range j.Order {
		if o > 2 || seen[o] {
			return fmt.Errorf("jitter: order %v is not a permutation of 0, 1, 2", j.Order)
		}
		seen[o] = true
	}
	for _, f := range []float32{j.Brightness, j.Contrast, j.Saturation} {
		if !(f >= 0 && f <= 100) {
			return fmt.Errorf("jitter: factor %v is not in 0..100", f)
		}
	}
	return nil
}

// Jitter returns the picture with changed colours, step by step in 8-bit pixels as torchvision's ColorJitter does on
// Pillow's pictures: brightness blends with black, contrast with the mean grey, saturation with the grey picture. It
// panics if j is not valid.
func (im *Image) Jitter(j Jitter) *Image {
	if err := j.Validate(); err != nil {
		panic("pixels: " + err.Error())
	}
	out := im.Clone()
	for _, o := range j.Order {
		switch o {
		case 0:
			table := blendTable(0, j.Brightness)
			for i, v := range out.Pix {
				out.Pix[i] = table[v]
			}
		case 1:
			table := blendTable(meanGrey(out), j.Contrast)
			for i, v := range out.Pix {
				out.Pix[i] = table[v]
			}
		case 2:
			for p := out.Pix; len(p) > 0; p = p[3:] {
				g := grey(p)
				for c := range 3 {
					p[c] = blend(g, p[c], j.Saturation)
				}
			}
		}
	}
	return out
}

// grey is the luma of a pixel by ITU-R BT.601 in 16-bit fixed point, rounded.
func grey(p []uint8) uint8 {
	return uint8((uint32(p[0])*19595 + uint32(p[1])*38470 + uint32(p[2])*7471 + 0x8000) >> 16)
}

// meanGrey is the mean luma, rounded.
func meanGrey(im *Image) uint8 {
	sum := int64(0)
	for p := im.Pix; len(p) > 0; p = p[3:] {
		sum += int64(grey(p))
	}
	return uint8(float64(sum)/float64(im.W*im.H) + 0.5)
}

func blendTable(ground uint8, f float32) (table [256]uint8) {
	for v := range table {
		table[v] = blend(ground, uint8(v), f)
	}
	return table
}

// blend goes from a (f = 0) to b (f = 1) and beyond, in single precision, and drops the fraction.
func blend(a, b uint8, f float32) uint8 {
	v := float32(a) + float32(f*float32(int(b)-int(a)))
	return uint8(min(max(v, 0), 255))
}
