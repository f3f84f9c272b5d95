package teacher

import (
	"fmt"
	"math"

	"github.com/imglish/imglish/pixels"
)

// Config is what the vectors are made of. A change gives another teacher.
type Config struct {
	// Orientations of edges, from 0 to π: an edge and its negative count as one.
	Orientations int `yaml:"orientations" json:"orientations"`
	// Cells a side of the patch in which edges and colours are counted apart.
	Cells int `yaml:"cells" json:"cells"`
	// Floor is added to the histogram's length, in grey levels of gradient summed over the patch, each pixel counted
	// once.
	Floor float64 `yaml:"floor" json:"floor"`
	// Edges, Luma, Chroma and Constant are the weights of the parts. With all at 1 the histogram is at most of length
	// 1, a mean of a channel's range [−1, 1] weighs 1/Cells, and the constant is 1.
	Edges    float64 `yaml:"edges" json:"edges"`
	Luma     float64 `yaml:"luma" json:"luma"`
	Chroma   float64 `yaml:"chroma" json:"chroma"`
	Constant float64 `yaml:"constant" json:"constant"`
}

// Defaults are the settings of the shipped tokenizer.
func Defaults() Config {
	return Config{
		Orientations: 8,   // finer ones are not told apart in a 16-pixel patch
		Cells:        2,   // where in the patch an edge runs, at little cost
		Floor:        600, // ±2 of uniform noise gives about 50, a line of contrast 50 across a patch about 800
		Edges:        1,
		Luma:         1,
		Chroma:       2,   // hue tells objects apart better than brightness does, and has smaller values
		Constant:     0.4, // small beside any colour: grey is not what most of a vector should say
	}
}

// Validate says which setting is out of range.
func (c Config) Validate() error {
	if c.Orientations < 1 || c.Orientations > 64 || c.Cells < 1 || c.Cells > 16 {
		return fmt.Errorf("teacher: %d orientations in %d cells a side: want 1 to 64 in 1 to 16", c.Orientations, c.Cells)
	}
	for _, v := range []float64{c.Floor, c.Edges, c.Luma, c.Chroma, c.Constant} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("teacher: floor and weights must be numbers from 0, got %v", v)
		}
	}
	if c.Constant == 0 || c.Floor == 0 {
		return fmt.Errorf("teacher: constant and floor must be above 0, or flat grey patches have no direction")
	}
	return nil
}

// Patches is a teacher of patches of one size. It serves package train as one.
type Patches struct {
	Config
	side int // of a patch, pixels
}

// For makes the teacher of patches of so many pixels a side, a multiple of Cells.
func (c Config) For(patch int) (*Patches, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if patch < 1 || patch%c.Cells != 0 {
		return nil, fmt.Errorf("teacher: a patch of %d pixels does not split into %d cells a side: another patch, or teacher: {colours: {cells: 1}}", patch, c.Cells)
	}
	return &Patches{c, patch}, nil
}

// Targets computes the vectors of a view; see [Config.Targets].
func (p *Patches) Targets(dst []float32, view *pixels.Image) error {
	p.Config.Targets(dst, view, p.side)
	return nil
}

// Record tells what the teacher is made of.
func (p *Patches) Record() any { return map[string]any{"colours": p.Config} }

// Dim is the length of a vector.
func (c Config) Dim() int { return c.Cells*c.Cells*(c.Orientations+3) + 1 }

// Targets computes the vectors of a picture whose sides are multiples of patch, a multiple of Cells.
//
//	dst: [(H/P)·(W/P), Dim], row-major over the grid; a vector is edges by cell, then Y, Cb, Cr by cell, then the constant
func (c Config) Targets(dst []float32, im *pixels.Image, patch int) {
	gw, gh, dim := im.W/patch, im.H/patch, c.Dim()
	if patch%c.Cells != 0 || gw*patch != im.W || gh*patch != im.H || len(dst) != gw*gh*dim {
		panic(fmt.Sprintf("teacher: %d values for a picture of %d×%d in patches of %d", len(dst), im.W, im.H, patch))
	}
	clear(dst)
	luma := lumaOf(im)
	cell := patch / c.Cells
	cells := c.Cells * c.Cells
	for y := range im.H {
		for x := range im.W {
			v := dst[(y/patch*gw+x/patch)*dim:][:dim]
			at := y%patch/cell*c.Cells + x%patch/cell
			c.addEdge(v[at*c.Orientations:(at+1)*c.Orientations], luma, im.W, im.H, x, y)
			p := im.Pix[3*(y*im.W+x):]
			r, g, b := float32(p[0]), float32(p[1]), float32(p[2])
			colour := v[cells*c.Orientations+3*at:]
			colour[0] += luma[y*im.W+x]
			colour[1] += -0.168736*r - 0.331264*g + 0.5*b // Cb and Cr of JPEG (ITU-T T.871), around 0
			colour[2] += 0.5*r - 0.418688*g - 0.081312*b
		}
	}
	for i := range gw * gh {
		c.weigh(dst[i*dim:(i+1)*dim], cell*cell)
	}
}

func lumaOf(im *pixels.Image) []float32 {
	luma := make([]float32, im.W*im.H)
	for i := range luma {
		p := im.Pix[3*i:]
		luma[i] = 0.299*float32(p[0]) + 0.587*float32(p[1]) + 0.114*float32(p[2])
	}
	return luma
}

// addEdge shares the gradient at (x, y) between the two orientations next to its own. Outside of the picture the border
// repeats.
func (c Config) addEdge(bins []float32, luma []float32, w, h, x, y int) {
	dx := (luma[y*w+min(x+1, w-1)] - luma[y*w+max(x-1, 0)]) / 2
	dy := (luma[min(y+1, h-1)*w+x] - luma[max(y-1, 0)*w+x]) / 2
	size := float32(math.Sqrt(float64(dx*dx + dy*dy)))
	if size == 0 {
		return
	}
	angle := math.Atan2(float64(dy), float64(dx)) / math.Pi // (−1, 1]
	if angle < 0 {
		angle++
	}
	at := angle * float64(c.Orientations)
	low := int(at)
	share := float32(at - float64(low))
	bins[low%c.Orientations] += size * (1 - share)
	bins[(low+1)%c.Orientations] += size * share
}

// weigh turns the sums of a patch into its vector.
func (c Config) weigh(v []float32, pixelsPerCell int) {
	edges := v[:c.Cells*c.Cells*c.Orientations]
	sum := 0.0
	for _, x := range edges {
		sum += float64(x) * float64(x)
	}
	factor := float32(c.Edges / (math.Sqrt(sum) + c.Floor))
	for i := range edges {
		edges[i] *= factor
	}
	colours := v[len(edges) : len(v)-1]
	per := 1 / (128 * float64(pixelsPerCell) * float64(c.Cells))
	for i := range colours {
		if i%3 == 0 {
			colours[i] = float32((float64(colours[i]) - 128*float64(pixelsPerCell)) * per * c.Luma)
		} else {
			colours[i] *= float32(per * c.Chroma)
		}
	}
	v[len(v)-1] = float32(c.Constant)
}
