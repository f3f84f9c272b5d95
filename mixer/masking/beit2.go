package masking

import "math"

// triesPerBlock is how often the public code looks for a block that fits before it gives up.
const triesPerBlock = 10

// BEiT2 draws a mask of exactly n patches as the public code of BEiT and BEiT v2 does. It differs from the printed
// algorithm: aspects are log-uniform, a block is smaller than the grid on both sides, it adds at most what is missing,
// and after ten tries in a row without a block the rest is filled with single random patches.
//
//	h, w:  sides of the grid, patches
//	n:     patches to mask, 0..h*w
//	least: smallest block, patches (16 in the published recipes, 4 by the code's default)
//	mask:  [h*w] uint8, row-major, 1 = masked
//
// blocks does not list the single patches.
func BEiT2(d Draws, h, w, n, least int) (mask []uint8, blocks []Block) {
	mask = make([]uint8, h*w)
	count := 0
	for count < n {
		b, ok := tryBlock(d, mask, h, w, n-count, least)
		if !ok {
			break
		}
		count += b.fill(mask, w)
		blocks = append(blocks, b)
	}
	if count < n {
		rest := make([]int, 0, len(mask)-count)
		for i, m := range mask {
			if m == 0 {
				rest = append(rest, i)
			}
		}
		for _, i := range d.Choose(len(rest), n-count) {
			mask[rest[i]] = 1
		}
	}
	return mask, blocks
}

// tryBlock looks for a block that adds between 1 and most patches. Area, logarithm of the aspect, top and left are
// drawn in this order, the last two only if the size fits. The interval of the area is [least, most], or reversed.
func tryBlock(d Draws, mask []uint8, h, w, most, least int) (Block, bool) {
	for range triesPerBlock {
		area := d.Uniform(float64(least), float64(most))
		aspect := math.Exp(d.Uniform(math.Log(minAspect), math.Log(1/minAspect)))
		b, ok := shape(area, aspect)
		if !ok || b.Height >= h || b.Width >= w {
			continue
		}
		b.Top, b.Left = d.Int(0, h-b.Height), d.Int(0, w-b.Width)
		if f := b.fresh(mask, w); f > 0 && f <= most {
			return b, true
		}
	}
	return Block{}, false
}

// RecipeCount is the number of patches that the published recipes mask with BEiT2: 75 of 14×14, else ⌊0.4·h·w⌋ (102
// of 16×16, 360 of 30×30).
func RecipeCount(h, w int) int {
	if h == 14 && w == 14 {
		return 75
	}
	return h * w * 2 / 5
}

// RecipeLeast is the smallest block of the published recipes, patches.
const RecipeLeast = minBlock
