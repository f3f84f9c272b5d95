package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Temporary files. A writer holds an flock on its file for as long as it lives, and the kernel lets go of it when the
// process dies. So a file in .tmp whose lock can be had belongs to nobody and may go, however young it is, and one in
// use is never removed, however old. Once a file has its lock, its writer looks whether it still has a name: a sweep
// may have come between making and locking.

const tempFolder = ".tmp"

type tempFile struct {
	path string
	file file
}

// discard closes the file and removes its temporary name, if it still has it.
func (t *tempFile) discard() {
	os.Remove(t.path) // before closing: while the lock is held the name is ours
	t.file.Close()
}

// writeTemp writes all of r to a synced temporary file. On an error nothing is left.
func (l *Local) writeTemp(ctx context.Context, r io.Reader) (*tempFile, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	folder := filepath.Join(l.root, tempFolder)
	if err := l.makeFolder(folder); err != nil {
		return nil, 0, err
	}
	temp, err := l.createTemp(folder)
	if err != nil {
		return nil, 0, err
	}
	size, err := io.Copy(temp.file, contextReader{ctx, r})
	if err == nil {
		err = temp.file.Sync()
	}
	if err != nil {
		temp.discard()
		return nil, 0, err
	}
	return temp, size, nil
}

func (l *Local) createTemp(folder string) (*tempFile, error) {
	for range 100 {
		var random [16]byte
		rand.Read(random[:])
		path := filepath.Join(folder, hex.EncodeToString(random[:]))
		f, err := l.disk.create(path)
		if err != nil {
			return nil, err
		}
		if locked(f) {
			return &tempFile{path, f}, nil
		}
		f.Close()
	}
	return nil, fmt.Errorf("lock a temporary file in %s: it is taken away each time", folder)
}

// locked takes the file's lock and says whether the file is the caller's: locked, and still there.
func locked(f file) bool {
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return false
	}
	var st syscall.Stat_t
	return syscall.Fstat(int(f.Fd()), &st) == nil && st.Nlink > 0
}

// removeOrphans removes the temporary files of writers that died. It is a courtesy to the disk: what cannot be removed
// does no harm, so errors are passed over.
func (l *Local) removeOrphans() {
	folder := filepath.Join(l.root, tempFolder)
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if locked(f) {
			os.Remove(path)
		}
		f.Close()
	}
}

// makeFolder makes a folder and those above it, each synced into its parent.
func (l *Local) makeFolder(path string) error {
	if _, known := l.made.Load(path); known {
		return nil
	}
	parent := filepath.Dir(path)
	if path != parent {
		if _, err := os.Stat(path); err != nil {
			if err := l.makeFolder(parent); err != nil {
				return err
			}
		}
	}
	if err := os.Mkdir(path, 0o777); err != nil && !os.IsExist(err) {
		return err
	}
	if info, err := os.Stat(path); err != nil {
		return err
	} else if !info.IsDir() {
		return &os.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	}
	// Also one that was there already: whoever made it may have died before syncing it.
	if path != l.root && path != parent {
		if err := l.disk.syncFolder(parent); err != nil {
			return err
		}
	}
	l.made.Store(path, true)
	return nil
}

// contextReader ends a long copy when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
