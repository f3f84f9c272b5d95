package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"
)

var (
	errNoCredentials = errors.New("no credentials")
	errNoConditions  = errors.New("the server overwrites an object although it is told to create it only if it is absent (If-None-Match: *)")
	errReplaced      = errors.New("the object was replaced while it was read")
	errOrder         = errors.New("the server does not list keys in their order")
)

// hints on what a server says, by its code. Codes that are not here are passed on as they are.
var s3Hints = map[string]string{
	"NoSuchBucket":                       "make the bucket, or correct its name (s3://bucket/prefix) and the endpoint",
	"InvalidBucketName":                  "correct the bucket's name in s3://bucket/prefix",
	"AccessDenied":                       "the keys are known but may not do this: docs/s3.md has the permissions that are needed",
	"AllAccessDisabled":                  "the account or the bucket is closed: ask its owner",
	"InvalidAccessKeyId":                 "the server does not know this access key: correct AWS_ACCESS_KEY_ID or the credentials file, and the endpoint",
	"SignatureDoesNotMatch":              "the secret key is not that of the access key: correct AWS_SECRET_ACCESS_KEY or the credentials file",
	"ExpiredToken":                       "the session token has run out: get new credentials (AWS_SESSION_TOKEN) and run the same command again",
	"InvalidToken":                       "the session token is not valid: get new credentials (AWS_SESSION_TOKEN)",
	"RequestTimeTooSkewed":               "this machine's clock and the server's are more than 15 minutes apart: set the clock (NTP)",
	"AuthorizationHeaderMalformed":       "set the region that the bucket is in: region=… in the URL, store.region or AWS_REGION",
	"IncorrectEndpoint":                  "the bucket is in another region: set region=… in the URL, store.region or AWS_REGION",
	"PermanentRedirect":                  "the bucket is in another region: set region=… in the URL, store.region or AWS_REGION",
	"InvalidRegion":                      "set the region that the bucket is in: region=… in the URL, store.region or AWS_REGION",
	"NotImplemented":                     "the server lacks something that the store needs: docs/s3.md says what",
	"XMinioStorageFull":                  "the server has no room left: make room and run the same command again; nothing half-written was kept",
	"InsufficientStorage":                "the server has no room left: make room and run the same command again; nothing half-written was kept",
	"QuotaExceeded":                      "the bucket's quota is used up: raise it and run the same command again; nothing half-written was kept",
	"XMinioAdminBucketQuotaExceeded":     "the bucket's quota is used up: raise it and run the same command again; nothing half-written was kept",
	"KMS.DisabledException":              "the key that the bucket is encrypted with is disabled: enable it",
	"IllegalLocationConstraintException": "set the region that the bucket is in: region=… in the URL, store.region or AWS_REGION",
}

// passing are the codes that another attempt may mend, besides the statuses 408, 429 and those from 500 on.
var passing = map[string]bool{
	"RequestTimeout": true, "RequestTimeTooSkewed": false, "SlowDown": true, "SlowDownRead": true, "SlowDownWrite": true,
	"Throttling": true, "ThrottlingException": true, "RequestLimitExceeded": true, "RequestThrottled": true,
	"InternalError": true, "ServiceUnavailable": true, "OperationAborted": true, "ConditionalRequestConflict": true,
	// What arrived is not what was sent: the line between has changed it.
	"BadDigest": true, "XAmzContentSHA256Mismatch": true, "IncompleteBody": true, "XAmzContentChecksumMismatch": true,
	"NotImplemented": false, "XMinioStorageFull": false, "InsufficientStorage": false,
}

