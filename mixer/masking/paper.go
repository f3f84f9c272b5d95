package masking

import (
	"math"
	"math/rand/v2"
)

// Constants of BEiT's Algorithm 1.
const (
	minBlock  = 16      // smallest block, patches
	minAspect = 0.3     // smallest height/width
	maxAspect = 1 / 0.3 // largest height/width
)

// Block is one masked rectangle of patches.
type Block struct{ Top, Left, Height, Width int }

// Paper draws a mask by Algorithm 1 of BEiT: blocks of size s, uniform in [16, 0.4N - |M|] (16 where that is empty),
// and aspect r, uniform in [0.3, 1/0.3], a = √(s·r) high and b = √(s/r) wide, both rounded half to even, at a uniform
// place; until |M| > 0.4N. A block higher or wider than the grid is drawn again. Blocks may overlap.
//
//	h, w:   sides of the grid, patches, at least 1
//	mask:   [h*w] uint8, row-major, 1 = masked
//	blocks: in the order drawn
//
// On 14×14 that masks 79 to 98 patches, 84.6 on average. On a grid too small for any block of 16, s starts at the
// largest power of two that fits, which the paper does not need to say.
func Paper(r *rand.Rand, h, w int) (mask []uint8, blocks []Block) { return paper(From(r), h, w) }

// paper draws s, r, and where the block fits its top and left, in this order.
func paper(d Draws, h, w int) (mask []uint8, blocks []Block) {
	mask = make([]uint8, h*w)
	smallest := smallestBlock(h, w)
	for count := 0; 5*count <= 2*h*w; {
		s := smallest
		if largest := 0.4*float64(h*w) - float64(count); largest > smallest {
			s = d.Uniform(smallest, largest)
		}
		b, ok := shape(s, d.Uniform(minAspect, maxAspect))
		if !ok || b.Height > h || b.Width > w {
			continue
		}
		b.Top, b.Left = d.Int(0, h-b.Height), d.Int(0, w-b.Width)
		count += b.fill(mask, w)
		blocks = append(blocks, b)
	}
	return mask, blocks
}

// smallestBlock is 16, or the largest smaller power of two of which some allowed shape fits the grid.
func smallestBlock(h, w int) float64 {
	for s := float64(minBlock); s > 1; s /= 2 {
		// The aspects r with √(s·r) < h + ½ and √(s/r) < w + ½.
		lo := max(minAspect, s/sq(float64(w)+0.5))
		hi := min(maxAspect, sq(float64(h)+0.5)/s)
		if lo < 0.99*hi {
			return s
		}
	}
	return 1
}

func sq(x float64) float64 { return x * x }

// shape is the block of about area patches whose height/width is about aspect; ok is false for an empty one.
func shape(area, aspect float64) (b Block, ok bool) {
	b.Height = int(math.RoundToEven(math.Sqrt(area * aspect)))
	b.Width = int(math.RoundToEven(math.Sqrt(area / aspect)))
	return b, b.Height > 0 && b.Width > 0
}

// fill masks the block and returns how many patches are newly masked.
func (b Block) fill(mask []uint8, w int) (added int) {
	for y := b.Top; y < b.Top+b.Height; y++ {
		for x := b.Left; x < b.Left+b.Width; x++ {
			if mask[y*w+x] == 0 {
				mask[y*w+x] = 1
				added++
			}
		}
	}
	return added
}

// fresh returns how many patches of the block are not masked yet.
func (b Block) fresh(mask []uint8, w int) (n int) {
	for y := b.Top; y < b.Top+b.Height; y++ {
		for x := b.Left; x < b.Left+b.Width; x++ {
			n += 1 - int(mask[y*w+x])
		}
	}
	return n
}
