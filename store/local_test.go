package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/storetest"
)

func TestLocal(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "made", "on", "demand")) })
}

func TestOpen(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ where, wrong, hint string }{
		{folder, "", ""},
		{"file://" + folder, "", ""},
		{"file://localhost" + folder, "", ""},
		{filepath.Join(folder, "later"), "", ""},
		{"", "no folder", ""},
		{file, "not a directory", "not a file"},
		{"file://elsewhere/x", "file:///path", "folder"},
		{"ftp://key:secret@host/bucket?token=t", "no store of this kind", "s3://bucket/prefix"},
		{"s3://key:secret@bucket/prefix", "stands in the URL", "AWS_SECRET_ACCESS_KEY"},
		{"s3://bucket/prefix?secret_key=secret", "stands in the URL", "AWS_SECRET_ACCESS_KEY"},
		{"s3://bucket/prefix?aws_session_token=token", "stands in the URL", "AWS_SECRET_ACCESS_KEY"},
		{"s3://bucket/prefix?regoin=x", `unknown setting "regoin", known are ca, credentials_file, endpoint`, "docs/s3.md"},
		{"s3://bucket/prefix?region=x&region=y", "region is there twice", "docs/s3.md"},
		{"s3://bucket/prefix?part_mb=4", "from 5 to 1024", "docs/s3.md"},
		{"s3://bucket/prefix?path_style=perhaps", "path_style", "docs/s3.md"},
		{"s3://bucket/prefix?endpoint=host:9000", "want https://host", "docs/s3.md"},
		{"s3://bucket/prefix?endpoint=https://user:secret@host", "want https://host", "docs/s3.md"},
		{"s3://bucket/prefix?ca=/not/there.pem", "/not/there.pem", "docs/s3.md"},
		{"s3://Bucket/prefix", "bucket", "docs/s3.md"},
		{"s3://bucket/../x", "prefix", "docs/s3.md"},
		{"s3:///prefix", "bucket", "docs/s3.md"},
	} {
		st, err := store.Open(tt.where)
		if tt.wrong == "" {
			if err != nil || !strings.HasPrefix(st.URL(), "file:///") {
				t.Errorf("Open(%q) = %v, %v", tt.where, st, err)
			}
			continue
		}
		var hinted interface{ Hint() string }
		if err == nil || !strings.Contains(err.Error(), tt.wrong) || !errors.As(err, &hinted) ||
			!strings.Contains(hinted.Hint(), tt.hint) {
			t.Errorf("Open(%q): %v, want %q with a hint about %q", tt.where, err, tt.wrong, tt.hint)
		} else if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "token") {
			t.Errorf("Open(%q) shows the credentials: %v", tt.where, err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "later")); !os.IsNotExist(err) {
		t.Errorf("Open made the folder: %v", err)
	}
}

// A linked folder is followed: a user moves blobs/ to a bigger disk and leaves a link.
func TestLinkedFolder(t *testing.T) {
	folder, other := t.TempDir(), t.TempDir()
	if err := os.Symlink(other, filepath.Join(folder, "blobs")); err != nil {
		t.Fatal(err)
	}
	st := open(t, folder)
	key, _, err := store.PutBlob(t.Context(), st, []byte("x"))
	if err != nil {
		t.Skip("the link leads to another file system") // link() does not cross; Put's rename neither
	}
	for info, err := range st.List(t.Context(), "blobs/") {
		if info.Key != key || err != nil {
			t.Errorf("List = %v, %v, want %s", info, err, key)
		}
	}
}

func open(t *testing.T, where string) store.Store {
	t.Helper()
	st, err := store.Open(where)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func ExampleStore() {
	folder, _ := os.MkdirTemp("", "store")
	defer os.RemoveAll(folder)
	st, _ := store.Open(folder)
	ctx := context.Background()

	st.Put(ctx, "text/a.parquet", bytes.NewReader([]byte("rows")))
	first, _ := st.PutIfAbsent(ctx, "commits/a.json", []byte("one writer"))
	second, _ := st.PutIfAbsent(ctx, "commits/a.json", []byte("another"))
	data, _ := st.Get(ctx, "commits/a.json")
	fmt.Printf("%v %v %s\n", first, second, data)
	// Output: true false one writer
}
