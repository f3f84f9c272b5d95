package shards

import "errors"

var (
	// ErrNoShards is returned where a store holds no shards.
	ErrNoShards = errors.New("no shards here")
	// ErrMismatch is returned if a line, tokenizer or setting is not the one that the shards were begun with.
	ErrMismatch = errors.New("does not match the shards")
	// ErrDamaged is returned for a file that cannot be read as what its commit says.
	ErrDamaged = errors.New("damaged file")
)

// hinted is an error that says what a user can do.
type hinted struct {
	error
	hint string
}

func (h *hinted) Hint() string  { return h.hint }
func (h *hinted) Unwrap() error { return h.error }
