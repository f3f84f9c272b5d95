package pipeline

import "errors"

// ErrFatal marks an error that no retry mends, such as a tokenizer that does not match the shards: the line stops.
var ErrFatal = errors.New("cannot go on")

// fatal marks an error as one that stops the line, without a word of its own.
func fatal(err error) error {
	if err == nil || errors.Is(err, ErrFatal) {
		return err
	}
	return &fatalError{err}
}

type fatalError struct{ error }

func (e *fatalError) Unwrap() error        { return e.error }
func (e *fatalError) Is(target error) bool { return target == ErrFatal }
