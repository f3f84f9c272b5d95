package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxURL is what servers accept at most, bytes.
const maxURL = 8 << 10

// client transfers one URL's bytes under the limits.
type client struct {
	cfg   Config
	agent string
	trip  *http.Transport
	hosts *hosts
	slots chan struct{} // transfers at once
}

func newClient(cfg Config, resolver *net.Resolver) (*client, error) {
	var g guard
	for _, s := range cfg.AllowPrivate {
		a, err := parseAllowed(s)
		if err != nil {
			return nil, err
		}
		g.allow = append(g.allow, a)
	}
	dialer := &net.Dialer{
		Timeout:   cfg.HeaderTimeout,
		KeepAlive: 30 * time.Second,
		Control:   g.control,
		Resolver:  resolver,
	}
	agent := cfg.UserAgent
	if cfg.Contact != "" {
		agent += " " + cfg.Contact
	}
	return &client{
		cfg:   cfg,
		agent: agent,
		hosts: &hosts{perHost: cfg.PerHost},
		slots: make(chan struct{}, cfg.Transfers),
		trip: &http.Transport{
			Proxy:                  nil, // one of the environment could stand inside a private network
			DialContext:            dialer.DialContext,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // images do not shrink, and nothing can unfold
			MaxIdleConns:           2 * cfg.Transfers,
			MaxIdleConnsPerHost:    cfg.PerHost,
			MaxConnsPerHost:        cfg.PerHost,
			IdleConnTimeout:        20 * time.Second,
			TLSHandshakeTimeout:    cfg.HeaderTimeout,
			ResponseHeaderTimeout:  cfg.HeaderTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		},
	}, nil
}

// answer is what came of a URL.
type answer struct {
	data   []byte
	optOut []string // the words by which the site says no to training
}

// get follows a URL to its bytes. The error is a *failure, or the context's if the batch was cancelled.
func (c *client) get(ctx context.Context, raw string) (answer, error) {
	u, err := parseURL(raw)
	if err != nil {
		return answer{}, err
	}
	left := c.cfg.Timeout
	seen := map[string]bool{}
	for {
		seen[u.String()] = true
		got, next, err := c.polite(ctx, u, &left)
		if err != nil || next == nil {
			return got, err
		}
		switch {
		case seen[next.String()]:
			return answer{}, fail("redirect-loop", "the redirects come back to %s", clip(next.String()))
		case len(seen) > c.cfg.MaxRedirects:
			return answer{}, fail("too-many-redirects", "more than %d", c.cfg.MaxRedirects)
		}
		u = next
	}
}

// polite does one request when it is this host's turn, and once more if the host asks to come back within the time
// that is left.
func (c *client) polite(ctx context.Context, u *url.URL, left *time.Duration) (answer, *url.URL, error) {
	host := strings.ToLower(u.Host)
	for again := false; ; again = true {
		got, next, err := c.hop(ctx, host, u, left)
		var f *failure
		if !errors.As(err, &f) || f.wait <= 0 || again || f.wait > *left {
			return got, next, err
		}
		*left -= f.wait // the wait itself is done in take, where others of the host wait too
	}
}

// hop does one request. next is where it redirects to, or nil.
func (c *client) hop(ctx context.Context, host string, u *url.URL, left *time.Duration) (got answer, next *url.URL, err error) {
	give, err := c.hosts.take(ctx, host, c.cfg.Timeout)
	if err != nil {
		return answer{}, nil, err
	}
	defer give()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return answer{}, nil, waited(ctx)
	}
	if *left <= 0 {
		return answer{}, nil, mayPass("timeout", "no whole answer in time")
	}
	start := time.Now()
	defer func() { *left -= time.Since(start) }()
	timed, cancel := context.WithTimeout(ctx, *left)
	defer cancel()
	got, next, err = c.request(timed, u)
	if err != nil {
		if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return answer{}, nil, ctx.Err()
		}
		f := classify(err)
		if f.wait > 0 {
			c.hosts.pause(host, f.wait)
		}
		return answer{}, nil, f
	}
	return got, next, nil
}

