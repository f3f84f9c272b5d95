package checkpoint

import (
	"errors"
	"fmt"
)

var (
	// ErrFormat marks a file that is damaged or of no known format.
	ErrFormat = errors.New("damaged or unknown format")
	// ErrMissing marks a tensor that the file does not have.
	ErrMissing = errors.New("no such tensor")
	// ErrRefused marks a pickle that asks for something else than tensors and plain data.
	ErrRefused = errors.New("refused")
)

// refusal is an ErrRefused that says what was asked for.
type refusal struct{ what string }

func (r *refusal) Error() string {
	return fmt.Sprintf("refused: the pickle asks for %s, which is not needed for tensors", r.what)
}

func (r *refusal) Unwrap() error { return ErrRefused }

// Hint tells the user what to do instead.
func (r *refusal) Hint() string {
	return "nothing was run; save the state dictionary alone, best as safetensors, where the file comes from"
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
