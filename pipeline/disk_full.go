package pipeline

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// A full disk is no reason to skip a sample, and no retry mends it: the line stops, says so, and goes on where it was
// when it is started again.

// diskFullError stops the line.
type diskFullError struct {
	dir   string // "" if the error itself names the place
	cause error
}

func (e *diskFullError) Error() string {
	if e.dir == "" {
		return fmt.Sprintf("cannot write any more: %v", e.cause)
	}
	return fmt.Sprintf("the disk of %s is full: %v", e.dir, e.cause)
}

func (e *diskFullError) Unwrap() error        { return e.cause }
func (e *diskFullError) Is(target error) bool { return target == ErrFatal }

// Hint says what to do.
func (e *diskFullError) Hint() string {
	return "free some space and start the same command again: it goes on where it stopped, and nothing done is lost"
}

// unwritable marks errors that say that nothing can be written any more, and leaves others as they are.
func unwritable(err error) error {
	if storeRefuses(err) {
		return fatal(err)
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS} {
		if errors.Is(err, errno) && !errors.Is(err, ErrFatal) {
			return &diskFullError{cause: err}
		}
	}
	return err
}

// full marks an error that came while the disk of a folder had no room: the embedded broker's answers do not say why it
// cannot write.
func full(dir string, err error) error {
	if err == nil || errors.Is(err, ErrFatal) {
		return err
	}
	var st unix.Statfs_t
	if e := unix.Statfs(dir, &st); e == nil && int64(st.Bavail)*st.Bsize < minFree {
		return &diskFullError{dir: dir, cause: err}
	}
	return err
}

// minFree is less than one write of the broker needs.
const minFree = 256 << 10 // bytes
