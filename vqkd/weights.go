package vqkd

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/imglish/imglish/tensor/checkpoint"
)

// sizes is what a weights file says about its model.
type sizes struct {
	width, depth, hidden, patch, grid int // grid: of the position table
	codes, dim                        int
}

// limits for what a file may ask for: far above the published models, far below what no machine has.
const (
	maxWidth = 1 << 14
	maxDepth = 1 << 10
	maxCodes = 1 << 16 // codes are uint16
)

// source reads tensors of a checkpoint by their published names and checks their shapes.
type source struct {
	f      *checkpoint.File
	prefix string // "" or "module.", which data-parallel training puts in front
	values *[]float32
	used   map[string]bool // names that were read, without the prefix
}

func (s source) shape(name string, axes int) ([]int, error) {
	shape := s.f.Shape(s.prefix + name)
	if shape == nil {
		return nil, fmt.Errorf("%s: %w: there is no tensor %s", s.f.Path(), ErrWeights, name)
	}
	if len(shape) != axes {
		return nil, fmt.Errorf("%s: %w: tensor %s has shape %v, want %d axes", s.f.Path(), ErrWeights, name, shape, axes)
	}
	return shape, nil
}

// read returns a tensor's values; its shape must be want, axes of length 1 aside. They are good until the next call.
func (s source) read(name string, want ...int) ([]float32, error) {
	shape := s.f.Shape(s.prefix + name)
	if shape == nil {
		return nil, fmt.Errorf("%s: %w: there is no tensor %s", s.f.Path(), ErrWeights, name)
	}
	if fmt.Sprint(squeeze(shape)) != fmt.Sprint(squeeze(want)) {
		return nil, fmt.Errorf("%s: %w: tensor %s has shape %v, want %v", s.f.Path(), ErrWeights, name, shape, want)
	}
	v, err := s.f.AppendFloat32((*s.values)[:0], s.prefix+name)
	if err != nil {
		return nil, err
	}
	*s.values, s.used[name] = v, true
	for i, x := range v {
		if x-x != 0 { // infinite or not a number
			return nil, fmt.Errorf("%s: %w: tensor %s holds %v at %d", s.f.Path(), ErrWeights, name, x, i)
		}
	}
	return v, nil
}

// unused refuses a file that holds more of an encoder than was read: layer scale, biases of relative positions, a block
// behind a gap. Without it the codes would be others than the file's, and nobody would notice.
func (s source) unused() error {
	for _, full := range s.f.Names() {
		name, ok := strings.CutPrefix(full, s.prefix)
		if ok && !s.used[name] && (strings.HasPrefix(name, "encoder.") || strings.HasPrefix(name, "encode_task_layer.")) {
			return hinted{fmt.Errorf("%s: %w: a VQ-KD encoder has no tensor %s", s.f.Path(), ErrWeights, full),
				"it is another kind of encoder, whose codes would come out wrong; if the tensor does nothing, save the file without it"}
		}
	}
	return nil
}

// blocks counts the blocks up to the last one of which there is a tensor.
func (s source) blocks() int {
	n := 0
	for _, name := range s.f.Names() {
		rest, ok := strings.CutPrefix(name, s.prefix+"encoder.blocks.")
		number, _, _ := strings.Cut(rest, ".")
		if i, err := strconv.Atoi(number); ok && err == nil {
			n = max(n, min(i, maxDepth)+1)
		}
	}
	return n
}

func squeeze(shape []int) []int {
	out := []int{}
	for _, d := range shape {
		if d != 1 {
			out = append(out, d)
		}
	}
	return out
}

