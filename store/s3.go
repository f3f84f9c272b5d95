package store

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
)

// S3 is a store under a prefix of a bucket. An object is there whole or not at all by itself: S3 shows an upload when it
// is complete.
//
// Every write carries the bytes' SHA-256 (which the server compares) and their CRC32C (which it keeps); a whole read
// compares the CRC32C of what arrived, a ranged read is held to the version of the object that was opened. Attempts that
// may pass are repeated with growing pauses (s3_retry.go); what an attempt whose answer was lost has done is found out
// by a mark in the object's metadata (s3_put.go).
type S3 struct {
	api    *minio.Core
	bucket string
	prefix string // "" or ending in a slash
	url    string
	part   int64 // bytes
	retry  retry
	note   notes

	plainUploads atomic.Bool // the server knows no checksums of whole multipart uploads

	mu       sync.Mutex // of the checks
	known    bool       // the bucket can be listed with these keys
	condUsed bool       // the server keeps If-None-Match
}

// openS3 makes the store that a URL names. Nothing is sent before the first call.
func openS3(where string, o options) (*S3, error) {
	fail := func(err error) error { return &Error{Op: "open store", URL: redact(where), Err: err} }
	p, err := parsePlace(where)
	if err != nil {
		return nil, fail(err)
	}
	if o.getenv != nil {
		p.fill(o.getenv)
	}
	r := defaultRetry
	if o.retry != nil {
		r = *o.retry
	}
	api, err := p.client(o.getenv, r.stall)
	if err != nil {
		return nil, fail(err)
	}
	return &S3{api: api, bucket: p.bucket, prefix: p.prefix, url: p.url(), part: p.part, retry: r, note: notes{tell: o.note}}, nil
}

// URL returns s3://bucket/prefix, without what it takes to reach it.
func (s *S3) URL() string { return s.url }

func (s *S3) fail(op, key string, err error) error {
	var ours *Error
	if errors.As(err, &ours) { // of a check that came before
		return err
	}
	if code(err) == "NoSuchKey" {
		err = ErrNotFound
	}
	return &Error{Op: op, URL: s.url, Key: key, Err: plain(err)}
}

// begin is what every call does first.
func (s *S3) begin(ctx context.Context, key string) error {
	if err := errors.Join(ValidKey(key), ctx.Err()); err != nil {
		return err
	}
	return s.reach(ctx)
}

// Ready asks the server whether the store can be used: bucket, keys, clock, certificate. Each call does so by itself
// the first time; a command asks before it starts long work.
func (s *S3) Ready(ctx context.Context) error { return s.reach(ctx) }

// reach makes sure, once, that the store can be used. An answer to a HEAD has no body, so it does not say which of a dozen reasons a 403 or 404 has;
// the answer to a listing does.
func (s *S3) reach(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known {
		return nil
	}
	if err := s.try(ctx, func(int) error { return s.ask(ctx) }); err != nil {
		return s.fail("reach", "", err)
	}
	s.known = true
	return nil
}

// ask lists one key.
func (s *S3) ask(ctx context.Context) error {
	// An access key of nothing makes requests without a signature, whose errors would mislead.
	v, err := s.api.GetCreds()
	if err == nil && (v.AccessKeyID == "" || v.SecretAccessKey == "") {
		err = errNoCredentials
	} else if err != nil {
		err = fmt.Errorf("%w: %v", errNoCredentials, err)
	}
	if err != nil {
		return err
	}
	for o := range s.api.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true, MaxKeys: 1}) {
		if err = o.Err; err != nil && !refused(err) && s.speaksTLS(ctx) {
			err = errTLS
		}
		return err
	}
	return ctx.Err()
}

// head is one attempt to describe an object. A refusal without a reason, such as a token that has run out since, is
// asked for its reason.
func (s *S3) head(ctx context.Context, key string) (minio.ObjectInfo, error) {
	info, err := s.api.StatObject(ctx, s.bucket, s.prefix+key, minio.StatObjectOptions{})
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && (answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusForbidden) {
		if reason := s.ask(ctx); reason != nil {
			return info, reason
		}
	}
	return info, err
}

// speaksTLS reports whether a server that is asked without TLS and gives no sensible answer would rather have it.
func (s *S3) speaksTLS(ctx context.Context) bool {
	u := s.api.EndpointURL()
	if u.Scheme == "https" {
		return false
	}
	host := u.Host
	if u.Port() == "" {
		host = net.JoinHostPort(u.Hostname(), "80")
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	// Nothing is sent but the handshake, so it does not matter whose certificate it is.
	c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, "tcp", host)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// createProbe is an object of the store's own: an element of its key starts with a dot.
const createProbe = ".store/create-if-absent"

// conditions makes sure, once a process, that the server keeps If-None-Match: a server that does not know it overwrites
// silently, and two writers of a range would both believe that they were first.
func (s *S3) conditions(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.condUsed {
		return nil
	}
	// The first of all creates it, and asks once more.
	for range 2 {
		var conflict bool
		err := s.try(ctx, func(int) error {
			err := s.send(ctx, createProbe, []byte("imglish\n"), newMark(), true)
			conflict = code(err) == preconditionFailed
			if conflict {
				return nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if conflict {
			s.condUsed = true
			return nil
		}
	}
	return errNoConditions
}

// newMark is a random name of one write.
func newMark() string {
	var b [12]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// notes tells of trouble that passes, not more often than a person can read.
type notes struct {
	tell func(string)
	mu   sync.Mutex
	last time.Time
}

func (n *notes) say(format string, args ...any) {
	if n.tell == nil {
		return
	}
	n.mu.Lock()
	due := time.Since(n.last) > noteEvery
	if due {
		n.last = time.Now()
	}
	n.mu.Unlock()
	if due {
		n.tell(fmt.Sprintf(format, args...))
	}
}

const noteEvery = 10 * time.Second
