package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/imglish/imglish/store"
)

// Run tests a kind of store. open returns an empty store at each call, for the test that it is given.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, st store.Store)
	}{
		{"RoundTrip", roundTrip},
		{"PutReplaces", putReplaces},
		{"FirstWins", firstWins},
		{"FirstOfManyWins", firstOfManyWins},
		{"NotFound", notFound},
		{"ListInKeyOrder", listInKeyOrder},
		{"ListStops", listStops},
		{"Delete", deleted},
		{"BadKeys", badKeys},
		{"FailingReaderLeavesNothing", failingReader},
		{"Cancelled", cancelled},
		{"ReadersSeeWholeObjects", wholeObjects},
		{"Blobs", blobs},
		{"LargeFromStream", largeFromStream},
		{"ReadsAnywhere", readsAnywhere},
		{"ManyKeys", manyKeys},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func roundTrip(t *testing.T, st store.Store) {
	for i, size := range []int{0, 1, 4095, 4096, 4097, 1 << 20} {
		key := fmt.Sprintf("some/folder/object-%d.bin", i)
		want := pattern(size, byte(i))
		info, err := st.Put(t.Context(), key, bytes.NewReader(want))
		if err != nil || info != (store.Info{Key: key, Size: int64(size)}) {
			t.Fatalf("Put(%s, %d bytes) = %v, %v", key, size, info, err)
		}
		expect(t, st, key, want)
		info, err = st.Stat(t.Context(), key)
		if age := time.Since(info.Modified); age < -time.Minute || age > time.Hour {
			t.Errorf("Stat says that it was written at %v", info.Modified)
		}
		if info.Modified = (time.Time{}); err != nil || info != (store.Info{Key: key, Size: int64(size)}) {
			t.Errorf("Stat(%s) = %v, %v, want %d bytes", key, info, err, size)
		}
		o, err := st.Open(t.Context(), key)
		if err != nil {
			t.Fatalf("Open(%s): %v", key, err)
		}
		if o.Size() != int64(size) {
			t.Errorf("Open(%s).Size() = %d, want %d", key, o.Size(), size)
		}
		if size > 4000 {
			got := make([]byte, 100)
			if n, err := o.ReadAt(got, 3900); n != 100 || err != nil || !bytes.Equal(got, want[3900:4000]) {
				t.Errorf("ReadAt(%s, 3900) = %d, %v, or other bytes", key, n, err)
			}
		}
		if n, err := o.ReadAt(make([]byte, 2), int64(size)-1); size > 0 && (n != 1 || err != io.EOF) {
			t.Errorf("ReadAt across the end of %s = %d, %v, want 1, EOF", key, n, err)
		}
		if err := o.Close(); err != nil {
			t.Errorf("Close(%s): %v", key, err)
		}
	}
}

func putReplaces(t *testing.T, st store.Store) {
	put(t, st, "k", []byte("old and long"))
	o, err := st.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	put(t, st, "k", []byte("new"))
	expect(t, st, "k", []byte("new"))
}

func firstWins(t *testing.T, st store.Store) {
	for i, want := range []bool{true, false, false} {
		created, err := st.PutIfAbsent(t.Context(), "commits/a.json", fmt.Appendf(nil, "writer %d", i))
		if err != nil || created != want {
			t.Fatalf("PutIfAbsent no. %d = %v, %v, want %v", i, created, err, want)
		}
	}
	expect(t, st, "commits/a.json", []byte("writer 0"))
	put(t, st, "commits/b.json", []byte("put"))
	if created, err := st.PutIfAbsent(t.Context(), "commits/b.json", []byte("x")); created || err != nil {
		t.Errorf("PutIfAbsent over an object that was Put = %v, %v, want false, nil", created, err)
	}
}

func firstOfManyWins(t *testing.T, st store.Store) {
	const rounds, writers = 20, 8
	for round := range rounds {
		key := fmt.Sprintf("race/%d", round)
		var won atomic.Int32
		winner := make([]byte, 1)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				created, err := st.PutIfAbsent(t.Context(), key, []byte{byte(w)})
				if err != nil {
					t.Errorf("PutIfAbsent: %v", err)
				}
				if created {
					won.Add(1)
					winner[0] = byte(w)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d of %d writers of %s won, want 1", won.Load(), writers, key)
		}
		expect(t, st, key, winner)
	}
}

func notFound(t *testing.T, st store.Store) {
	put(t, st, "a/file", nil)
	for _, key := range []string{"none", "a", "a/none", "a/b/c"} {
		if _, err := st.Get(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get(%s): %v, want ErrNotFound", key, err)
		}
		if _, err := st.Open(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Open(%s): %v, want ErrNotFound", key, err)
		}
		if _, err := st.Stat(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Stat(%s): %v, want ErrNotFound", key, err)
		}
	}
}

func listInKeyOrder(t *testing.T, st store.Store) {
	if got := list(t, st, ""); len(got) != 0 {
		t.Errorf("List of an empty store = %q", got)
	}
	keys := []string{"a/x", "a/y/1", "a/y-1", "a-b", "a0", "commits/lane000-0.json", "commits/lane001-0.json", "z"}
	for _, k := range keys {
		put(t, st, k, []byte(k))
	}
	for _, prefix := range []string{"", "a", "a/", "a/y", "a/y/", "commits/lane00", "commits/lane001-", "none/", "zz"} {
		var want []string
		for _, k := range keys {
			if strings.HasPrefix(k, prefix) {
				want = append(want, k)
			}
		}
		slices.Sort(want)
		if got := list(t, st, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %q, want %q", prefix, got, want)
		}
	}
}

func listStops(t *testing.T, st store.Store) {
	for i := range 5 {
		put(t, st, fmt.Sprintf("d%d/k", i), nil)
	}
	n := 0
	for _, err := range st.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("a list broken off behind 2 yielded %d", n)
	}
}