func (c *client) request(ctx context.Context, u *url.URL) (answer, *url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, nil, fail("bad-url", "it cannot be requested")
	}
	req.Header.Set("User-Agent", c.agent)
	req.Header.Set("Accept", "image/jpeg, image/png, image/webp, image/gif;q=0.8, image/*;q=0.1")
	resp, err := c.trip.RoundTrip(req)
	if err != nil {
		return answer{}, nil, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		next, err := redirect(u, resp.Header.Get("Location"))
		return answer{}, next, err
	default:
		return answer{}, nil, ofStatus(resp.StatusCode, retryAfter(resp.Header.Get("Retry-After"), time.Now()))
	}
	words := optOut(resp.Header, c.cfg.OptOutWords, robotName(c.cfg.UserAgent))
	if len(words) > 0 && c.cfg.OptOut == "skip" {
		return answer{}, nil, fail("opt-out", "%s", strings.Join(words, ", "))
	}
	data, err := c.body(resp)
	return answer{data, words}, nil, err
}

// body reads an image of at most MaxBytes.
func (c *client) body(resp *http.Response) ([]byte, error) {
	tooMany := fail("too-many-bytes", "more than %d", c.cfg.MaxBytes)
	if resp.ContentLength > c.cfg.MaxBytes {
		return nil, tooMany
	}
	var buf bytes.Buffer
	if resp.ContentLength > 0 {
		buf.Grow(int(min(resp.ContentLength, 1<<20))) // a length is a claim: it reserves no more than a megabyte
	}
	// A page in place of an image is told by its first bytes; the rest of it is not worth a transfer.
	if _, err := io.CopyN(&buf, resp.Body, 512); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if f := checkImage(buf.Bytes()); f != nil {
		return nil, f
	}
	if _, err := io.Copy(&buf, io.LimitReader(resp.Body, c.cfg.MaxBytes+1-int64(buf.Len()))); err != nil {
		return nil, err
	}
	if int64(buf.Len()) > c.cfg.MaxBytes {
		return nil, tooMany
	}
	return buf.Bytes(), nil
}

// parseURL accepts absolute http and https URLs.
func parseURL(raw string) (*url.URL, error) {
	raw = strings.TrimSpace(raw)
	switch {
	case raw == "":
		return nil, fail("bad-url", "it is empty")
	case len(raw) > maxURL:
		return nil, fail("bad-url", "it has more than %d bytes", maxURL)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fail("bad-url", "it cannot be read")
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch {
	case u.Scheme == "":
		return nil, fail("bad-url", "it has no scheme")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fail("bad-scheme", "%s", clip(u.Scheme))
	case u.Opaque != "" || u.Hostname() == "":
		return nil, fail("bad-url", "it names no host")
	case u.User != nil:
		return nil, fail("bad-url", "it holds a user name")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return nil, fail("bad-url", "it has no valid port")
		}
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

// redirect resolves a Location header.
func redirect(from *url.URL, location string) (*url.URL, error) {
	if location == "" || len(location) > maxURL {
		return nil, fail("bad-redirect", "it names no usable place")
	}
	ref, err := url.Parse(location)
	if err != nil {
		return nil, fail("bad-redirect", "its place cannot be read")
	}
	return parseURL(from.ResolveReference(ref).String())
}

// retryAfter reads a Retry-After header: seconds, or a date. 0 means that it does not say.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if s, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(s)*time.Second, longestPause)
	}
	if t, err := http.ParseTime(value); err == nil {
		return max(0, min(t.Sub(now), longestPause))
	}
	return 0
}

// clip keeps details short.
func clip(s string) string {
	if len(s) > 200 {
		s = fmt.Sprintf("%s…", strings.ToValidUTF8(s[:200], ""))
	}
	return s
}

func (c *client) close() { c.trip.CloseIdleConnections() }
