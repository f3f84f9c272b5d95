package vqkd

import "github.com/imglish/imglish/tensor"

// sieve is a backend that a tokenizer can be loaded onto and nothing else: no value stays in it, so loading is only its
// checks.
type sieve struct{ tensor.Backend }

func (sieve) Alloc(dt tensor.DType, shape ...int) tensor.Tensor {
	return tensor.Tensor{Shape: shape, DType: dt, Buf: sieve{}}
}
func (s sieve) Temp(dt tensor.DType, shape ...int) tensor.Tensor { return s.Alloc(dt, shape...) }
func (sieve) Mark() int                                          { return 0 }
func (sieve) Release(int)                                        {}
func (sieve) Free(tensor.Tensor)                                 {}
func (sieve) Upload(tensor.Tensor, []float32)                    {}
func (sieve) Sync() error                                        { return nil }

func (sieve) Prepare(tensor.Tensor, tensor.Precision) tensor.Prepared {
	return tensor.Prepared{Buf: sieve{}}
}
func (sieve) FreePrepared(tensor.Prepared) {}