func deleted(t *testing.T, st store.Store) {
	put(t, st, "d/k", []byte("x"))
	for _, key := range []string{"d/k", "d/k", "never/was", "d/k/below"} {
		if err := st.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete(%s): %v", key, err)
		}
	}
	if _, err := st.Stat(t.Context(), "d/k"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Stat behind Delete: %v, want ErrNotFound", err)
	}
	if created, err := st.PutIfAbsent(t.Context(), "d/k", []byte("y")); !created || err != nil {
		t.Errorf("PutIfAbsent behind Delete = %v, %v, want true, nil", created, err)
	}
}

func badKeys(t *testing.T, st store.Store) {
	for _, key := range []string{"", "/", "/abs", "a/", "a//b", ".", "..", "../up", "a/../../up", "a/.", ".tmp/x", "a\\b",
		"nul\x00", "new\nline", "\xff", strings.Repeat("x", 256), strings.Repeat("x/", 600) + "x"} {
		if _, err := st.Put(t.Context(), key, strings.NewReader("x")); err == nil {
			t.Errorf("Put(%q) was taken", key)
		}
		if _, err := st.PutIfAbsent(t.Context(), key, []byte("x")); err == nil {
			t.Errorf("PutIfAbsent(%q) was taken", key)
		}
		if _, err := st.Get(t.Context(), key); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("Get(%q): %v, want a complaint about the key", key, err)
		}
		if err := st.Delete(t.Context(), key); err == nil {
			t.Errorf("Delete(%q) was taken", key)
		}
	}
	if got := list(t, st, ""); len(got) != 0 {
		t.Errorf("bad keys left %q", got)
	}
}

func failingReader(t *testing.T, st store.Store) {
	put(t, st, "k", []byte("old"))
	broken := errors.New("the source broke off")
	for _, key := range []string{"k", "fresh"} {
		_, err := st.Put(t.Context(), key, io.MultiReader(bytes.NewReader(pattern(100_000, 1)), failing{broken}))
		if !errors.Is(err, broken) {
			t.Errorf("Put(%s) from a failing reader: %v, want %v", key, err, broken)
		}
	}
	expect(t, st, "k", []byte("old"))
	if got := list(t, st, ""); !slices.Equal(got, []string{"k"}) {
		t.Errorf("a failed Put left %q, want only k", got)
	}
}

func cancelled(t *testing.T, st store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := st.Put(ctx, "k", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v, want context.Canceled", err)
	}
	if _, err := st.PutIfAbsent(ctx, "k", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("PutIfAbsent: %v, want context.Canceled", err)
	}
	if got := list(t, st, ""); len(got) != 0 {
		t.Errorf("cancelled writes left %q", got)
	}
}

// wholeObjects replaces an object over and over while others read it: each read is one of the versions, whole.
func wholeObjects(t *testing.T, st store.Store) {
	const size = 200_000
	put(t, st, "k", pattern(size, 0))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				got, err := st.Get(t.Context(), "k")
				if err != nil || len(got) != size || !bytes.Equal(got, pattern(size, got[0])) {
					t.Errorf("a reader saw %d bytes of mixed versions, or %v", len(got), err)
					return
				}
			}
		})
	}
	for i := range 20 {
		put(t, st, "k", pattern(size, byte(i)))
	}
	close(done)
	wg.Wait()
}

func blobs(t *testing.T, st store.Store) {
	data := pattern(10_000, 7)
	key, sum, err := store.PutBlob(t.Context(), st, data)
	if err != nil || key != store.BlobKey(sum) {
		t.Fatalf("PutBlob = %s, %x, %v", key, sum, err)
	}
	if again, _, err := store.PutBlob(t.Context(), st, data); again != key || err != nil {
		t.Errorf("PutBlob again = %s, %v, want %s", again, err, key)
	}
	if got, err := store.GetBlob(t.Context(), st, key); err != nil || !bytes.Equal(got, data) {
		t.Errorf("GetBlob = %d bytes, %v", len(got), err)
	}
	put(t, st, key, append(data[:9_999:9_999], 0xff))
	if _, err := store.GetBlob(t.Context(), st, key); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("GetBlob of a blob with a flipped byte: %v, want ErrDamaged", err)
	}
	if _, err := store.GetBlob(t.Context(), st, "commits/x.json"); err == nil {
		t.Error("GetBlob took a key that is no blob's")
	}
	if _, err := store.GetBlob(t.Context(), st, store.BlobKey([32]byte{1})); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("GetBlob of an absent blob: %v, want ErrNotFound", err)
	}
}

