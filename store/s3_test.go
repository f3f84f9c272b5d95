package store_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/s3test"
	"github.com/imglish/imglish/store/storetest"
)

func TestS3(t *testing.T) {
	server := s3test.Start(t)
	var n atomic.Int32
	storetest.Run(t, func(t *testing.T) store.Store {
		return openS3(t, server.URL(fmt.Sprintf("a/prefix-%d", n.Add(1)), ""), server)
	})
}

func openS3(t testing.TB, where string, server *s3test.Server, opts ...store.Option) store.Store {
	t.Helper()
	st, err := store.Open(where, append([]store.Option{store.WithEnv(server.Getenv)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// What each operation costs: a server is as far away as its round trips.
func TestS3Requests(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st := openS3(t, server.URL("p", proxy.Endpoint), server)
	if _, _, err := store.PutBlob(t.Context(), st, []byte("the first write tries conditions")); err != nil {
		t.Fatal(err)
	}
	blob := random(150<<10, 1)
	key, _, _ := store.PutBlob(t.Context(), openS3(t, server.URL("q", ""), server), blob)
	for _, tt := range []struct {
		name string
		do   func() error
		want int
	}{
		{"a new blob", func() error { _, _, err := store.PutBlob(t.Context(), st, blob); return err }, 1},
		{"a blob that is there", func() error { _, _, err := store.PutBlob(t.Context(), st, blob); return err }, 2},
		{"reading it", func() error { _, err := store.GetBlob(t.Context(), st, key); return err }, 1},
		{"stat", func() error { _, err := st.Stat(t.Context(), key); return err }, 1},
		{"open", func() error { _, err := st.Open(t.Context(), key); return err }, 1},
		{"put", func() error { put(t, st, "k", "x"); return nil }, 1},
		{"list", func() error {
			for _, err := range st.List(t.Context(), "") {
				if err != nil {
					return err
				}
			}
			return nil
		}, 1},
		{"delete", func() error { return st.Delete(t.Context(), "k") }, 1},
	} {
		proxy.Seen()
		if err := tt.do(); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if seen, _ := proxy.Seen(); len(seen) != tt.want {
			t.Errorf("%s takes %d requests, want %d: %q", tt.name, len(seen), tt.want, seen)
		}
	}
}
