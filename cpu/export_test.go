//go:build cgo

package cpu

import "github.com/imglish/imglish/tensor"

// WithTiles makes a new backend multiply prepared matrices as processors with AMX do: without AMX, on tiles in plain C.
func WithTiles(b tensor.Backend) tensor.Backend {
	b.(*backend).tiles = true
	return b
}
