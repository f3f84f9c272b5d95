package vit_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd/vit"
)

var shape = vit.Shape{In: 5, Width: 8, Depth: 2, Heads: 2, Hidden: 12, Tokens: 3}

func random(rng *rand.Rand, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = rng.NormFloat64() * 0.5
	}
	return v
}

func newModel(b tensor.Backend, rng *rand.Rand) *vit.Model {
	m := vit.New(b, shape)
	m.Each(func(_ string, t tensor.Tensor) { b.UploadF64(t, random(rng, t.Len())) })
	return m
}

// loss is Σ y·c for fixed c, so its gradient behind the model is c.
func loss(b tensor.Backend, m *vit.Model, input tensor.Tensor, c []float64, n int) float64 {
	mark := b.Mark()
	defer b.Release(mark)
	y := b.Temp(tensor.Float, n*shape.Tokens, shape.Width)
	m.Forward(y, input, n, nil)
	v := make([]float64, y.Len())
	b.DownloadF64(v, y)
	sum := 0.0
	for i := range v {
		sum += v[i] * c[i]
	}
	return sum
}

// Gradients of parameters and input against finite differences, in float64.
func TestBackward(t *testing.T) {
	const n, h = 2, 1e-6
	b := tensor.NewReference[float64]()
	rng := rand.New(rand.NewPCG(3, 4))
	m, g := newModel(b, rng), vit.New(b, shape)
	rows := n * shape.Tokens
	input, dinput := b.Alloc(tensor.Float, rows, shape.In), b.Alloc(tensor.Float, rows, shape.In)
	x, c := random(rng, rows*shape.In), random(rng, rows*shape.Width)
	b.UploadF64(input, x)

	mark := b.Mark()
	y, dy := b.Temp(tensor.Float, rows, shape.Width), b.Temp(tensor.Float, rows, shape.Width)
	var tape vit.Tape
	m.Forward(y, input, n, &tape)
	b.UploadF64(dy, c)
	m.Backward(dinput, g, dy, &tape)
	b.Release(mark)

	check := func(name string, value, grad tensor.Tensor) {
		v, got := make([]float64, value.Len()), make([]float64, value.Len())
		b.DownloadF64(v, value)
		b.DownloadF64(got, grad)
		for i := 0; i < len(v); i += 1 + len(v)/7 {
			keep := v[i]
			v[i] = keep + h
			b.UploadF64(value, v)
			up := loss(b, m, input, c, n)
			v[i] = keep - h
			b.UploadF64(value, v)
			down := loss(b, m, input, c, n)
			v[i] = keep
			b.UploadF64(value, v)
			if want := (up - down) / (2 * h); math.Abs(got[i]-want) > 1e-5*(1+math.Abs(want)) {
				t.Errorf("gradient of %s[%d] = %v, finite difference %v", name, i, got[i], want)
			}
		}
	}
	var grads []tensor.Tensor
	g.Each(func(_ string, t tensor.Tensor) { grads = append(grads, t) })
	i := 0
	m.Each(func(name string, t tensor.Tensor) {
		check(name, t, grads[i])
		i++
	})
	check("input", input, dinput)
}

// A sample's rows do not depend on the other samples of the batch, and a tape changes nothing.
func TestSamplesAreIndependent(t *testing.T) {
	b := tensor.NewReference[float32]()
	rng := rand.New(rand.NewPCG(5, 6))
	m := newModel(b, rng)
	x := random(rng, 3*shape.Tokens*shape.In)
	run := func(from, to int, tape *vit.Tape) []float32 {
		mark := b.Mark()
		defer b.Release(mark)
		n := to - from
		input, y := b.Temp(tensor.Float, n*shape.Tokens, shape.In), b.Temp(tensor.Float, n*shape.Tokens, shape.Width)
		b.UploadF64(input, x[from*shape.Tokens*shape.In:to*shape.Tokens*shape.In])
		m.Forward(y, input, n, tape)
		out := make([]float32, y.Len())
		b.Download(out, y)
		return out
	}
	all := run(0, 3, nil)
	one := len(all) / 3
	for i := range 3 {
		if !slices.Equal(run(i, i+1, nil), all[i*one:(i+1)*one]) {
			t.Errorf("sample %d alone gives other values than among three", i)
		}
	}
	if !slices.Equal(run(0, 3, new(vit.Tape)), all) {
		t.Error("keeping a tape changes the values")
	}
}

func TestShapeValidate(t *testing.T) {
	if err := shape.Validate(); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*vit.Shape){
		"no depth": func(s *vit.Shape) { s.Depth = 0 }, "heads": func(s *vit.Shape) { s.Heads = 3 },
	} {
		s := shape
		change(&s)
		if s.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// An encoder gives what its model gives, on the plain backend and on the kernels, and reads each parameter once.
func TestEncoder(t *testing.T) {
	kernels, err := cpu.New(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []tensor.Backend{tensor.NewReference[float32](), kernels} {
		rng := rand.New(rand.NewPCG(7, 8))
		m := newModel(b, rng)
		parameters := map[string][]float32{}
		m.Each(func(name string, t tensor.Tensor) {
			v := make([]float32, t.Len())
			b.Download(v, t)
			parameters[name] = v
		})
		read := func(name string, want ...int) ([]float32, error) {
			v, ok := parameters[name]
			n := 1
			for _, d := range want {
				n *= d
			}
			if !ok || len(v) != n {
				t.Errorf("parameter %s %v was asked for, there are %d values", name, want, len(v))
			}
			delete(parameters, name)
			return v, nil
		}
		e, err := vit.NewEncoder(b, shape, tensor.Exact, read)
		if err != nil || len(parameters) != 0 {
			t.Fatalf("error %v, %d parameters were not read", err, len(parameters))
		}
		const n = 11 // more than go through a block at once
		x := b.Alloc(tensor.Float, n*shape.Tokens, shape.In)
		b.UploadF64(x, random(rng, x.Len()))
		var got, want [n * 3 * 8]float32
		y := b.Alloc(tensor.Float, n*shape.Tokens, shape.Width)
		m.Forward(y, x, n, nil)
		b.Download(want[:], y)
		e.Forward(y, x, n, nil)
		b.Download(got[:], y)
		for i := range got {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Fatalf("%s: value %d is %v, the model's is %v", b.Name(), i, got[i], want[i])
			}
		}
		e.Free()
		m.Free()
		if _, err := vit.NewEncoder(b, shape, tensor.Exact, func(name string, _ ...int) ([]float32, error) { return nil, errors.New(name) }); err == nil || err.Error() != "cls_token" {
			t.Errorf("a reader that fails at the first parameter gives %v", err)
		}
	}
	if err := kernels.Close(); err != nil {
		t.Error(err)
	}
}
