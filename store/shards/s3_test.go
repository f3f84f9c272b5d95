package shards_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/s3test"
	"github.com/imglish/imglish/store/shards"
)

// mixed are the columns that a mixer reads of pairs.
type mixed struct {
	ID      [16]byte `parquet:"id"`
	View    int32    `parquet:"view"`
	Encoded []byte   `parquet:"encoded"`
	Codes   []uint16 `parquet:"codes,list"`
	IDs     []int32  `parquet:"ids,list"`
}

// What a file of shards costs on S3, in requests and bytes: opening it, reading it through, and a row at random.
func TestRequestsOnS3(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st, err := store.Open(server.URL("set", proxy.Endpoint), store.WithEnv(server.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	f := shards.In(st)
	data, file := write(t, 500) // 1,000 views, 20 MB
	if err := f.Put(t.Context(), file, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	cost := func() (int, int64) {
		requests, answered := proxy.Seen()
		return len(requests), answered
	}
	cost()
	r, err := shards.OpenFile[mixed](t.Context(), f, file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, answered := cost()
	t.Logf("opening: %d requests, %d kB of %d", n, answered>>10, len(data)>>10)
	if n > 2 {
		t.Errorf("opening a file takes %d requests, want at most 2", n)
	}
	out := make([]mixed, 100)
	for at := 0; at+len(out) <= r.Len(); at += len(out) {
		if err := r.At(at, out); err != nil {
			t.Fatal(err)
		}
	}
	n, answered = cost()
	t.Logf("reading %d rows through: %d requests, %d kB of %d", r.Len(), n, answered>>10, len(data)>>10)
	if n > 150 || answered > 3*int64(len(data))/2 {
		t.Errorf("reading through takes %d requests and %d bytes of a file of %d, want at most 150 and half more than it has", n, answered, len(data))
	}
	const rows = 50
	draw := rand.New(rand.NewPCG(1, 2))
	for range rows {
		if err := r.At(draw.IntN(r.Len()), out[:1]); err != nil {
			t.Fatal(err)
		}
	}
	n, answered = cost()
	t.Logf("a row at random: %.1f requests, %d kB", float64(n)/rows, answered>>10/rows)
	if n > 8*rows || answered > 1<<20*rows {
		t.Errorf("%d rows at random take %d requests and %d bytes, want at most 8 requests and 1 MiB each", rows, n, answered)
	}
}

// A bit that flips on the way, in whatever range, is found by the pages' own CRC, or by the rows: never are other pixels,
// codes or ids taken for true.
func TestFlippedRangeOnS3(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st, err := store.Open(server.URL("set", proxy.Endpoint), store.WithEnv(server.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	f := shards.In(st)
	data, file := write(t, 60)
	if err := f.Put(t.Context(), file, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	want := make([]mixed, 2*60)
	whole, err := shards.OpenParquet[mixed]("whole", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := whole.At(0, want); err != nil {
		t.Fatal(err)
	}
	found := 0
	for at := 1; ; at++ {
		fired := proxy.At(at, s3test.Flip)
		r, err := shards.OpenFile[mixed](t.Context(), f, file)
		if err == nil {
			got := make([]mixed, len(want))
			if err = r.At(0, got); err == nil {
				for i := range got {
					if got[i].ID != want[i].ID || !bytes.Equal(got[i].Encoded, want[i].Encoded) {
						t.Fatalf("request %d flipped: row %d has other bytes and no error", at, i)
					}
				}
			}
			r.Close()
		}
		if !fired() {
			break
		}
		if err != nil {
			found++
			if !errors.Is(err, shards.ErrDamaged) {
				t.Errorf("request %d flipped: %v, want ErrDamaged", at, err)
			}
		}
	}
	if found == 0 {
		t.Error("no flipped bit was noticed")
	}
	t.Logf("%d flipped answers noticed", found)
	proxy.Inject(func(*http.Request) s3test.Fault { return nil })
	o, err := st.Open(t.Context(), file.Key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if got, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size())); err != nil || !bytes.Equal(got, data) {
		t.Errorf("read undisturbed: %d bytes, %v", len(got), err)
	}
}

// A server that goes away while shards are read and verified is said to be away: nothing is called damaged, and nobody is
// told to delete a commit.
func TestAwayIsNotDamaged(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st, err := store.Open(server.URL("set", proxy.Endpoint), store.WithEnv(server.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: line, Range: 8, Bytes: 1000}, visual, textual); err != nil {
		t.Fatal(err)
	}
	for lane := range 3 {
		commit(t, f, lane, 0, 7)
	}
	proxy.Seen()
	if _, err := f.Load(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	requests, _ := proxy.Seen()
	proxy.Inject(nil)
	if len(requests) > 3+5 { // a commit each; besides them the listing and whose the line is
		t.Errorf("loading 3 commits takes %d requests: %q", len(requests), requests)
	}
	for at := 1; ; at++ {
		// A refusal, since an outage is one only behind a minute of trying.
		n, hit := 0, false
		proxy.Inject(func(*http.Request) s3test.Fault {
			if n++; n >= at {
				hit = true
				return s3test.Answer(403, "AccessDenied")
			}
			return nil
		})
		report, err := f.Verify(t.Context(), nil)
		if !hit {
			if err != nil || len(report.Faults) != 0 {
				t.Errorf("undisturbed: %+v, %v", report, err)
			}
			return
		}
		var said *store.Error
		if err == nil || !errors.As(err, &said) || !said.Refused() || errors.Is(err, shards.ErrDamaged) {
			t.Fatalf("refused from request %d on: %+v, %v, want what the server says", at, report, err)
		}
	}
}
