package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// Local is a store in a folder of this machine. An object is a file whose path is its key.
//
// A write goes to a file under .tmp, which is synced, then renamed (Put) or linked (PutIfAbsent) to its place, then the
// folders that changed are synced. link() fails if the name exists, on every file system that has it, so the first
// writer wins without a lock. .tmp is in the same folder, so neither call crosses file systems.
type Local struct {
	root string
	disk disk

	made sync.Map // folders known to exist durably, by path
}

// URL returns file:// and the folder's absolute path.
func (l *Local) URL() string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(l.root)}).String()
}

func (l *Local) fail(op, key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	return &Error{Op: op, URL: l.URL(), Key: key, Err: err}
}

func (l *Local) path(key string) string { return filepath.Join(l.root, filepath.FromSlash(key)) }

// Put writes an object, replacing one of the same key. Whatever goes wrong, an older object stays as it was.
func (l *Local) Put(ctx context.Context, key string, r io.Reader) (Info, error) {
	if err := ValidKey(key); err != nil {
		return Info{}, l.fail("put", key, err)
	}
	temp, size, err := l.writeTemp(ctx, r)
	if err != nil {
		return Info{}, l.fail("put", key, err)
	}
	defer temp.discard()
	to := l.path(key)
	if err := l.makeFolder(filepath.Dir(to)); err != nil {
		return Info{}, l.fail("put", key, err)
	}
	if err := l.disk.rename(temp.path, to); err != nil {
		return Info{}, l.fail("put", key, err)
	}
	if err := l.disk.syncFolder(filepath.Dir(to)); err != nil {
		return Info{}, l.fail("put", key, err)
	}
	return Info{Key: key, Size: size}, nil
}

// PutIfAbsent creates an object unless the key exists.
func (l *Local) PutIfAbsent(ctx context.Context, key string, data []byte) (created bool, err error) {
	if err := ValidKey(key); err != nil {
		return false, l.fail("create", key, err)
	}
	to := l.path(key)
	if info, err := os.Lstat(to); err == nil {
		return false, l.exists(key, info)
	}
	temp, _, err := l.writeTemp(ctx, bytes.NewReader(data))
	if err != nil {
		return false, l.fail("create", key, err)
	}
	defer temp.discard()
	if err := l.makeFolder(filepath.Dir(to)); err != nil {
		return false, l.fail("create", key, err)
	}
	err = l.disk.link(temp.path, to)
	if errors.Is(err, fs.ErrExist) {
		info, err := os.Lstat(to)
		if err != nil {
			return false, l.fail("create", key, err)
		}
		return false, l.exists(key, info)
	}
	if err != nil {
		return false, l.fail("create", key, err)
	}
	if err := l.disk.syncFolder(filepath.Dir(to)); err != nil {
		return false, l.fail("create", key, err)
	}
	return true, nil
}

// exists makes sure that an object which another writer has just created is as durable as the caller will believe.
func (l *Local) exists(key string, info fs.FileInfo) error {
	if info.IsDir() {
		return l.fail("create", key, syscall.EISDIR)
	}
	if err := l.disk.syncFolder(filepath.Dir(l.path(key))); err != nil {
		return l.fail("create", key, err)
	}
	return nil
}

// Open opens an object for reading.
func (l *Local) Open(ctx context.Context, key string) (Object, error) {
	if err := errors.Join(ValidKey(key), ctx.Err()); err != nil {
		return nil, l.fail("open", key, err)
	}
	f, err := os.Open(l.path(key))
	if err != nil {
		return nil, l.fail("open", key, missing(err))
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("not a regular file: %w", ErrNotFound)
	}
	if err != nil {
		f.Close()
		return nil, l.fail("open", key, err)
	}
	return &localObject{File: f, size: info.Size()}, nil
}

type localObject struct {
	*os.File
	size int64
}

func (o *localObject) Size() int64 { return o.size }

// Get reads a whole object.
func (l *Local) Get(ctx context.Context, key string) ([]byte, error) {
	o, err := l.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	data := make([]byte, o.Size())
	if _, err := io.ReadFull(io.NewSectionReader(o, 0, o.Size()), data); err != nil {
		return nil, l.fail("read", key, err)
	}
	return data, nil
}

// Stat describes an object.
func (l *Local) Stat(ctx context.Context, key string) (Info, error) {
	if err := errors.Join(ValidKey(key), ctx.Err()); err != nil {
		return Info{}, l.fail("stat", key, err)
	}
	info, err := os.Stat(l.path(key))
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("not a regular file: %w", ErrNotFound)
	}
	if err != nil {
		return Info{}, l.fail("stat", key, missing(err))
	}
	return Info{Key: key, Size: info.Size(), Modified: info.ModTime()}, nil
}

// Delete removes an object. Its folders stay.
func (l *Local) Delete(ctx context.Context, key string) error {
	if err := errors.Join(ValidKey(key), ctx.Err()); err != nil {
		return l.fail("delete", key, err)
	}
	err := os.Remove(l.path(key))
	if errors.Is(missing(err), fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return l.fail("delete", key, err)
	}
	if err := l.disk.syncFolder(filepath.Dir(l.path(key))); err != nil {
		return l.fail("delete", key, err)
	}
	return nil
}

// missing turns "a parent is a file" into "does not exist", which it means for a key.
func missing(err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fs.ErrNotExist
	}
	return err
}