// inspect reads the model's sizes from the tensors' shapes.
func inspect(f *checkpoint.File) (source, sizes, error) {
	s := source{f: f, values: new([]float32), used: map[string]bool{}}
	if !f.Has("encoder.cls_token") && f.Has("module.encoder.cls_token") {
		s.prefix = "module."
	}
	var z sizes
	class, err := s.shape("encoder.cls_token", 3)
	if err != nil {
		return s, z, err
	}
	pos, err := s.shape("encoder.pos_embed", 3)
	if err != nil {
		return s, z, err
	}
	proj, err := s.shape("encoder.patch_embed.proj.weight", 4)
	if err != nil {
		return s, z, err
	}
	book, err := s.shape("quantize.embedding.weight", 2)
	if err != nil {
		return s, z, err
	}
	fc1, err := s.shape("encoder.blocks.0.mlp.fc1.weight", 2)
	if err != nil {
		return s, z, err
	}
	z.width, z.hidden, z.patch, z.codes, z.dim = class[2], fc1[0], proj[2], book[0], book[1]
	z.depth = s.blocks()
	z.grid = int(math.Round(math.Sqrt(float64(pos[1] - 1))))
	for _, v := range []struct {
		name      string
		v, lo, hi int
	}{
		{"width", z.width, 1, maxWidth}, {"depth", z.depth, 1, maxDepth}, {"hidden width", z.hidden, 1, 8 * maxWidth},
		{"patch", z.patch, 1, 256}, {"codes", z.codes, 1, maxCodes}, {"code length", z.dim, 1, maxWidth},
	} {
		if v.v < v.lo || v.v > v.hi {
			return s, z, fmt.Errorf("%s: %w: %s is %d, want %d to %d", f.Path(), ErrWeights, v.name, v.v, v.lo, v.hi)
		}
	}
	if z.grid < 1 || z.grid*z.grid != pos[1]-1 || z.grid*z.patch > maxSide {
		return s, z, fmt.Errorf("%s: %w: a position table of %d rows is no class token and square grid", f.Path(), ErrWeights, pos[1])
	}
	return s, z, nil
}

// heads decides on the number of attention heads: option, config, width/64.
func heads(o Options, c FileConfig, path string, width int) (int, error) {
	h := o.Heads
	if h == 0 {
		h = c.Heads
	}
	guessed := h == 0
	if guessed {
		h = width / 64
	}
	if h < 1 || width%h != 0 {
		err := fmt.Errorf("%s: width %d does not split into %d heads", path, width, h)
		if guessed {
			err = fmt.Errorf("%s: the number of heads is unknown, width %d is no multiple of 64", path, width)
		}
		return 0, hinted{err, fmt.Sprintf("give --heads, or write {\"heads\": N} into %s.json", path)}
	}
	return h, nil
}

// parameter reads one of the encoder's parameters in the shape that its model wants. A position table for another grid is
// resized.
func (s source) parameter(z sizes, name string, want ...int) ([]float32, error) {
	switch name {
	case "pos_embed":
		table, err := s.read("encoder."+name, z.grid*z.grid+1, z.width)
		if err != nil {
			return nil, err
		}
		return resizePositions(table, z.width, z.grid, int(math.Round(math.Sqrt(float64(want[0]-1))))), nil
	case "patch_embed.proj.weight":
		want = []int{z.width, 3, z.patch, z.patch}
	}
	return s.read("encoder."+name, want...)
}

// unitRows gives the codebook with rows of unit length. Trained rows are that long up to rounding, and rows that are not
// mean that the file is something else, or that training never began.
//
//	book: [K, D], kept as it is
func unitRows(book []float32, dim int, path string) ([]float32, error) {
	out := slices.Clone(book)
	for k := 0; k < len(book)/dim; k++ {
		row := out[k*dim : (k+1)*dim]
		sum := 0.0
		for _, v := range row {
			sum += float64(v) * float64(v)
		}
		length := math.Sqrt(sum)
		if length < 0.98 || length > 1.02 { // a row that was rounded to bfloat16 stays within 0.4 %
			return nil, fmt.Errorf("%s: %w: codebook row %d has length %.3g, want 1", path, ErrWeights, k, length)
		}
		if math.Abs(length-1) > 1e-5 {
			for i := range row {
				row[i] = float32(float64(row[i]) / length)
			}
		}
	}
	return out, nil
}
