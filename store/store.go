package store

import (
	"context"
	"io"
	"iter"
	"time"
)

// Info describes an object.
type Info struct {
	Key  string // slash-separated, relative, without ".." elements
	Size int64  // bytes
	// Modified is when the object was written, by the store's clock. Stat and List know it, Put does not say it.
	Modified time.Time
}

// Object is an open object, readable at any place.
type Object interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Store keeps objects by key: a local folder, or S3. Objects appear whole or not at all, and are durable (synced) when
// a call returns. Methods may be called from several goroutines and processes at once. A key of which ValidKey
// complains is an error. A store need not be able to keep both "a" and "a/b".
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
	// List yields the objects under a prefix in key order. The prefix may end within an element. Objects that
	// come or go meanwhile may or may not be among them.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
	// Delete removes an object; removing one that does not exist is no error.
	Delete(ctx context.Context, key string) error
	// URL says where the store is, without credentials.
	URL() string
}

// As finds something that a store can do besides Store: in itself, or in one that it wraps and names by Unwrap.
func As[T any](st Store) (found T, ok bool) {
	for {
		if found, ok = st.(T); ok {
			return found, true
		}
		w, wraps := st.(interface{ Unwrap() Store })
		if !wraps {
			return found, false
		}
		st = w.Unwrap()
	}
}
