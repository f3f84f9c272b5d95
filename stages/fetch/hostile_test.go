package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pipeline/stagetest"
	"github.com/imglish/imglish/store"
)

// jpeg begins like one, which is all that fetch looks at.
func jpeg(n int) []byte { return append([]byte("\xff\xd8\xff\xe0"), bytes.Repeat([]byte{7}, n-4)...) }

// web is a server of everything that goes wrong.
type web struct {
	*httptest.Server
	hits  atomic.Int64
	busy  atomic.Int64 // requests under way
	most  atomic.Int64 // highest busy
	turns sync.Map     // path → *atomic.Int64
}

func (w *web) turn(path string) int64 {
	n, _ := w.turns.LoadOrStore(path, new(atomic.Int64))
	return n.(*atomic.Int64).Add(1)
}

func newWeb(t testing.TB) *web {
	t.Helper()
	w := &web{}
	w.Server = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.Close)
	return w
}

func (w *web) serve(rw http.ResponseWriter, r *http.Request) {
	w.hits.Add(1)
	n := w.busy.Add(1)
	defer w.busy.Add(-1)
	for old := w.most.Load(); n > old && !w.most.CompareAndSwap(old, n); old = w.most.Load() {
	}
	path, arg, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch path {
	case "ok":
		rw.Write(jpeg(5000))
	case "slowly":
		time.Sleep(20 * time.Millisecond)
		rw.Write(jpeg(100))
	case "status":
		var code int
		fmt.Sscan(arg, &code)
		rw.WriteHeader(code)
	case "page":
		io.WriteString(rw, "<!DOCTYPE html><html><body>404, sorry")
	case "svg":
		io.WriteString(rw, `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`)
	case "avif":
		io.WriteString(rw, "\x00\x00\x00\x20ftypavif\x00\x00\x00\x00")
	case "nothing":
	case "large":
		rw.Header().Set("Content-Length", "999999999")
		rw.Write(jpeg(100))
	case "endless":
		rw.Write(jpeg(100))
		for r.Context().Err() == nil {
			if _, err := rw.Write(bytes.Repeat([]byte{1}, 32<<10)); err != nil {
				return
			}
		}
	case "short": // promises more than it sends
		rw.Header().Set("Content-Length", "5000")
		rw.Write(jpeg(1000))
	case "drip": // a byte now and then
		rw.Write(jpeg(100))
		for r.Context().Err() == nil {
			rw.Write([]byte{1})
			rw.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	case "silent":
		<-r.Context().Done()
	case "hangup":
		c, _, _ := rw.(http.Hijacker).Hijack()
		c.Close()
	case "nonsense":
		c, _, _ := rw.(http.Hijacker).Hijack()
		io.WriteString(c, "I am no HTTP server\r\n\r\n")
		c.Close()
	case "headers":
		for i := range 5000 {
			rw.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 100))
		}
		rw.Write(jpeg(100))
	case "gzip": // a bomb, if it were unfolded
		rw.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(rw)
		z.Write(bytes.Repeat([]byte{0}, 1<<20))
		z.Close()
	case "loop":
		http.Redirect(rw, r, "/loop2", http.StatusFound)
	case "loop2":
		http.Redirect(rw, r, "/loop", http.StatusMovedPermanently)
	case "self":
		http.Redirect(rw, r, "/self", http.StatusFound)
	case "hops":
		var n int
		fmt.Sscan(arg, &n)
		if n == 0 {
			rw.Write(jpeg(300))
			return
		}
		rw.Header().Set("Location", fmt.Sprintf("../hops/%d", n-1))
		rw.WriteHeader(http.StatusTemporaryRedirect)
	case "to":
		target, _ := url.QueryUnescape(r.URL.RawQuery)
		rw.Header().Set("Location", target)
		rw.WriteHeader(http.StatusFound)
	case "optout":
		rw.Header().Add("X-Robots-Tag", r.URL.Query().Get("tag"))
		rw.Write(jpeg(100))
	case "tdm":
		rw.Header().Set("TDM-Reservation", "1")
		rw.Write(jpeg(100))
	case "later": // well the second time
		if w.turn(r.URL.Path) == 1 {
			rw.Header().Set("Retry-After", "1")
			rw.WriteHeader(http.StatusTooManyRequests)
			return
		}
		rw.Write(jpeg(200))
	case "muchlater":
		rw.Header().Set("Retry-After", "500")
		rw.WriteHeader(http.StatusServiceUnavailable)
	case "changing":
		rw.Write(append(jpeg(100), fmt.Sprint(w.turn(r.URL.Path))...))
	default:
		rw.WriteHeader(http.StatusNotFound)
	}
}

