package onnx

import (
	"errors"
	"fmt"
	"math"

	"github.com/imglish/imglish/pixels"
)

// Config names a model and what it takes and gives.
type Config struct {
	Model  string `yaml:"model" json:"-"`       // path of the .onnx file
	Input  string `yaml:"input" json:"input"`   // name; empty: the only one
	Output string `yaml:"output" json:"output"` // name; empty: the first whose shape fits the grid
	// Side of the pictures that the model takes, T, in pixels. 0: the model's own if it is fixed, else the view's.
	Side int `yaml:"side" json:"side"`
	// Mean and Std of red, green and blue in [0, 1]: the model is given (v/255 − mean)/std.
	Mean [3]float64 `yaml:"mean" json:"mean"`
	Std  [3]float64 `yaml:"std" json:"std"`
	// Skip is how many vectors stand before the patches': class and register tokens. -1: one if there is one more than
	// patches, else none.
	Skip int `yaml:"skip" json:"skip"`
}

// Defaults are CLIP's pixels, and all else from the model.
func Defaults() Config {
	return Config{
		Mean: [3]float64{0.48145466, 0.4578275, 0.40821073}, // of CLIP's training pictures
		Std:  [3]float64{0.26862954, 0.26130258, 0.27577711},
		Skip: -1,
	}
}

const maxSide = 4096

// Validate says which setting is out of range.
func (c Config) Validate() error {
	if c.Model == "" {
		return errors.New("onnx teacher: no model file")
	}
	if c.Side < 0 || c.Side > maxSide {
		return fmt.Errorf("onnx teacher: side is %d, want 0 (the model's own) to %d pixels", c.Side, maxSide)
	}
	if c.Skip < -1 || c.Skip > 1024 {
		return fmt.Errorf("onnx teacher: skip is %d, want -1 (by the shape) to 1024 vectors", c.Skip)
	}
	for i := range 3 {
		if math.IsNaN(c.Mean[i]) || math.IsInf(c.Mean[i], 0) || !(c.Std[i] > 0) || math.IsInf(c.Std[i], 0) {
			return fmt.Errorf("onnx teacher: mean %v and std %v: want three numbers each, std above 0", c.Mean, c.Std)
		}
	}
	return nil
}

// Record tells what a teacher is.
type Record struct {
	Config
	Name    string `json:"model"`   // of the model file
	SHA256  string `json:"sha256"`  // of the model file and of the files of weights that it names
	Runtime string `json:"runtime"` // version of ONNX Runtime
}

// normalise turns a picture into what the model takes.
//
//	result: [3, H, W]
func (c Config) normalise(im *pixels.Image) []float32 {
	n := im.W * im.H
	out := make([]float32, 3*n)
	for ch := range 3 {
		scale, shift := float32(1/(255*c.Std[ch])), float32(-c.Mean[ch]/c.Std[ch])
		for i := range n {
			out[ch*n+i] = float32(im.Pix[3*i+ch])*scale + shift
		}
	}
	return out
}

// hinted is an error that says what to do.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }
