//go:build cgo

package cpu

// #cgo CFLAGS: -O3 -std=c11
// #cgo LDFLAGS: -lm -lpthread
// #include "kernels.h"
import "C"

import (
	"errors"
	"fmt"

	"github.com/imglish/imglish/tensor"
)

// backend runs every op inside its call. The first error (memory) stays: later ops do nothing, and Sync returns it.
type backend struct {
	isa     C.int32_t
	tiles   bool // products with prepared matrices go by digits
	threads int
	mr, nr  int // register tile of a product: rows, columns
	pr      int // rows of a packed tile
	kc      int // block of a product's sum
	err     error
	arena   arena
	live    map[*buffer]struct{} // allocated and not yet freed
	pool    *C.imglish_pool
}

// NewWith gives a backend with a given instruction set; it is an error if the processor does not have it.
func NewWith(o Options) (tensor.Backend, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.ISA == Best {
		o.ISA = ISA(C.imglish_best_isa())
	}
	if !Has(o.ISA) {
		return nil, fmt.Errorf("cpu: this processor has no %v", o.ISA)
	}
	b := &backend{isa: C.int32_t(o.ISA), tiles: o.ISA == AMX, threads: o.threads(), live: map[*buffer]struct{}{}}
	var mr, nr, pr, kc C.int64_t
	if err := status(C.imglish_tile(b.isa, &mr, &nr, &pr, &kc)); err != nil {
		return nil, err
	}
	if b.pool = C.imglish_pool_new(C.int32_t(b.threads)); b.pool == nil {
		return nil, fmt.Errorf("cpu: out of memory for %d threads", b.threads)
	}
	b.mr, b.nr, b.pr, b.kc = int(mr), int(nr), int(pr), int(kc)
	return b, nil
}

// Has reports whether this processor has i.
func Has(i ISA) bool { return i == Best || C.imglish_has_isa(C.int32_t(i)) != 0 }

func status(s C.int32_t) error {
	if s == C.IMGLISH_OK {
		return nil
	}
	return errors.New("cpu: " + C.GoString(C.imglish_status_text(s)))
}

func (b *backend) Name() string { return fmt.Sprintf("cpu %v ×%d", ISA(b.isa), b.threads) }

// Sync returns the first error since the backend was made: ops have already run.
func (b *backend) Sync() error { return b.err }

// Close frees all memory. Tensors of the backend are invalid afterwards.
func (b *backend) Close() error {
	for t := range b.live {
		b.free(t)
	}
	b.arena.close()
	C.imglish_pool_free(b.pool)
	b.pool = nil
	if b.err == nil {
		b.err = errors.New("cpu: the backend is closed")
		return nil
	}
	return b.err
}

// fail keeps the first error.
func (b *backend) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}
