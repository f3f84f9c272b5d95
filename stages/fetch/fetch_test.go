package fetch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
)

func TestBytesComeIntoTheStore(t *testing.T) {
	w := newWeb(t)
	st := newStore(t)
	f := stage(t, testConfig(w.Server), st, nil)
	text := &pipeline.Sample{Kind: pipeline.Kind_TEXT, Source: &pipeline.Origin{Url: w.URL + "/ok"}, Parts: []*pipeline.Part{{Text: "x"}}}
	has := pair(w.URL + "/ok")
	has.Image.Blob = "blobs/elsewhere"
	no := pair(w.URL + "/ok")
	no.Image = nil
	out, err := f.Process(t.Context(), []*pipeline.Sample{pair(w.URL + "/ok"), text, has, no})
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(jpeg(5000))
	for _, i := range []int{0, 3} {
		got := out[i].Sample.Image
		data, err := store.GetBlob(t.Context(), st, got.Blob)
		if err != nil || !bytes.Equal(data, jpeg(5000)) || !bytes.Equal(got.Sha256, want[:]) {
			t.Errorf("image %d: %v, %d bytes, %v", i, got, len(data), err)
		}
	}
	if out[1].Sample != text || text.Image != nil {
		t.Errorf("a text became %v", out[1])
	}
	if out[2].Sample.Image.Blob != "blobs/elsewhere" {
		t.Errorf("an image that was there became %v", out[2])
	}
}

func TestNothingIsFetchedTwice(t *testing.T) {
	w := newWeb(t)
	st := newStore(t)
	url := w.URL + "/changing"
	image := func() *pipeline.Image {
		t.Helper()
		f := stage(t, testConfig(w.Server), st, nil) // a new process
		out, err := f.Process(t.Context(), []*pipeline.Sample{pair(url)})
		if err != nil || outcome(out[0]) != "ok" {
			t.Fatalf("%v, %v", out, err)
		}
		return out[0].Sample.Image
	}
	first := image()
	if again := image(); again.Blob != first.Blob || w.hits.Load() != 1 {
		t.Errorf("the second time %s, the first %s, after %d requests", again.Blob, first.Blob, w.hits.Load())
	}
	// A blob that is gone is fetched anew, and its record made anew.
	if err := st.Delete(t.Context(), first.Blob); err != nil {
		t.Fatal(err)
	}
	second := image()
	if second.Blob == first.Blob || w.hits.Load() != 2 {
		t.Errorf("after the blob was removed: %s, %d requests", second.Blob, w.hits.Load())
	}
	if again := image(); again.Blob != second.Blob || w.hits.Load() != 2 {
		t.Errorf("the new record is not used: %s, %d requests", again.Blob, w.hits.Load())
	}
	// A damaged record is no reason to stop.
	if _, err := st.Put(t.Context(), recordKey(url), strings.NewReader(`{"url":"`+url+`","blob":"../../etc/passwd"}`)); err != nil {
		t.Fatal(err)
	}
	if image(); w.hits.Load() != 3 {
		t.Errorf("a damaged record: %d requests", w.hits.Load())
	}
}

// TestFirstBytesWin: two processes fetch a URL at once and get different bytes; both go on with the same.
func TestFirstBytesWin(t *testing.T) {
	w := newWeb(t)
	st := newStore(t)
	blobs := make([]string, 8)
	var wg sync.WaitGroup
	for i := range blobs {
		f := stage(t, testConfig(w.Server), st, nil)
		wg.Go(func() {
			out, err := f.Process(t.Context(), []*pipeline.Sample{pair(w.URL + "/changing")})
			if err == nil && out[0].Sample != nil {
				blobs[i] = out[0].Sample.Image.Blob
			}
		})
	}
	wg.Wait()
	for _, b := range blobs {
		if b == "" || b != blobs[0] {
			t.Fatalf("blobs %v", blobs)
		}
	}
}

func TestOptOutIsASetting(t *testing.T) {
	w := newWeb(t)
	st := newStore(t)
	url := w.URL + "/optout?tag=noai"
	cfg := testConfig(w.Server)
	cfg.OptOut = "ignore"
	if got := get(t, stage(t, cfg, st, nil), url); got != "ok" {
		t.Errorf("ignored: %s", got)
	}
	data, err := st.Get(t.Context(), recordKey(url))
	if err != nil || !strings.Contains(string(data), `"opt_out":["noai"]`) {
		t.Errorf("the record does not tell: %s, %v", data, err)
	}
	cfg.OptOut = "skip"
	if got := get(t, stage(t, cfg, st, nil), url); got != "opt-out" {
		t.Errorf("fetched before, and then honoured: %s", got)
	}
}

