package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imglish/imglish/store"
)

// Memory is a store in memory, for tests that write much: it syncs nothing. It keeps the contract that Run tests.
type Memory struct {
	mu      sync.Mutex
	objects map[string][]byte // never changed once put
	written map[string]time.Time
}

var _ store.Store = (*Memory)(nil)

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{objects: map[string][]byte{}, written: map[string]time.Time{}}
}

// URL returns "memory:".
func (m *Memory) URL() string { return "memory:" }

func (m *Memory) begin(ctx context.Context, op, key string) error {
	if err := errors.Join(store.ValidKey(key), ctx.Err()); err != nil {
		return &store.Error{Op: op, URL: m.URL(), Key: key, Err: err}
	}
	return nil
}

// Put writes an object.
func (m *Memory) Put(ctx context.Context, key string, r io.Reader) (store.Info, error) {
	if err := m.begin(ctx, "put", key); err != nil {
		return store.Info{}, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return store.Info{}, &store.Error{Op: "put", URL: m.URL(), Key: key, Err: err}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.objects[key], m.written[key] = data, time.Now()
	return store.Info{Key: key, Size: int64(len(data))}, nil
}

// PutIfAbsent creates an object unless the key exists.
func (m *Memory) PutIfAbsent(ctx context.Context, key string, data []byte) (bool, error) {
	if err := m.begin(ctx, "create", key); err != nil {
		return false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, exists := m.objects[key]; exists {
		return false, nil
	}
	m.objects[key], m.written[key] = bytes.Clone(data), time.Now()
	return true, nil
}

// Open opens an object for reading.
func (m *Memory) Open(ctx context.Context, key string) (store.Object, error) {
	if err := m.begin(ctx, "open", key); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[key]
	if !ok {
		return nil, &store.Error{Op: "open", URL: m.URL(), Key: key, Err: store.ErrNotFound}
	}
	return memoryObject{bytes.NewReader(data)}, nil
}

type memoryObject struct{ *bytes.Reader }

func (memoryObject) Close() error { return nil }

// Get reads a whole object.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, error) {
	o, err := m.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
}

// Stat describes an object.
func (m *Memory) Stat(ctx context.Context, key string) (store.Info, error) {
	o, err := m.Open(ctx, key)
	if err != nil {
		return store.Info{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Info{Key: key, Size: o.Size(), Modified: m.written[key]}, nil
}

// List yields the objects under a prefix in key order.
func (m *Memory) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		m.mu.Lock()
		objects, written := maps.Clone(m.objects), maps.Clone(m.written)
		m.mu.Unlock()
		for _, key := range slices.Sorted(maps.Keys(objects)) {
			if !strings.HasPrefix(key, prefix) {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(store.Info{}, fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			if !yield(store.Info{Key: key, Size: int64(len(objects[key])), Modified: written[key]}, nil) {
				return
			}
		}
	}
}

// Delete removes an object.
func (m *Memory) Delete(ctx context.Context, key string) error {
	if err := m.begin(ctx, "delete", key); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, key)
	return nil
}
