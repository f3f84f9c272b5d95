package metrics_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/storetest"
)

// A counted store is a store.
func TestStorageIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		st, err := store.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return metrics.NewStorage().Wrap(st)
	})
}

func TestStorageCounts(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	storage := metrics.NewStorage()
	st = storage.Wrap(st)
	ctx := t.Context()
	check := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	check(st.Put(ctx, "a/one", bytes.NewReader(make([]byte, 100))))
	check(st.PutIfAbsent(ctx, "a/two", make([]byte, 30)))
	check(st.PutIfAbsent(ctx, "a/two", make([]byte, 30))) // comes too late: nothing is written
	check(st.Get(ctx, "a/one"))
	if _, err := st.Get(ctx, "a/none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Get of nothing: %v", err)
	}
	o, err := st.Open(ctx, "a/one")
	if err != nil {
		t.Fatal(err)
	}
	check(o.ReadAt(make([]byte, 7), 90))
	o.ReadAt(make([]byte, 50), 90) // to the end: io.EOF is no failure
	o.Close()
	for _, err := range st.List(ctx, "a/") {
		check(nil, err)
	}
	if _, err := st.Put(ctx, "../escape", bytes.NewReader(nil)); err == nil {
		t.Error("a bad key is no error")
	}
	base := serve(t, metrics.Config{Collectors: []prometheus.Collector{storage}, Live: fine, Ready: fine})
	f := scrape(t, base)
	for _, tt := range []struct {
		operation            string
		count, bytes, errors float64
	}{
		{"put", 2, 100, 1}, {"put_if_absent", 2, 30, 0}, {"get", 2, 100, 0}, {"open", 1, 0, 0}, {"read", 2, 17, 0},
		{"list", 1, 0, 0}, {"stat", 0, 0, 0}, {"delete", 0, 0, 0},
	} {
		at := "operation=" + tt.operation
		if n := sample(t, f, "imglish_store_operation_seconds", at); n != tt.count {
			t.Errorf("%s: %v operations, want %v", tt.operation, n, tt.count)
		}
		if n := sample(t, f, "imglish_store_bytes_total", at); n != tt.bytes {
			t.Errorf("%s: %v bytes, want %v", tt.operation, n, tt.bytes)
		}
		if n := sample(t, f, "imglish_store_errors_total", at); n != tt.errors {
			t.Errorf("%s: %v errors, want %v", tt.operation, n, tt.errors)
		}
	}
}
