package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// failure is why a sample has no bytes. Its text is the same whenever the same thing happens.
type failure struct {
	reason    string // a short fixed word
	detail    string
	retryable bool
	wait      time.Duration // what the server asked for by Retry-After; 0 if it did not
}

func (f *failure) Error() string { return f.reason + ": " + f.detail }

// fail makes a failure that no later try mends.
func fail(reason, format string, args ...any) *failure {
	return &failure{reason: reason, detail: fmt.Sprintf(format, args...)}
}

// mayPass makes a failure that a later try may mend.
func mayPass(reason, format string, args ...any) *failure {
	return &failure{reason: reason, detail: fmt.Sprintf(format, args...), retryable: true}
}

// classify is the one place that decides which reason a transfer's error has, and whether it may pass.
//
// What the network or a busy server does may pass: timeouts, refused, reset and unreachable connections, names that
// could not be looked up at the moment, bodies that broke off. What a site or its owner has decided does not: a name
// that does not exist, a bad certificate, a private address, an answer that is no HTTP. Statuses are in ofStatus.
func classify(err error) *failure {
	var (
		known     *failure
		refused   *refusedError
		dns       *net.DNSError
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		cert      *tls.CertificateVerificationError
		record    tls.RecordHeaderError
		alert     tls.AlertError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &refused) && refused.port:
		return fail("bad-port", "%v", refused)
	case errors.As(err, &refused):
		return fail("private-address", "%v", refused)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fail("dns", "no such host")
	case errors.As(err, &dns):
		return mayPass("dns", "the name could not be looked up")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return mayPass("timeout", "no whole answer in time")
	case errors.As(err, &invalid), errors.As(err, &authority), errors.As(err, &name), errors.As(err, &cert):
		return fail("tls", "the certificate is not valid for this host")
	case errors.As(err, &record), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return fail("tls", "no TLS connection could be agreed on")
	case errors.Is(err, syscall.ECONNREFUSED):
		return mayPass("refused", "the connection was refused")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return mayPass("reset", "the connection was reset")
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return mayPass("unreachable", "there is no way to the host")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return mayPass("truncated", "the connection ended before the answer did")
	case errors.As(err, &op):
		return mayPass("connection", "the connection failed")
	}
	return fail("bad-response", "the answer is not HTTP as it should be")
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// ofStatus is the failure of an HTTP status other than 200. Busy (408, 425, 429) and broken servers (5xx, but for
// those that say that they never will) may be better later.
func ofStatus(status int, wait time.Duration) *failure {
	f := fail(fmt.Sprintf("http-%d", status), "%s", http.StatusText(status))
	if http.StatusText(status) == "" || status > 599 {
		f = fail("http-other", "status %d", status) // else a server could make up hundreds of reasons
	}
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests:
		f.retryable = true
	case status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported, status == http.StatusLoopDetected:
	case status >= 500 && status <= 599:
		f.retryable = true
	}
	if f.retryable {
		f.wait = wait
	}
	return f
}