// largeFromStream puts objects of a size that nobody has said before, larger than what a store takes at once.
func largeFromStream(t *testing.T, st store.Store) {
	for _, size := range []int{16 << 20, 33<<20 + 5} { // one part of the default size and nothing behind it; three
		want := pattern(size, 3)
		sum := sha256.Sum256(want)
		info, err := st.Put(t.Context(), "large", iotest.HalfReader(bytes.NewReader(want)))
		if err != nil || info.Size != int64(size) {
			t.Fatalf("Put(%d bytes) = %v, %v", size, info, err)
		}
		o, err := st.Open(t.Context(), "large")
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		if n, err := io.Copy(h, io.NewSectionReader(o, 0, o.Size())); n != int64(size) || err != nil || !bytes.Equal(h.Sum(nil), sum[:]) {
			t.Errorf("read through: %d bytes of %d, %v, or other bytes", n, size, err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
		expect(t, st, "large", want)
	}
	for _, broken := range []error{errors.New("the source broke off"), io.ErrUnexpectedEOF} {
		_, err := st.Put(t.Context(), "torn", io.MultiReader(bytes.NewReader(pattern(40<<20, 1)), failing{broken}))
		if !errors.Is(err, broken) {
			t.Errorf("Put from a source that breaks off behind 40 MiB: %v, want %v", err, broken)
		}
	}
	if got := list(t, st, ""); !slices.Equal(got, []string{"large"}) {
		t.Errorf("a Put that broke off left %q, want only large", got)
	}
}

// readsAnywhere compares reads at random places, and those that go on behind one another, with the bytes put.
func readsAnywhere(t *testing.T, st store.Store) {
	const size = 3<<20 + 17
	want := make([]byte, size)
	r := rand.New(rand.NewPCG(7, 8))
	for i := range want {
		want[i] = byte(r.Uint32())
	}
	put(t, st, "k", want)
	o, err := st.Open(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	columns := []int{0, 500_000, 1_000_000, 1_500_000, 2_000_000, 2_500_000}
	var wg sync.WaitGroup
	for worker := range 3 { // an Object is an io.ReaderAt: several may read at once
		wg.Go(func() {
			r := rand.New(rand.NewPCG(9, uint64(worker)))
			at := slices.Clone(columns)
			for i := range 400 {
				off, n := r.IntN(size), r.IntN(70_000)
				if i%2 == 0 {
					c := r.IntN(len(at))
					off, n = at[c], r.IntN(9000)
					at[c] += n
				}
				got := make([]byte, n)
				k, err := o.ReadAt(got, int64(off))
				wantN := min(n, size-off)
				if k != wantN || !bytes.Equal(got[:k], want[off:off+wantN]) || (wantN < n) != (err == io.EOF) || err != nil && err != io.EOF {
					t.Errorf("ReadAt(%d bytes, %d) = %d, %v, want the %d bytes put", n, off, k, err, wantN)
					return
				}
			}
		})
	}
	wg.Wait()
	if _, err := o.ReadAt(make([]byte, 1), -1); err == nil || err == io.EOF {
		t.Errorf("ReadAt(-1): %v, want an error", err)
	}
	if n, err := o.ReadAt(make([]byte, 1), size); n != 0 || err != io.EOF {
		t.Errorf("ReadAt behind the end = %d, %v, want 0, EOF", n, err)
	}
}

// manyKeys lists more than a server gives at once.
func manyKeys(t *testing.T, st store.Store) {
	const n = 2100
	want := make([]string, n)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				want[i] = fmt.Sprintf("commits/lane%03d-%04d.json", i/700, i)
				if _, err := st.Put(t.Context(), want[i], strings.NewReader("x")); err != nil {
					t.Errorf("Put(%s): %v", want[i], err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := list(t, st, "commits/"); !slices.Equal(got, want) {
		t.Errorf("List yields %d keys, want %d in order", len(got), n)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// pattern makes bytes that begin with first and that no other first shares.
func pattern(size int, first byte) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = first + byte(i%251)
	}
	return b
}

func put(t *testing.T, st store.Store, key string, data []byte) {
	t.Helper()
	if _, err := st.Put(t.Context(), key, bytes.NewReader(data)); err != nil {
		t.Fatalf("Put(%s): %v", key, err)
	}
}

func expect(t *testing.T, st store.Store, key string, want []byte) {
	t.Helper()
	got, err := st.Get(t.Context(), key)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("Get(%s) = %d bytes, %v, want the %d bytes put", key, len(got), err, len(want))
	}
}

func list(t *testing.T, st store.Store, prefix string) (keys []string) {
	t.Helper()
	for info, err := range st.List(t.Context(), prefix) {
		if err != nil {
			t.Fatalf("List(%q): %v", prefix, err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}
