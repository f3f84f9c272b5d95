//go:build cgo

package onnx

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imglish/imglish/pixels"
)

// Teacher is an ONNX model that tells what the patches of a view look like. See [Open].
type Teacher struct {
	session *ort.DynamicAdvancedSession
	record  Record
	layout  layout
	patches int // N
}

// Open loads a model that is to teach a grid of so many patches a side on views of so many pixels a side. library is the
// path of ONNX Runtime's shared library; the first one that a process opens stays. Close frees the model.
func Open(library string, c Config, side, grid int) (*Teacher, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t, err := open(library, c, side, grid)
	if err != nil {
		return nil, fmt.Errorf("onnx teacher %s: %w", c.Model, err)
	}
	return t, nil
}

func open(library string, c Config, side, grid int) (*Teacher, error) {
	sum, err := fingerprint(c.Model)
	if err != nil {
		return nil, err
	}
	if err := load(library); err != nil {
		return nil, err
	}
	inputs, outputs, err := ort.GetInputOutputInfo(c.Model)
	if err != nil {
		return nil, fmt.Errorf("ONNX Runtime %s refuses it: %w", ort.GetVersion(), err)
	}
	if err := c.takeInput(inputs, side); err != nil {
		return nil, err
	}
	var names, tried []string
	for _, o := range outputs {
		if o.OrtValueType == ort.ONNXTypeTensor && o.DataType == ort.TensorElementDataTypeFloat && (c.Output == "" || c.Output == o.Name) {
			names = append(names, o.Name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("it has no output %q of float32; it has %s", c.Output, describe(outputs))
	}
	for _, c.Output = range names {
		t := &Teacher{patches: grid * grid, record: Record{Config: c, Name: filepath.Base(c.Model), SHA256: sum, Runtime: ort.GetVersion()}}
		if t.session, err = newSession(c); err != nil {
			return nil, err
		}
		shape, _, err := t.run(make([]float32, 3*c.Side*c.Side)) // a trial: models need not know their shapes
		if err == nil {
			t.layout, err = layoutOf(shape, grid, c.Skip)
		}
		if err == nil {
			return t, nil
		}
		tried = append(tried, fmt.Sprintf("%q gives %v", c.Output, err))
		if err := t.Close(); err != nil {
			return nil, err
		}
	}
	return nil, hinted{
		fmt.Errorf("no output fits the tokenizer's grid of %d×%d, which is [1, %d, D], [1, %d, D] with a class token, or [1, D, %d, %d]: on pictures of %d pixels a side, %s",
			grid, grid, grid*grid, grid*grid+1, grid, grid, c.Side, strings.Join(tried, "; ")),
		"the teacher's side divided by its patch must be the tokenizer's side divided by its patch; where several tokens stand before the patches, say how many are to be skipped",
	}
}

var loading sync.Mutex

// load loads ONNX Runtime, once for the process.
func load(library string) error {
	loading.Lock()
	defer loading.Unlock()
	if ort.IsInitialized() {
		return nil
	}
	if library == "" {
		library = "libonnxruntime.so"
	}
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return hinted{fmt.Errorf("load ONNX Runtime from %s: %w", library, err),
			"name the path of libonnxruntime.so, version 1.24 or newer (--onnxruntime, or IMGLISH_ONNXRUNTIME): build/onnxruntime/install.sh fetches it, and it is in the PyPI package onnxruntime"}
	}
	return ort.DisableTelemetry() // some builds report to their maker
}

// takeInput fills in the name of the input and the side of the pictures, or says why the model takes no pictures.
func (c *Config) takeInput(inputs []ort.InputOutputInfo, side int) error {
	if len(inputs) != 1 {
		return fmt.Errorf("it has %d inputs and only the picture can be given: %s", len(inputs), describe(inputs))
	}
	in, d := inputs[0], inputs[0].Dimensions
	if c.Input != "" && c.Input != in.Name {
		return fmt.Errorf("it has no input %q; it has %s", c.Input, describe(inputs))
	}
	c.Input = in.Name
	if in.OrtValueType != ort.ONNXTypeTensor || in.DataType != ort.TensorElementDataTypeFloat ||
		len(d) != 4 || d[0] > 1 || d[1] > 0 && d[1] != 3 || d[2] > 0 && d[3] > 0 && d[2] != d[3] {
		return fmt.Errorf("its input is %s, wanted is float32 [1, 3, T, T] (-1: any)", describe(inputs))
	}
	own := int(max(d[2], d[3]))
	switch {
	case own > maxSide:
		return fmt.Errorf("it takes pictures of %d pixels a side, at most %d are made", own, maxSide)
	case own > 0 && c.Side != 0 && own != c.Side:
		return fmt.Errorf("it takes pictures of %d pixels a side, the setting side says %d", own, c.Side)
	case own > 0:
		c.Side = own
	case c.Side == 0:
		c.Side = side
	}
	return nil
}

func describe(all []ort.InputOutputInfo) string {
	var out []string
	for _, x := range all {
		out = append(out, fmt.Sprintf("%q (%s %v)", x.Name, x.DataType, x.Dimensions))
	}
	return strings.Join(out, ", ")
}

// newSession makes a session whose calls run on the thread that makes them: threads of its own would add up in an order
// that depends on their number.
func newSession(c Config) (*ort.DynamicAdvancedSession, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	defer o.Destroy()
	if err := errors.Join(o.SetIntraOpNumThreads(1), o.SetInterOpNumThreads(1)); err != nil {
		return nil, err
	}
	return ort.NewDynamicAdvancedSession(c.Model, []string{c.Input}, []string{c.Output}, o)
}

// run gives one picture, [3, T, T], to the model.
func (t *Teacher) run(picture []float32) (shape []int64, values []float32, err error) {
	side := int64(t.record.Side)
	in, err := ort.NewTensor(ort.NewShape(1, 3, side, side), picture)
	if err != nil {
		return nil, nil, err
	}
	defer in.Destroy()
	out := []ort.Value{nil} // the runtime allocates it
	if err := t.session.Run([]ort.Value{in}, out); err != nil {
		return nil, nil, err
	}
	defer out[0].Destroy()
	floats, ok := out[0].(*ort.Tensor[float32])
	if !ok {
		return nil, nil, fmt.Errorf("its output is no tensor of float32")
	}
	return floats.GetShape(), floats.GetData(), nil
}

// Dim is the length of a patch's vector.
func (t *Teacher) Dim() int { return t.layout.dim }

// Record tells which model this is and how it is asked.
func (t *Teacher) Record() any { return map[string]any{"onnx": t.record} }

// Targets computes the vectors of a view.
//
//	dst: [N, Dim], row-major over the grid   view: [S, S, 3] uint8, RGB
func (t *Teacher) Targets(dst []float32, view *pixels.Image) error {
	c := t.record.Config
	shape, values, err := t.run(c.normalise(view.Resize(c.Side, c.Side, pixels.Bicubic)))
	if err != nil {
		return fmt.Errorf("onnx teacher %s: %w", c.Model, err)
	}
	if len(dst) != t.patches*t.layout.dim || len(values) < t.layout.last(t.patches) {
		return fmt.Errorf("onnx teacher %s: output %s has become %v", c.Model, c.Output, shape)
	}
	t.layout.take(dst, values)
	for _, v := range dst {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("onnx teacher %s: output %s is not finite", c.Model, c.Output)
		}
	}
	return nil
}

// Close frees the model. No call may be under way.
func (t *Teacher) Close() error { return t.session.Destroy() }
