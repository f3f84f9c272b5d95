package shards

import (
	"errors"
	"fmt"

	"github.com/imglish/imglish/store"
)

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

// unreachable says that an error is of the store, not of what lies in it: nothing is known to be damaged.
func unreachable(err error) bool {
	var e *store.Error
	return errors.As(err, &e) && (e.Outage() || e.Refused())
}

// damaged is an error of a file that cannot be read for what it holds.
func damaged(err error, where string, args ...any) error {
	where = fmt.Sprintf(where, args...)
	if unreachable(err) {
		return fmt.Errorf("%s: %w", where, err)
	}
	return fmt.Errorf("%s: %w: %w", where, ErrDamaged, err)
}