// allow is the entry by which a test server may be reached.
func allow(s *httptest.Server) string {
	return strings.Replace(strings.TrimPrefix(strings.TrimPrefix(s.URL, "http://"), "https://"), ":", "/32:", 1)
}

func testConfig(servers ...*httptest.Server) Config {
	cfg := Defaults()
	for _, s := range servers {
		cfg.AllowPrivate = append(cfg.AllowPrivate, allow(s))
	}
	cfg.MaxBytes = 100 << 10
	cfg.Timeout, cfg.HeaderTimeout = 5*time.Minute, 5*time.Minute // what answers is never late, however busy the machine
	return cfg
}

func newStore(t testing.TB) store.Store {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func stage(t testing.TB, cfg Config, st store.Store, r *net.Resolver) *Fetcher {
	t.Helper()
	f, err := newFetcher(cfg, st, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func pair(url string) *pipeline.Sample {
	return &pipeline.Sample{
		Id:     pipeline.SampleID("test", url, ""),
		Kind:   pipeline.Kind_PAIR,
		Source: &pipeline.Origin{Dataset: "test", Key: url, Url: url},
		Image:  &pipeline.Image{},
		Parts:  []*pipeline.Part{{Text: "a caption"}},
	}
}

// get fetches one URL and names what came of it: "ok", or the reason with * if it may pass.
func get(t testing.TB, f *Fetcher, url string) string {
	t.Helper()
	out, err := f.Process(t.Context(), []*pipeline.Sample{pair(url)})
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return outcome(out[0])
}

func outcome(r pipeline.Result) string {
	switch {
	case r.Skip == nil && r.Sample.Image.Blob != "" && len(r.Sample.Image.Sha256) == 32:
		return "ok"
	case r.Skip == nil:
		return "kept without bytes"
	case r.Skip.Retryable:
		return r.Skip.Reason + "*"
	}
	return r.Skip.Reason
}

func TestHostileWeb(t *testing.T) {
	w := newWeb(t)
	private := newWeb(t) // on loopback, and not allowed
	secure := httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	closed := &httptest.Server{URL: "http://" + refusing(t)}
	cfg := testConfig(w.Server, secure, closed)
	f := stage(t, cfg, newStore(t), nil)
	cfg.Timeout = time.Second
	hasty := stage(t, cfg, newStore(t), nil)
	to := func(target string) string { return w.URL + "/to?" + url.QueryEscape(target) }
	for _, tt := range []struct{ name, url, want string }{
		{"an image", w.URL + "/ok", "ok"},
		{"upper case", strings.Replace(w.URL, "http", "HTTP", 1) + "/ok", "ok"},
		{"spaces around and inside", "  " + w.URL + "/ok/a b.jpg\t", "ok"},
		{"five redirects", w.URL + "/hops/5", "ok"},
		{"six redirects", w.URL + "/hops/6", "too-many-redirects"},
		{"a redirect loop", w.URL + "/loop", "redirect-loop"},
		{"a redirect to itself", w.URL + "/self", "redirect-loop"},
		{"a redirect nowhere", w.URL + "/to?", "bad-redirect"},
		{"a redirect to a file", to("file:///etc/passwd"), "bad-scheme"},
		{"a redirect to a private server", to(private.URL + "/ok"), "private-address"},
		{"a redirect to metadata", to("http://169.254.169.254/latest"), "private-address"},
		{"a redirect with a user", to("http://user:password@" + strings.TrimPrefix(w.URL, "http://") + "/ok"), "bad-url"},

		{"a private server", private.URL + "/ok", "private-address"},
		{"a private server by name", strings.Replace(private.URL, "127.0.0.1", "localhost", 1) + "/ok", "private-address"},
		{"a private server, mapped", strings.Replace(private.URL, "127.0.0.1", "[::ffff:127.0.0.1]", 1) + "/ok", "private-address"},
		{"metadata", "http://169.254.169.254/latest/meta-data/", "private-address"},
		{"everywhere", "http://0.0.0.0/", "private-address"},
		{"a private network", "http://192.168.0.1/x.jpg", "private-address"},
		{"a mail server", "http://8.8.8.8:25/x.jpg", "bad-port"},

		{"no URL", "", "bad-url"},
		{"no scheme", "example.org/x.jpg", "bad-url"},
		{"no host", "http:///x.jpg", "bad-url"},
		{"an opaque one", "http:x.jpg", "bad-url"},
		{"a bad escape", "http://example.org/%zz", "bad-url"},
		{"a bad port", "http://example.org:99999/", "bad-url"},
		{"a newline in it", "http://example.org/\r\nHost: x", "bad-url"},
		{"a long one", "http://example.org/" + strings.Repeat("x", maxURL), "bad-url"},
		{"a file", "file:///etc/passwd", "bad-scheme"},
		{"data", "data:image/png;base64,AAAA", "bad-scheme"},
		{"ftp", "ftp://example.org/x.jpg", "bad-scheme"},

		{"not found", w.URL + "/missing", "http-404"},
		{"gone", w.URL + "/status/410", "http-410"},
		{"forbidden", w.URL + "/status/403", "http-403"},
		{"no content", w.URL + "/status/204", "http-204"},
		{"broken", w.URL + "/status/500", "http-500*"},
		{"never", w.URL + "/status/501", "http-501"},
		{"busy", w.URL + "/status/429", "http-429*"},
		{"refused", closed.URL + "/ok", "refused*"},
		{"hangs up", w.URL + "/hangup", "truncated*"},
		{"no HTTP", w.URL + "/nonsense", "bad-response"},
		{"endless headers", w.URL + "/headers", "bad-response"},
		{"a bad certificate", secure.URL + "/ok", "tls"},
		{"TLS to a plain server", strings.Replace(w.URL, "http", "https", 1) + "/ok", "tls"},
		{"plain to a TLS server", strings.Replace(secure.URL, "https", "http", 1) + "/ok", "http-400"},

		{"a page", w.URL + "/page", "not-an-image"},
		{"a drawing", w.URL + "/svg", "not-an-image"},
		{"compressed", w.URL + "/gzip", "not-an-image"},
		{"another format", w.URL + "/avif", "unsupported-format"},
		{"nothing", w.URL + "/nothing", "empty"},
		{"a large length", w.URL + "/large", "too-many-bytes"},
		{"an endless body", w.URL + "/endless", "too-many-bytes"},
		{"a broken body", w.URL + "/short", "truncated*"},
		{"a slow body", w.URL + "/drip", "timeout*"},
		{"no answer", w.URL + "/silent", "timeout*"},

		{"noai", w.URL + "/optout?tag=noai", "opt-out"},
		{"several words", w.URL + "/optout?tag=nofollow,%20NoIndex", "opt-out"},
		{"for another robot", w.URL + "/optout?tag=otherbot:%20noindex,%20noai", "ok"},
		{"for this robot", w.URL + "/optout?tag=imglish:%20noai", "opt-out"},
		{"for all", w.URL + "/optout?tag=*:%20noai", "opt-out"},
		{"other words", w.URL + "/optout?tag=nofollow,%20max-image-preview:large", "ok"},
		{"behind a word with a value", w.URL + "/optout?tag=max-image-preview:large,%20noai", "opt-out"},
		{"reserved for miners", w.URL + "/tdm", "opt-out"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			by := f
			if tt.want == "timeout*" {
				by = hasty
			}
			if got := get(t, by, tt.url); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.url, got, tt.want)
			}
		})
	}
	t.Cleanup(func() {
		if n := private.hits.Load(); n != 0 {
			t.Errorf("the private server got %d requests", n)
		}
	})
}

