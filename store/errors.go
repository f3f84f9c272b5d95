package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// ErrNotFound is returned for an object that does not exist.
var ErrNotFound = errors.New("no such object")

var (
	errNegative = errors.New("a place before the object's start")
	errTLS      = errors.New("the server speaks TLS and was asked without")
)

// Error says which operation on which object of which store went wrong.
type Error struct {
	Op  string // "put", "open", ...
	URL string // of the store
	Key string // of the object, empty if there is none
	Err error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s %s: %v", e.Op, e.URL, e.Err)
	}
	return fmt.Sprintf("%s %s in %s: %v", e.Op, e.Key, e.URL, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Outage reports that the store did not answer for a while: the same call may succeed later, by itself.
func (e *Error) Outage() bool {
	var o *outage
	return errors.As(e.Err, &o)
}

// Refused reports that the store answers and will not do it, whatever the object: no call succeeds before somebody
// changes a setting, a key, or the room that is left.
func (e *Error) Refused() bool { return !e.Outage() && refused(e.Err) }

// Hint says what a user can do about it, empty if nothing is known.
func (e *Error) Hint() string {
	if hint := s3Hint(e.Err); hint != "" {
		return hint
	}
	switch {
	case errors.Is(e.Err, syscall.ENOSPC), errors.Is(e.Err, syscall.EDQUOT):
		return "the disk (or the quota) is full: make room and run the same command again; nothing half-written was kept"
	case errors.Is(e.Err, fs.ErrPermission), errors.Is(e.Err, syscall.EROFS):
		return "the folder cannot be written: check its owner and mode, or name another one"
	case errors.Is(e.Err, errScheme):
		return "give a folder's path, file:///path or s3://bucket/prefix"
	case errors.Is(e.Err, syscall.ENOTDIR):
		return "name a folder, not a file"
	}
	return ""
}
