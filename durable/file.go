package durable

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// TempSuffix ends the names of files that are being written.
const TempSuffix = ".tmp"

// WriteFile puts data in the file's place at once. On an error the old file is there as it was; only if the last step
// fails, the sync of the folder, may either be there.
func WriteFile(path string, data []byte) error {
	if err := Replaceable(path); err != nil {
		return err
	}
	return writeFile(osDisk{}, path, data)
}

// Replaceable is an error where the name is that of a device, a pipe or a folder: to rename a file onto /dev/null would
// take it away from everybody, and that is not what who names it means.
func Replaceable(path string) error {
	if at, err := os.Stat(path); err == nil && !at.Mode().IsRegular() {
		return fmt.Errorf("write %s: it is no ordinary file: name one, or a new one", path)
	}
	return nil
}

func writeFile(d disk, path string, data []byte) error {
	f, err := create(d, path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// File is a file under a temporary name. It is buffered. One goroutine at a time may use it.
type File struct {
	path, temp string
	disk       disk
	f          file
	w          *bufio.Writer
}

// bufferSize is large enough that a stream of small writes costs few calls.
const bufferSize = 256 << 10

// Create begins a file that takes its name when it is committed. Discard must be called when it is done with, whether or
// not Commit was.
func Create(path string) (*File, error) {
	if err := Replaceable(path); err != nil {
		return nil, err
	}
	return create(osDisk{}, path)
}

func create(d disk, path string) (*File, error) {
	// A random name: other writers of the same file, and what a crash left, are in nobody's way.
	temp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s-%016x%s", filepath.Base(path), rand.Uint64(), TempSuffix))
	f, err := d.create(temp)
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &File{path, temp, d, f, bufio.NewWriterSize(f, bufferSize)}, nil
}

// Write appends p.
func (f *File) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if err != nil {
		err = fmt.Errorf("write %s: %w", f.path, err)
	}
	return n, err
}

// Commit gives the file its name. Behind it, and behind Discard, the File is of no more use.
func (f *File) Commit() error {
	err := f.w.Flush()
	if err == nil {
		err = f.f.Sync()
	}
	// A failed sync may be forgotten by the next: nothing is tried twice.
	err = errors.Join(err, f.f.Close())
	if f.f = nil; err == nil {
		err = f.disk.rename(f.temp, f.path)
	}
	if err == nil {
		f.temp = ""
		err = f.disk.syncFolder(filepath.Dir(f.path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	return nil
}

// Discard removes what was not committed.
func (f *File) Discard() {
	if f.f != nil {
		f.f.Close()
		f.f = nil
	}
	if f.temp != "" {
		f.disk.remove(f.temp)
		f.temp = ""
	}
}

// Rename gives a file or folder another name in a folder that exists, and makes that last. What it holds must be synced
// before. Both names are in the same folder, or the old one may come back.
func Rename(from, to string) error {
	if err := (osDisk{}).rename(from, to); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// SyncFolder makes the names in a folder last.
func SyncFolder(path string) error { return osDisk{}.syncFolder(path) }