func TestRetryAfter(t *testing.T) {
	w := newWeb(t)
	f := stage(t, testConfig(w.Server), newStore(t), nil)
	start := time.Now()
	if got := get(t, f, w.URL+"/later"); got != "ok" || time.Since(start) < time.Second {
		t.Errorf("a host that asks for a second: %s after %s", got, time.Since(start))
	}
	if got := get(t, f, w.URL+"/muchlater"); got != "http-503*" {
		t.Errorf("a host that asks for minutes: %s", got)
	}
	before := w.hits.Load()
	if got := get(t, f, w.URL+"/ok"); got != "host-busy*" || w.hits.Load() != before {
		t.Errorf("its next image: %s, %d requests", got, w.hits.Load()-before)
	}
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "99999999": longestPause,
		now.Add(9 * time.Second).Format(http.TimeFormat): 9 * time.Second,
		now.Add(-time.Hour).Format(http.TimeFormat):      0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", value, got, want)
		}
	}
}

func TestOneHostGetsFewRequestsAtOnce(t *testing.T) {
	w, other := newWeb(t), newWeb(t)
	cfg := testConfig(w.Server, other.Server)
	cfg.PerHost = 3
	f := stage(t, cfg, newStore(t), nil)
	var in []*pipeline.Sample
	for i := range 60 {
		in = append(in, pair(w.URL+"/slowly?"+strings.Repeat("x", i)), pair(other.URL+"/slowly?"+strings.Repeat("x", i)))
	}
	out, err := f.Process(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range out {
		if outcome(r) != "ok" {
			t.Errorf("sample %d: %s", i, outcome(r))
		}
	}
	if w.most.Load() > 3 || other.most.Load() > 3 {
		t.Errorf("%d and %d requests at once, want at most 3", w.most.Load(), other.most.Load())
	}
	f.client.hosts.mu.Lock()
	defer f.client.hosts.mu.Unlock()
	if n := len(f.client.hosts.by); n != 0 {
		t.Errorf("%d hosts are remembered, want none", n)
	}
}

func TestRequest(t *testing.T) {
	var got http.Header
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		got = r.Header
		rw.Write(jpeg(10))
	}))
	t.Cleanup(server.Close)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	cfg := testConfig(server)
	cfg.Contact = "someone@example.org"
	if r := get(t, stage(t, cfg, newStore(t), nil), server.URL); r != "ok" {
		t.Fatal(r)
	}
	if want := cfg.UserAgent + " someone@example.org"; got.Get("User-Agent") != want {
		t.Errorf("User-Agent %q, want %q", got.Get("User-Agent"), want)
	}
	for _, h := range []string{"Accept-Encoding", "Cookie", "Referer", "Authorization"} {
		if got.Get(h) != "" {
			t.Errorf("%s: %q was sent", h, got.Get(h))
		}
	}
}

func TestMembers(t *testing.T) {
	dir := t.TempDir()
	tar := append(bytes.Repeat([]byte{0}, 512), jpeg(1000)...)
	tar = append(tar, "<html>"...)
	path := filepath.Join(dir, "n00000001.tar")
	if err := os.WriteFile(path, tar, 0o644); err != nil {
		t.Fatal(err)
	}
	alone := filepath.Join(dir, "alone.JPEG")
	if err := os.WriteFile(alone, jpeg(300), 0o644); err != nil {
		t.Fatal(err)
	}
	st := newStore(t)
	cfg := Defaults()
	cfg.MaxBytes = 2000
	f := stage(t, cfg, st, nil)
	for _, tt := range []struct {
		name   string
		member *pipeline.Member
		want   string
	}{
		{"a range", &pipeline.Member{Path: path, Offset: 512, Size: 1000}, "ok"},
		{"a file", &pipeline.Member{Path: alone, Size: 300}, "ok"},
		{"no image there", &pipeline.Member{Path: path, Offset: 1512, Size: 6}, "not-an-image"},
		{"beyond the end", &pipeline.Member{Path: path, Offset: 512, Size: 1900}, "archive-changed*"},
		{"beyond all numbers", &pipeline.Member{Path: path, Offset: 1 << 62, Size: 1000}, "archive-changed*"},
		{"a file that grew", &pipeline.Member{Path: alone, Size: 299}, "archive-changed*"},
		{"too large", &pipeline.Member{Path: path, Offset: 512, Size: 2001}, "too-many-bytes"},
		{"negative", &pipeline.Member{Path: path, Offset: -1, Size: 10}, "bad-member"},
		{"no size", &pipeline.Member{Path: path, Offset: 512}, "bad-member"},
		{"a folder", &pipeline.Member{Path: dir, Offset: 0, Size: 10}, "bad-member"},
		{"no path", &pipeline.Member{Size: 10}, "bad-member"},
	} {
		s := &pipeline.Sample{Kind: pipeline.Kind_IMAGE, Source: &pipeline.Origin{Key: tt.name}, Image: &pipeline.Image{Member: tt.member}}
		out, err := f.Process(t.Context(), []*pipeline.Sample{s})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := outcome(out[0]); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if tt.name == "a range" {
			if data, err := store.GetBlob(t.Context(), st, s.Image.Blob); err != nil || !bytes.Equal(data, jpeg(1000)) {
				t.Errorf("the blob has %d bytes, %v", len(data), err)
			}
		}
	}
	// An archive that is away is no property of the image.
	gone := &pipeline.Sample{Kind: pipeline.Kind_IMAGE, Source: &pipeline.Origin{}, Image: &pipeline.Image{
		Member: &pipeline.Member{Path: filepath.Join(dir, "gone.tar"), Offset: 512, Size: 10}}}
	_, err := f.Process(t.Context(), []*pipeline.Sample{gone})
	var hint interface{ Hint() string }
	if !errors.Is(err, os.ErrNotExist) || !errors.As(err, &hint) {
		t.Errorf("a missing archive: %v, want an error with a hint", err)
	}
}

