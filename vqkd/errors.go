package vqkd

import "errors"

// ErrWeights marks a file that opens, but does not hold a VQ-KD tokenizer.
var ErrWeights = errors.New("not a VQ-KD tokenizer")

// hinted is an error with advice for the command line.
type hinted struct {
	error
	hint string
}

func (h hinted) Hint() string  { return h.hint }
func (h hinted) Unwrap() error { return h.error }
