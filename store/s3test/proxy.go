package s3test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Proxy stands in front of a server and hurts what passes.
type Proxy struct {
	Endpoint string

	target *url.URL
	client *http.Client
	gone   chan struct{} // closed with the test

	mu       sync.Mutex
	choose   func(r *http.Request) Fault
	requests []string
	bytes    int64 // of answers' bodies
}

// Fault does to one request what the name says. nil lets it pass.
type Fault func(p *Proxy, w http.ResponseWriter, r *http.Request)

// Proxy starts one that lets everything pass.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}, gone: make(chan struct{})}
	front := httptest.NewServer(p)
	p.Endpoint = front.URL
	t.Cleanup(func() {
		close(p.gone)
		front.CloseClientConnections()
		front.Close()
		p.client.CloseIdleConnections()
	})
	return p
}

// Inject sets who chooses the fault of each request from now on; nil for none.
func (p *Proxy) Inject(choose func(r *http.Request) Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.choose = choose
}

// At hurts request number at (from 1) and no other. fired says whether it came to that.
func (p *Proxy) At(at int, f Fault) (fired func() bool) {
	n := 0
	p.Inject(func(*http.Request) Fault {
		if n++; n == at {
			return f
		}
		return nil
	})
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return n >= at
	}
}

// Seen returns method and path of the requests since the last call, and the bytes of their answers.
func (p *Proxy) Seen() (requests []string, answered int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests, answered = p.requests, p.bytes
	p.requests, p.bytes = nil, 0
	return requests, answered
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Method+" "+r.URL.RequestURI())
	var f Fault
	if p.choose != nil {
		f = p.choose(r)
	}
	p.mu.Unlock()
	if f == nil {
		f = pass
	}
	f(p, w, r)
}

// forward asks the server. body replaces the request's own if it is not nil.
func (p *Proxy) forward(r *http.Request, body io.Reader) (*http.Response, error) {
	u := *p.target
	u.Path, u.RawPath, u.RawQuery = r.URL.Path, r.URL.RawPath, r.URL.RawQuery
	if body == nil {
		body = r.Body
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, u.String(), body)
	if err != nil {
		return nil, err
	}
	out.Header, out.Host, out.ContentLength = r.Header.Clone(), r.Host, r.ContentLength // the host is signed
	if r.ContentLength == 0 {
		out.Body = nil
	}
	return p.client.Do(out)
}

func copyHead(w http.ResponseWriter, answer *http.Response) {
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
}

func (p *Proxy) count(n int64) {
	p.mu.Lock()
	p.bytes += n
	p.mu.Unlock()
}

func pass(p *Proxy, w http.ResponseWriter, r *http.Request) {
	answer, err := p.forward(r, nil)
	if err != nil {
		cut(w)
		return
	}
	defer answer.Body.Close()
	copyHead(w, answer)
	n, _ := io.Copy(w, answer.Body)
	p.count(n)
}

// cut closes the connection without a word.
func cut(w http.ResponseWriter) {
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		c.Close()
	}
}

// CutUpload cuts the connection behind half of the request's body; the server gets none of it.
func CutUpload(_ *Proxy, w http.ResponseWriter, r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	cut(w)
}

// LoseAnswer lets the server do its work and cuts the connection before the answer.
func LoseAnswer(p *Proxy, w http.ResponseWriter, r *http.Request) {
	if answer, err := p.forward(r, nil); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	cut(w)
}

// HalfAnswer sends the head of the answer and half of its body, then cuts the connection.
func HalfAnswer(p *Proxy, w http.ResponseWriter, r *http.Request) {
	answer, err := p.forward(r, nil)
	if err != nil {
		cut(w)
		return
	}
	defer answer.Body.Close()
	copyHead(w, answer)
	_, _ = io.CopyN(w, answer.Body, max(answer.ContentLength, 0)/2)
	_ = http.NewResponseController(w).Flush()
	cut(w)
}

// Stall sends half of the answer and then nothing, until the client goes.
func Stall(p *Proxy, w http.ResponseWriter, r *http.Request) {
	answer, err := p.forward(r, nil)
	if err == nil {
		defer answer.Body.Close()
		copyHead(w, answer)
		_, _ = io.CopyN(w, answer.Body, max(answer.ContentLength, 0)/2)
		_ = http.NewResponseController(w).Flush()
	}
	select {
	case <-r.Context().Done():
	case <-p.gone:
	case <-time.After(time.Minute):
	}
	cut(w)
}

// Flip changes one bit in the middle of the answer's body.
func Flip(p *Proxy, w http.ResponseWriter, r *http.Request) {
	answer, err := p.forward(r, nil)
	if err != nil {
		cut(w)
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		cut(w)
		return
	}
	if len(body) > 0 {
		body[len(body)/2] ^= 0x10
	}
	copyHead(w, answer)
	_, _ = w.Write(body)
}

// FlipUpload changes one bit in the middle of the request's body on its way to the server.
func FlipUpload(p *Proxy, w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || len(body) == 0 {
		cut(w)
		return
	}
	body[len(body)/2] ^= 0x10
	answer, err := p.forward(r, bytes.NewReader(body))
	if err != nil {
		cut(w)
		return
	}
	defer answer.Body.Close()
	copyHead(w, answer)
	_, _ = io.Copy(w, answer.Body)
}

// Answer gives an error of S3 instead of asking the server.
func Answer(status int, code string) Fault {
	return func(_ *Proxy, w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		text := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>as the test wants it</Message></Error>`, code)
		if r.Method == http.MethodHead {
			text = ""
		}
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// Skew makes a request look as if it came from a machine whose clock is an hour off.
func Skew(p *Proxy, w http.ResponseWriter, r *http.Request) {
	const amzDate = "20060102T150405Z"
	if at, err := time.Parse(amzDate, r.Header.Get("X-Amz-Date")); err == nil {
		off := time.Hour
		if at.Hour() >= 12 {
			off = -off // on the same day: the day is in the key's scope
		}
		r.Header.Set("X-Amz-Date", at.Add(off).Format(amzDate))
	}
	pass(p, w, r)
}
