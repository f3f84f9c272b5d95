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

// Open opens the store at a folder's path or at a file:// URL. The folder is made by the first write, so a mistyped
// path given to a command that only reads leaves nothing behind. Remains of writes that a crash cut off are removed.
func Open(where string) (Store, error) {
	path := where
	if scheme, _, found := strings.Cut(where, "://"); found {
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

// redact takes a password and a query out of a URL before it is shown.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		scheme, _, _ := strings.Cut(raw, "://")
		return scheme + "://…"
	}
	u.RawQuery = ""
	return u.Redacted()
}