// transient says whether another attempt may succeed. It is the one place where that is decided.
func transient(err error) bool {
	var answer minio.ErrorResponse
	if errors.As(err, &answer) {
		if known, ok := passing[answer.Code]; ok {
			return known
		}
		switch answer.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooManyRequests:
			return true
		case http.StatusNotImplemented, http.StatusInsufficientStorage:
			return false
		}
		return answer.StatusCode >= 500
	}
	var (
		record tls.RecordHeaderError
		dns    *net.DNSError
		cert   *tls.CertificateVerificationError
		op     *net.OpError
		hosts  *url.Error
	)
	switch {
	case errors.Is(err, errNoCredentials), errors.Is(err, errNoConditions), errors.Is(err, errReplaced), errors.Is(err, errOrder),
		errors.Is(err, errSetting), errors.Is(err, ErrNotFound), errors.Is(err, errTLS):
		return false
	case errors.As(err, &record), errors.As(err, &cert), errors.Is(err, http.ErrSchemeMismatch):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	case errors.Is(err, ErrDamaged), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.As(err, &op):
		return true
	}
	// What is left of the network's: http: server closed idle connection, malformed HTTP response, and the like.
	return errors.As(err, &hosts) || isTimeout(err)
}

// refused says whether it is the store that an error is about, rather than one object.
func refused(err error) bool {
	var (
		record tls.RecordHeaderError
		dns    *net.DNSError
		cert   *tls.CertificateVerificationError
	)
	if _, known := s3Hints[code(err)]; known {
		return true
	}
	return errors.Is(err, errNoCredentials) || errors.Is(err, errNoConditions) || errors.Is(err, errOrder) || errors.Is(err, errSetting) ||
		errors.Is(err, errSecretInURL) || errors.Is(err, errTLS) || errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record) || errors.As(err, &cert) ||
		errors.As(err, &dns) && dns.IsNotFound
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

func code(err error) string {
	var answer minio.ErrorResponse
	errors.As(err, &answer)
	return answer.Code
}

// plain makes an error of the library fit for a user's eyes: the server's code with its words, and no request's URL.
func plain(err error) error {
	var (
		answer minio.ErrorResponse
		sent   *url.Error
		away   *outage
	)
	switch {
	case errors.As(err, &away): // it says itself what is behind it
		return err
	case errors.As(err, &answer):
		words, _, _ := strings.Cut(strings.TrimSpace(answer.Error()), "\n")
		if answer.Region != "" && strings.Contains(s3Hints[answer.Code], "region") {
			words += " (its region is " + answer.Region + ")"
		}
		return &s3Error{text: fmt.Sprintf("%s: %.300s", answer.Code, words), err: err}
	case errors.As(err, &sent):
		return plain(sent.Err)
	case strings.HasPrefix(err.Error(), "Connection closed by foreign host"): // the library's word for it, with the request's URL
		return &s3Error{text: "the server closed the connection", err: err}
	}
	return err
}

// s3Error is a server's answer in a line, with the answer behind it for those who ask for its code.
type s3Error struct {
	text string
	err  error
}

func (e *s3Error) Error() string { return e.text }
func (e *s3Error) Unwrap() error { return e.err }

// s3Hint says what a user can do about an error of a store on S3.
func s3Hint(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		dns     *net.DNSError
	)
	if hint, ok := s3Hints[code(err)]; ok {
		return hint
	}
	switch {
	case errors.Is(err, errSecretInURL):
		return "keys do not belong there, where logs and lists of processes show them: take them out and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or credentials_file=…"
	case errors.Is(err, errNoCredentials):
		return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a credentials file (credentials_file=… in the URL, store.credentials_file) or AWS_PROFILE"
	case errors.Is(err, errNoConditions):
		return "without it two writers of a range could both win: take a server that keeps the condition (docs/s3.md)"
	case errors.Is(err, errSetting):
		return "docs/s3.md has the settings of a store on S3"
	case errors.As(err, &unknown):
		return "the server's certificate is of an authority that this machine does not trust: give its certificate by ca=… in the URL, store.ca or AWS_CA_BUNDLE"
	case errors.As(err, &host):
		return "the certificate is not for this host: correct the endpoint"
	case errors.As(err, &cert):
		return "the server's certificate is not valid: see its dates and this machine's clock"
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return "the server does not speak TLS there: use http:// in the endpoint, or its TLS port"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no such host: correct the endpoint"
	case errors.Is(err, errTLS):
		return "the server speaks TLS there: use https:// in the endpoint"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nobody listens there: start the server or correct the endpoint; the same command goes on then"
	}
	return ""
}
