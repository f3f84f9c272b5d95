package pipeline

import "errors"

// ErrFatal marks an error that no retry mends, such as a tokenizer that does not match the shards: the line stops.
var ErrFatal = errors.New("cannot go on")
