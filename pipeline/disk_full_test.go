package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
)

func TestUnwritable(t *testing.T) {
	for _, tt := range []struct {
		err  error
		stop bool
	}{
		{fmt.Errorf("put blob: %w", &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}), true},
		{fmt.Errorf("put blob: %w", &fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS}), true},
		{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, false},
		{errors.New("anything"), false},
	} {
		err := unwritable(tt.err)
		var hinted interface{ Hint() string }
		if got := errors.Is(err, ErrFatal); got != tt.stop || errors.As(err, &hinted) != tt.stop || !errors.Is(err, tt.err) {
			t.Errorf("unwritable(%v) = %v, stops the line: %v, want %v", tt.err, err, got, tt.stop)
		}
	}
	if unwritable(nil) != nil || full(t.TempDir(), nil) != nil {
		t.Error("no error became one")
	}
	if err := errors.New("x"); full(t.TempDir(), err) != err {
		t.Error("a disk with room is called full")
	}
}
