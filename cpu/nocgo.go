//go:build !cgo

package cpu

import (
	"fmt"

	"github.com/imglish/imglish/tensor"
)

// NewWith gives the plain Go reference, since this program was built without cgo: the same results, much slower.
func NewWith(o Options) (tensor.Backend, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.ISA > Generic {
		return nil, fmt.Errorf("cpu: no %v kernels: built without cgo", o.ISA)
	}
	return reference{tensor.NewReferenceThreads[float32](o.threads()), o.threads()}, nil
}

// Has reports whether this processor and this build have i.
func Has(i ISA) bool { return i <= Generic }

type reference struct {
	tensor.Backend
	threads int
}

func (r reference) Name() string {
	return fmt.Sprintf("cpu without cgo, plain Go ×%d", r.threads)
}
