package store_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/s3test"
)

const smallParts = "&part_mb=5"

// quick tries again soon. Only what is to stall runs against a short limit for that: on a busy machine much does.
var (
	quick     = store.WithRetry(5*time.Millisecond, 50*time.Millisecond, 5*time.Minute, time.Minute)
	impatient = store.WithRetry(5*time.Millisecond, 50*time.Millisecond, 5*time.Minute, 700*time.Millisecond)
)

func random(size int, seed uint64) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed)})
	r.Read(b)
	return b
}

// Every request of every operation meets every fault once, in front of a real server: the operation succeeds, what is
// there then is whole, and of two attempts to create one the caller is told the truth about which was first.
func TestS3FaultAtEveryRequest(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	small, large := random(150<<10, 1), random(11<<20, 2)
	type fault struct {
		name  string
		fault s3test.Fault
		retry store.Option
	}
	faults := []fault{
		{"cut upload", s3test.CutUpload, quick}, {"lose answer", s3test.LoseAnswer, quick}, {"half answer", s3test.HalfAnswer, quick},
		{"slow down", s3test.Answer(503, "SlowDown"), quick}, {"internal error", s3test.Answer(500, "InternalError"), quick},
		{"flip upload", s3test.FlipUpload, quick},
	}
	if !testing.Short() {
		faults = append(faults, fault{"stall", s3test.Stall, impatient})
	}
	const several = "several/"
	for _, op := range []struct {
		name  string
		setup func(st store.Store, key string) error
		do    func(st store.Store, key string) error
		want  []byte // of the object afterwards; nil for none
	}{
		{"put", nil, func(st store.Store, key string) error {
			_, err := st.Put(t.Context(), key, bytes.NewReader(small))
			return err
		}, small},
		{"put in parts", nil, func(st store.Store, key string) error {
			_, err := st.Put(t.Context(), key, bytes.NewReader(large))
			return err
		}, large},
		{"create", nil, func(st store.Store, key string) error {
			created, err := st.PutIfAbsent(t.Context(), key, small)
			if err == nil && !created {
				err = errors.New("says that another was first")
			}
			return err
		}, small},
		{"create again", func(st store.Store, key string) error { return errOf(st.PutIfAbsent(t.Context(), key, small)) },
			func(st store.Store, key string) error {
				// The same bytes: only the mark tells the two writes apart.
				created, err := st.PutIfAbsent(t.Context(), key, small)
				if err == nil && created {
					err = errors.New("says that it was first")
				}
				return err
			}, small},
		{"get", func(st store.Store, key string) error { return errOf(st.PutIfAbsent(t.Context(), key, small)) },
			func(st store.Store, key string) error {
				got, err := st.Get(t.Context(), key)
				if err == nil && !bytes.Equal(got, small) {
					err = errors.New("other bytes")
				}
				return err
			}, small},
		{"read through", func(st store.Store, key string) error {
			return errOf(st.Put(t.Context(), key, bytes.NewReader(large)))
		}, func(st store.Store, key string) error {
			o, err := st.Open(t.Context(), key)
			if err != nil {
				return err
			}
			defer o.Close()
			h := sha256.New()
			if _, err := io.Copy(h, io.NewSectionReader(o, 0, o.Size())); err != nil {
				return err
			}
			if want := sha256.Sum256(large); !bytes.Equal(h.Sum(nil), want[:]) {
				return errors.New("other bytes")
			}
			return nil
		}, large},
		{"stat", func(st store.Store, key string) error { return errOf(st.PutIfAbsent(t.Context(), key, small)) },
			func(st store.Store, key string) error {
				info, err := st.Stat(t.Context(), key)
				if err == nil && info.Size != int64(len(small)) {
					err = fmt.Errorf("%d bytes", info.Size)
				}
				return err
			}, small},
		{"list", func(st store.Store, key string) error {
			for i := range 3 {
				if err := errOf(st.PutIfAbsent(t.Context(), fmt.Sprint(several, i), nil)); err != nil {
					return err
				}
			}
			return nil
		}, func(st store.Store, key string) error {
			var keys []string
			for info, err := range st.List(t.Context(), several) {
				if err != nil {
					return err
				}
				keys = append(keys, info.Key)
			}
			if !slices.Equal(keys, []string{several + "0", several + "1", several + "2"}) {
				return fmt.Errorf("keys %q", keys)
			}
			return nil
		}, nil},
		{"delete", func(st store.Store, key string) error { return errOf(st.PutIfAbsent(t.Context(), key, small)) },
			func(st store.Store, key string) error { return st.Delete(t.Context(), key) }, nil},
	} {
		for _, f := range faults {
			t.Run(op.name+"/"+f.name, func(t *testing.T) {
				calm := openS3(t, server.URL("p", ""), server)
				for at := 1; ; at++ {
					key := strings.ReplaceAll(fmt.Sprintf("%s/%s/%d", op.name, f.name, at), " ", "-")
					if op.setup != nil {
						if err := op.setup(calm, key); err != nil {
							t.Fatal(err)
						}
					}
					st := openS3(t, server.URL("p", proxy.Endpoint)+smallParts, server, f.retry)
					fired := proxy.At(at, f.fault)
					err := op.do(st, key)
					hit := fired()
					proxy.Inject(nil)
					if err != nil {
						t.Fatalf("fault at request %d: %v", at, err)
					}
					got, err := calm.Get(t.Context(), key)
					if op.want == nil && !errors.Is(err, store.ErrNotFound) || op.want != nil && !bytes.Equal(got, op.want) {
						t.Fatalf("fault at request %d leaves %d bytes, %v", at, len(got), err)
					}
					if !hit {
						if at == 1 {
							t.Fatal("no request went through the proxy")
						}
						break
					}
					if at > 50 {
						t.Fatal("the operation makes more and more requests")
					}
				}
			})
		}
	}
	if left := server.Uploads(); len(left) > 0 {
		// An answer to the beginning of an upload that is lost leaves one that nobody knows: gc finds it.
		t.Logf("unfinished uploads: %q", left)
	}
}

