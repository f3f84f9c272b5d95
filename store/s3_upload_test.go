package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/s3test"
)

// zeros is an endless stream.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

const uploadWhere = "IMGLISH_TEST_UPLOAD_TO"

// TestMain: with the variable set, the test binary is a program that uploads without end, to be killed.
func TestMain(m *testing.M) {
	if where := os.Getenv(uploadWhere); where != "" {
		st, err := store.Open(where, store.WithEnv(os.Getenv))
		if err == nil {
			_, err = st.Put(context.Background(), "image/endless", zeros{})
		}
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// A process that is killed in the middle of an upload leaves nothing that a reader sees; the parts are found and can be
// removed.
func TestS3KilledUpload(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	parts := make(chan struct{}, 1000)
	proxy.Inject(func(r *http.Request) s3test.Fault {
		if r.URL.Query().Has("partNumber") {
			select {
			case parts <- struct{}{}:
			default:
			}
		}
		return nil
	})
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(server.Environ(), uploadWhere+"="+server.URL("p", proxy.Endpoint)+smallParts)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 6; n++ {
		select {
		case <-parts:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			t.Fatal("the process uploads nothing")
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	st := openS3(t, server.URL("p", ""), server)
	if _, err := st.Stat(t.Context(), "image/endless"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Stat of what was never finished: %v, want ErrNotFound", err)
	}
	for info := range st.List(t.Context(), "") {
		t.Errorf("List shows %v", info)
	}
	s3 := st.(*store.S3)
	left, err := s3.Remains(t.Context())
	if err != nil || len(left) != 1 || left[0].Key != "image/endless" || left[0].Bytes < 5<<20 || time.Since(left[0].Since).Abs() > time.Hour {
		t.Fatalf("Remains = %+v, %v, want one upload with parts", left, err)
	}
	if err := s3.Clear(t.Context(), left[0]); err != nil {
		t.Fatal(err)
	}
	if left, err = s3.Remains(t.Context()); len(left) != 0 || err != nil {
		t.Errorf("behind Clear: %v, %v", left, err)
	}
}

// An object of unknown size takes a few parts of memory, whatever its size.
func TestS3UploadMemory(t *testing.T) {
	server := s3test.Start(t)
	st := openS3(t, server.URL("p", "")+smallParts, server)
	const size = 300 << 20
	done := make(chan error, 1)
	go func() {
		info, err := st.Put(t.Context(), "large", io.LimitReader(zeros{}, size))
		if err == nil && info.Size != size {
			err = errors.New("another size")
		}
		done <- err
	}()
	var most uint64
	runtime.GC()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		case <-time.After(20 * time.Millisecond):
		}
		// What is alive, whenever the collector would have run by itself.
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
	}
	// Four parts of 5 MiB are live, and buffers that grow are twice as large at times.
	if limit := uint64(80 << 20); most > limit {
		t.Errorf("the heap had %d MiB, want at most %d", most>>20, limit>>20)
	}
	t.Logf("%d MiB uploaded, heap at most %d MiB", size>>20, most>>20)
	if info, err := st.Stat(t.Context(), "large"); err != nil || info.Size != size {
		t.Errorf("Stat = %v, %v", info, err)
	}
}

// An upload that fails half way, and one whose caller gives up, are taken back.
func TestS3FailedUploadIsTakenBack(t *testing.T) {
	server := s3test.Start(t)
	proxy := server.Proxy(t)
	st := openS3(t, server.URL("p", proxy.Endpoint)+smallParts, server)
	n := 0
	proxy.Inject(func(r *http.Request) s3test.Fault {
		if r.URL.Query().Has("partNumber") {
			if n++; n == 2 {
				return s3test.Answer(403, "AccessDenied")
			}
		}
		return nil
	})
	_, err := st.Put(t.Context(), "k", bytes.NewReader(random(40<<20, 1)))
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("Put: %v, want AccessDenied", err)
	}
	if left := server.Uploads(); len(left) != 0 {
		t.Errorf("left %q", left)
	}
	if _, err := st.Stat(t.Context(), "k"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Stat: %v, want ErrNotFound", err)
	}
}
