package store

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

var errScheme = errors.New("no store of this kind")

// Option is how a store on S3 is reached besides what its URL says. Folders take none.
type Option func(*options)

type options struct {
	getenv func(string) string
	note   func(string)
	retry  *retry
}

// WithEnv lets a store take keys, region, endpoint and authority from an environment (os.Getenv) where its URL names
// none, under the names that Amazon's tools use, and last the role of the machine. Without it nothing but the URL
// counts. Only cmd gives it.
func WithEnv(getenv func(name string) string) Option { return func(o *options) { o.getenv = getenv } }

// WithNotes tells of trouble that may pass, such as a server that does not answer, while calls are tried again.
func WithNotes(tell func(text string)) Option { return func(o *options) { o.note = tell } }

// Open opens the store at a folder's path, at a file:// URL, or at s3://bucket/prefix?endpoint=…&region=…&ca=…; a
// folder is made by the first write and nothing is sent to a server before the first call, so a mistyped place given to
// a command that only reads leaves nothing behind. Remains of writes to a folder that a crash cut off are removed.
func Open(where string, opts ...Option) (Store, error) {
	path := where
	if scheme, _, found := strings.Cut(where, "://"); found {
		if scheme == "s3" {
			var o options
			for _, opt := range opts {
				opt(&o)
			}
			st, err := openS3(where, o)
			if err != nil {
				return nil, err
			}
			return st, nil
		}
		if scheme != "file" {
			return nil, &Error{Op: "open store", URL: redact(where), Err: fmt.Errorf("%s://: %w", scheme, errScheme)}
		}
		u, err := url.Parse(where)
		if err != nil || u.Host != "" && u.Host != "localhost" || u.Path == "" {
			return nil, &Error{Op: "open store", URL: redact(where), Err: fmt.Errorf("want file:///path: %w", errScheme)}
		}
		path = u.Path
	}
	if path == "" {
		return nil, &Error{Op: "open store", URL: `""`, Err: errors.New("no folder given")}
	}
	root, err := filepath.Abs(path)
	if err != nil {
		return nil, &Error{Op: "open store", URL: path, Err: err}
	}
	l := &Local{root: root, disk: osDisk{}}
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		return nil, &Error{Op: "open store", URL: l.URL(), Err: syscall.ENOTDIR}
	} else if err != nil && !os.IsNotExist(err) {
		return nil, &Error{Op: "open store", URL: l.URL(), Err: err}
	}
	l.removeOrphans()
	return l, nil
}

// redact takes a user, a password and a query out of a URL before it is shown.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		scheme, _, _ := strings.Cut(raw, "://")
		return scheme + "://…"
	}
	u.RawQuery, u.User, u.Fragment = "", nil, ""
	return u.String()
}