func errOf[T any](_ T, err error) error { return err }

// Of many writers of one key, each through a line that loses answers, exactly one is told that it was first, and it is
// the one whose bytes are there.
func TestS3FirstWinsThroughFaults(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	r := rand.New(rand.NewPCG(3, 4))
	hurt := 0
	proxy.Inject(func(req *http.Request) s3test.Fault { // called under the proxy's lock
		if req.Method != http.MethodPut {
			return nil
		}
		switch f := r.IntN(10); {
		case f < 4:
			hurt++
			return s3test.LoseAnswer
		case f == 4:
			hurt++
			return s3test.Answer(500, "InternalError")
		}
		return nil
	})
	const rounds, writers = 15, 6
	for round := range rounds {
		key := fmt.Sprintf("commits/%d.json", round)
		var winners atomic.Int32
		won := make([]byte, 1)
		var wg sync.WaitGroup
		for w := range writers {
			st := openS3(t, server.URL("p", proxy.Endpoint), server, quick)
			wg.Go(func() {
				created, err := st.PutIfAbsent(t.Context(), key, []byte{byte(w)})
				if err != nil {
					t.Errorf("PutIfAbsent: %v", err)
				}
				if created {
					winners.Add(1)
					won[0] = byte(w)
				}
			})
		}
		wg.Wait()
		got, err := openS3(t, server.URL("p", ""), server).Get(t.Context(), key)
		if winners.Load() != 1 || err != nil || !bytes.Equal(got, won) {
			t.Errorf("round %d: %d winners, the last of them wrote %v, %v stands (%v)", round, winners.Load(), won, got, err)
		}
	}
	if hurt < rounds {
		t.Errorf("only %d requests were hurt", hurt)
	}
}

// A flipped bit on the way is found and read again; one that is always there is reported.
func TestS3FlippedBits(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st := openS3(t, server.URL("p", proxy.Endpoint)+smallParts, server, quick)
	want := map[string][]byte{"small": random(150<<10, 1), "large": random(11<<20, 2)} // one request; three parts
	for key, data := range want {
		if _, err := st.Put(t.Context(), key, bytes.NewReader(data)); err != nil {
			t.Fatal(err)
		}
		fired := proxy.At(1, s3test.Flip)
		if got, err := st.Get(t.Context(), key); err != nil || !bytes.Equal(got, data) || !fired() {
			t.Errorf("%s with one bit flipped once: %d bytes, %v, or other ones", key, len(got), err)
		}
		proxy.Inject(func(*http.Request) s3test.Fault { return s3test.Flip })
		if _, err := st.Get(t.Context(), key); !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), key) {
			t.Errorf("%s with one bit flipped each time: %v, want ErrDamaged", key, err)
		}
		proxy.Inject(nil)
	}
}

// A server without room is an error that says so, at once; nothing of the object is there.
func TestS3Full(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st := openS3(t, server.URL("p", proxy.Endpoint)+smallParts, server)
	put(t, st, "before", "x")
	proxy.Inject(func(r *http.Request) s3test.Fault {
		if r.Method == http.MethodPut {
			return s3test.Answer(507, "InsufficientStorage")
		}
		return nil
	})
	for _, size := range []int{100, 11 << 20} {
		_, err := st.Put(t.Context(), "k", bytes.NewReader(random(size, 1)))
		var said *store.Error
		if !errors.As(err, &said) || !said.Refused() || !strings.Contains(said.Hint(), "make room") {
			t.Errorf("Put of %d bytes: %v, want one that says that the server is full", size, err)
		}
	}
	if _, err := st.Stat(t.Context(), "k"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Stat of what could not be written: %v, want ErrNotFound", err)
	}
	if left := server.Uploads(); len(left) > 0 {
		t.Errorf("uploads that failed are still there: %q", left)
	}
}

// A server that does not know If-None-Match would let two writers win: it is refused at the first write.
func TestS3WithoutConditions(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	proxy.Inject(func(r *http.Request) s3test.Fault {
		if r.Header.Get("If-None-Match") != "" {
			return s3test.Answer(200, "") // as if it had overwritten
		}
		return nil
	})
	st := openS3(t, server.URL("p", proxy.Endpoint), server, quick)
	_, err := st.PutIfAbsent(t.Context(), "k", []byte("x"))
	var said *store.Error
	if !errors.As(err, &said) || !said.Refused() || !strings.Contains(err.Error(), "If-None-Match") || said.Hint() == "" {
		t.Errorf("PutIfAbsent: %v, want a refusal of a server that overwrites", err)
	}
	if _, err := openS3(t, server.URL("p", ""), server).Stat(t.Context(), "k"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the object was written all the same: %v", err)
	}
}
