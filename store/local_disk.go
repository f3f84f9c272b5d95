package store

import (
	"io"
	"os"
)

// disk is what Local asks of the file system when it writes. Tests put one in between that fails at any given call.
type disk interface {
	create(path string) (file, error)
	rename(from, to string) error
	link(from, to string) error
	syncFolder(path string) error
}

type file interface {
	io.WriteCloser
	Sync() error
	Fd() uintptr
}

type osDisk struct{}

func (osDisk) create(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) link(from, to string) error { return os.Link(from, to) }

func (osDisk) syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