func TestValidate(t *testing.T) {
	if err := Defaults().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for name, change := range map[string]func(*Config){
		"max_bytes":     func(c *Config) { c.MaxBytes = 0 },
		"timeout":       func(c *Config) { c.Timeout = 0 },
		"max_redirects": func(c *Config) { c.MaxRedirects = -1 },
		"transfers":     func(c *Config) { c.Transfers = 0 },
		"per_host":      func(c *Config) { c.PerHost = 0 },
		"contact":       func(c *Config) { c.Contact = "a\r\nHost: b" },
		"opt_out":       func(c *Config) { c.OptOut = "yes" },
		"allow_private": func(c *Config) { c.AllowPrivate = []string{"localhost"} },
	} {
		c := Defaults()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzURL: what is accepted as a URL is absolute, HTTP, and without a user, also behind a redirect.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"http://a/b", "HTTPS://a:443/?q#f", "//a", "http://a@b/", "http://[::1]:80/", "http:a", "\x00", "http://a/%zz", "javascript:1"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, raw, location string) {
		u, err := parseURL(raw)
		if err != nil {
			return
		}
		next, err := redirect(u, location)
		for _, x := range []string{u.Scheme + "|" + u.Hostname() + "|" + u.User.String()} {
			if !strings.HasPrefix(x, "http|") && !strings.HasPrefix(x, "https|") || strings.Contains(x, "||") || u.User != nil {
				t.Fatalf("parseURL(%q) = %q", raw, u)
			}
		}
		if err == nil && (next.Scheme != "http" && next.Scheme != "https" || next.Hostname() == "" || next.User != nil) {
			t.Fatalf("redirect(%q, %q) = %q", u, location, next)
		}
	})
}

// FuzzHeaders: no header makes the readers of headers panic, and no pause exceeds its bound.
func FuzzHeaders(f *testing.F) {
	f.Add("noai, otherbot: noindex", "120")
	f.Add("unavailable_after: 25 Jun 2010 15:00:00 PST, :,,", "Wed, 21 Oct 2015 07:28:00 GMT")
	f.Fuzz(func(t *testing.T, robots, retry string) {
		optOut(http.Header{"X-Robots-Tag": {robots}}, Defaults().OptOutWords, "imglish")
		if d := retryAfter(retry, time.Now()); d < 0 || d > longestPause {
			t.Fatalf("retryAfter(%q) = %s", retry, d)
		}
	})
}

// BenchmarkFetch brings 176 KB images, a common size on the web, from loopback into a store on disk.
func BenchmarkFetch(b *testing.B) {
	body := jpeg(176 << 10)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Write(append(body, r.URL.RawQuery...)) // no two alike
	}))
	b.Cleanup(server.Close)
	cfg := testConfig(server)
	cfg.MaxBytes = 1 << 20
	cfg.PerHost = 32
	f := stage(b, cfg, newStore(b), nil)
	const batch = 64
	b.SetBytes(batch * int64(len(body)))
	n := 0
	for b.Loop() {
		in := make([]*pipeline.Sample, batch)
		for i := range in {
			n++
			in[i] = pair(fmt.Sprintf("%s/?%d", server.URL, n))
		}
		out, err := f.Process(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		for _, r := range out {
			if outcome(r) != "ok" {
				b.Fatal(outcome(r))
			}
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "images/s")
}
