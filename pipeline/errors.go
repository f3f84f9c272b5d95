package pipeline

import "errors"

// ErrFatal marks an error that no retry mends, such as a tokenizer that does not match the shards: the line stops.
var ErrFatal = errors.New("cannot go on")

// errLostTail: the log has lost records that it had acknowledged, so that no retry mends the lane.
var errLostTail = &lossError{"the log has lost acknowledged records; imglish repair mends it"}

// lossError is an error that a repair mends.
type lossError struct{ text string }

func (e *lossError) Error() string { return e.text }

// Hint says what a user can do.
func (*lossError) Hint() string {
	return "stop every process of the line, then run imglish repair GRAPH: it says what is lost and mends it"
}

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
