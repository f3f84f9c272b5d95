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