// refusing is an address whose port is taken and that nobody listens on.
func refusing(t *testing.T) string {
	t.Helper()
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(s) })
	if err := syscall.Bind(s, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(s)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", at.(*syscall.SockaddrInet4).Port)
}

// resolver answers every name from a function; it is a DNS server on loopback.
func resolver(t *testing.T, answer func(name string, asked dnsmessage.Type) ([4]byte, dnsmessage.RCode)) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			ip, code := answer(strings.TrimSuffix(q.Name.String(), "."), q.Type)
			if m.RCode = code; code == dnsmessage.RCodeSuccess && q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body:   &dnsmessage.AResource{A: ip},
				}}
			}
			if out, err := m.Pack(); err == nil {
				pc.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func TestNamesAreCheckedWhenTheyAreDialled(t *testing.T) {
	var asked atomic.Int64
	r := resolver(t, func(name string, kind dnsmessage.Type) ([4]byte, dnsmessage.RCode) {
		switch {
		case strings.HasPrefix(name, "rebind"): // harmless when it is looked at first
			if kind != dnsmessage.TypeA || asked.Add(1) == 1 {
				return [4]byte{127, 0, 0, 1}, dnsmessage.RCodeSuccess
			}
			return [4]byte{127, 0, 0, 2}, dnsmessage.RCodeSuccess
		case strings.HasPrefix(name, "inside"):
			return [4]byte{10, 0, 0, 5}, dnsmessage.RCodeSuccess
		case strings.HasPrefix(name, "broken"):
			return [4]byte{}, dnsmessage.RCodeServerFailure
		}
		return [4]byte{}, dnsmessage.RCodeNameError
	})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		rw.Header().Set("Connection", "close") // so that the next request dials again
		http.Redirect(rw, req, "/again", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	f := stage(t, testConfig(server), newStore(t), r)
	for _, tt := range []struct{ host, want string }{
		{"rebind.example.org", "private-address"},
		{"inside.example.org", "private-address"},
		{"broken.example.org", "dns*"},
		{"nowhere.example.org", "dns"},
	} {
		if got := get(t, f, "http://"+tt.host+".:"+port+"/x.jpg"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.host, got, tt.want)
		}
	}
	if asked.Load() < 2 {
		t.Errorf("the rebinding name was asked for %d times, want once a dial", asked.Load())
	}
}

func TestConformance(t *testing.T) {
	w := newWeb(t)
	samples := append(stagetest.Plain(), pair(w.URL+"/ok"), pair(w.URL+"/missing"), pair(w.URL+"/loop"), pair("http://127.0.0.1:1/x"), pair(w.URL+"/hops/2"))
	stagetest.Run(t, func(t testing.TB) pipeline.Stage { return stage(t, testConfig(w.Server), newStore(t), nil) }, samples...)
}

// deadline is a context whose deadline passes when it is told to.
type deadline struct {
	context.Context
	passed chan struct{}
}

func (d *deadline) Done() <-chan struct{} { return d.passed }

func (d *deadline) Err() error {
	select {
	case <-d.passed:
		return context.DeadlineExceeded
	default:
		return d.Context.Err()
	}
}

// recorded is a store that says when the record of a fetch is in it.
type recorded struct {
	store.Store
	url  string
	then func()
}

func (r *recorded) PutIfAbsent(ctx context.Context, key string, data []byte) (bool, error) {
	created, err := r.Store.PutIfAbsent(ctx, key, data)
	if key == recordKey(r.url) {
		r.then()
	}
	return created, err
}

// A deadline is a skip that may pass: what the batch has already fetched is kept.
func TestDeadline(t *testing.T) {
	w := newWeb(t)
	ctx := &deadline{t.Context(), make(chan struct{})}
	st := &recorded{newStore(t), w.URL + "/ok", sync.OnceFunc(func() { close(ctx.passed) })}
	f := stage(t, testConfig(w.Server), st, nil)
	out, err := f.Process(ctx, []*pipeline.Sample{pair(w.URL + "/silent"), pair(w.URL + "/ok")})
	if err != nil || outcome(out[1]) != "ok" {
		t.Fatalf("a deadline gives %v, %v", out, err)
	}
	// That of the other passes while it waits for its answer, or for its turn.
	if got := outcome(out[0]); got != "timeout*" && got != "host-busy*" {
		t.Errorf("the sample that was late: %s", got)
	}
}

func TestCancel(t *testing.T) {
	w := newWeb(t)
	f := stage(t, testConfig(w.Server), newStore(t), nil)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := f.Process(ctx, []*pipeline.Sample{pair(w.URL + "/drip")}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled batch gives %v", err)
	}
}
