package main

import (
	"context"
	"log/slog"
	"os"
	"sync"

	"github.com/imglish/imglish/store"
)

// opened are the stores on S3 that this process has open, by their URL: all stages share one pool of connections.
var opened struct {
	sync.Mutex
	stores map[string]*store.S3
}

// openStore opens a store for a command: here, and nowhere below cmd, the environment gives it keys. One on S3 is asked
// at once whether it can be used, so that a wrong key or bucket ends the command before its work begins. What is done
// with it is counted for /metrics.
func openStore(ctx context.Context, where string) (store.Store, error) {
	opened.Lock()
	defer opened.Unlock()
	if s := opened.stores[where]; s != nil {
		return storage.Wrap(s), nil
	}
	st, err := store.Open(where, store.WithEnv(os.Getenv), store.WithNotes(func(text string) { slog.Warn(text) }))
	if err != nil {
		return nil, err
	}
	s, remote := st.(*store.S3)
	if !remote {
		return storage.Wrap(st), nil
	}
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	if opened.stores == nil {
		opened.stores = map[string]*store.S3{}
	}
	opened.stores[where] = s
	return storage.Wrap(s), nil
}
