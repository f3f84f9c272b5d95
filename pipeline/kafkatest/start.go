package kafkatest

import (
	"os"
	"sync"
	"testing"
)

// Start starts a cluster that ends with the test. Without Java or the jars the test is skipped. The brokers' logs are
// shown when the test fails.
func Start(t testing.TB, opts Options) *Cluster {
	t.Helper()
	need(t)
	c, err := New(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for i := range c.nodes {
				t.Logf("broker %d:\n%s", i, c.Log(i))
			}
		}
		c.Close()
	})
	return c
}

// need skips a test that cannot have a broker.
func need(t testing.TB) {
	t.Helper()
	if err := Missing(); err != nil {
		t.Skip(err)
	}
}

var shared struct {
	sync.Mutex
	dir     string
	cluster *Cluster
}

// Shared returns the one broker of this test binary, with default options. Topics must have names of their own, and
// nobody stops it. TestMain calls CloseShared.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	need(t)
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		dir, err := os.MkdirTemp("", "imglish-kafka-")
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(dir, Options{})
		if err != nil {
			os.RemoveAll(dir)
			t.Fatal(err)
		}
		shared.dir, shared.cluster = dir, c
	}
	return shared.cluster
}

// CloseShared ends the shared broker, if it was started, and removes its data.
func CloseShared() {
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster != nil {
		shared.cluster.Close()
		os.RemoveAll(shared.dir)
		shared.cluster = nil
	}
}
