package store

import (
	"context"
	"errors"
	"io"
	"iter"
)

// ErrNotFound is returned for an object that does not exist.
var ErrNotFound = errors.New("no such object")

// Info describes an object.
type Info struct {
	Key  string // slash-separated, relative, without ".." elements
	Size int64  // bytes
}

// Object is an open object, readable at any place.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Store keeps objects by key: a local folder, or S3. Objects appear whole or not at all, and are durable (synced) when
// a call returns. Methods may be called from several goroutines and processes at once.
type Store interface {
	// Put writes an object, replacing one of the same key.
	Put(ctx context.Context, key string, r io.Reader) (Info, error)
	// PutIfAbsent creates an object unless the key exists: the first wins. created says whether it did.
	PutIfAbsent(ctx context.Context, key string, data []byte) (created bool, err error)
	// Open opens an object for reading, or returns an error that wraps ErrNotFound.
	Open(ctx context.Context, key string) (Object, error)
	// Get reads a whole object, or returns an error that wraps ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// Stat describes an object, or returns an error that wraps ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)
	// List yields the objects under a prefix in key order.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; removing one that does not exist is no error.
	Delete(ctx context.Context, key string) error
	// URL says where the store is, without credentials.
	URL() string
}
