package main

import (
	"fmt"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
)

// maxThreads is far above what hosts have, and below where systems give no more threads, which would end the process.
const maxThreads = 1024

// openBackend opens what computes, with so many threads as --threads says.
func openBackend(threads int) (tensor.Backend, error) {
	if threads < 0 || threads > maxThreads {
		return nil, usageError{fmt.Errorf("--threads is %d, must be 0 (all processors) to %d", threads, maxThreads)}
	}
	b, err := cpu.New(threads)
	if err != nil {
		return nil, fmt.Errorf("choose a compute backend: %w", err)
	}
	return b, nil
}
