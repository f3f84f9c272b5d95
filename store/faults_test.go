package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// faultyDisk fails at call number at (from 1), and at each call behind it if the disk stays full.
type faultyDisk struct {
	disk
	calls, at int
	err       error
	short     bool // a failing write takes half of its bytes first
}

func (d *faultyDisk) fails() bool {
	d.calls++
	return d.at > 0 && d.calls == d.at
}

func (d *faultyDisk) create(path string) (file, error) {
	if d.fails() {
		return nil, d.err
	}
	f, err := d.disk.create(path)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, d}, nil
}

func (d *faultyDisk) rename(from, to string) error {
	if d.fails() {
		return d.err
	}
	return d.disk.rename(from, to)
}

func (d *faultyDisk) link(from, to string) error {
	if d.fails() {
		return d.err
	}
	return d.disk.link(from, to)
}

func (d *faultyDisk) syncFolder(path string) error {
	if d.fails() {
		return d.err
	}
	return d.disk.syncFolder(path)
}

type faultyFile struct {
	file
	d *faultyDisk
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.d.fails() {
		n := 0
		if f.d.short {
			n, _ = f.file.Write(p[:len(p)/2])
		}
		return n, f.d.err
	}
	return f.file.Write(p)
}

func (f *faultyFile) Sync() error {
	if f.d.fails() {
		return f.d.err
	}
	return f.file.Sync()
}

// Each call that a write makes fails once: the error names the object and the cause, what was there before is there
// still, a new object is absent or whole, no temporary file stays, and the same call succeeds afterwards.
func TestFaultAtEveryCall(t *testing.T) {
	old, fresh := bytes.Repeat([]byte("old "), 10_000), bytes.Repeat([]byte("fresh "), 20_000)
	for _, tt := range []struct {
		name  string
		write func(l *Local) error
		key   string
		older bool
	}{
		{"replace", func(l *Local) error { _, err := l.Put(t.Context(), "d/k", bytes.NewReader(fresh)); return err }, "d/k", true},
		{"put", func(l *Local) error { _, err := l.Put(t.Context(), "e/f/k", bytes.NewReader(fresh)); return err }, "e/f/k", false},
		{"create", func(l *Local) error { _, err := l.PutIfAbsent(t.Context(), "g/k", fresh); return err }, "g/k", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for at := 1; ; at++ {
				root := t.TempDir()
				d := &faultyDisk{disk: osDisk{}, err: syscall.ENOSPC, short: at%2 == 0}
				l := &Local{root: root, disk: d}
				if tt.older {
					if _, err := l.Put(t.Context(), tt.key, bytes.NewReader(old)); err != nil {
						t.Fatal(err)
					}
				}
				d.calls, d.at = 0, at
				err := tt.write(l)
				if err == nil {
					if d.calls >= at {
						t.Errorf("fault at call %d was swallowed", at)
					}
					if at < 5 {
						t.Errorf("only %d calls to fail at", at-1)
					}
					return
				}
				var se *Error
				if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &se) || !strings.Contains(err.Error(), tt.key) ||
					!strings.Contains(se.Hint(), "full") {
					t.Errorf("fault at call %d: %v, want a full disk at %s with a hint", at, err, tt.key)
				}
				got, err := l.Get(t.Context(), tt.key)
				switch {
				case err == nil && bytes.Equal(got, fresh): // in place, only not known to be durable
				case tt.older && err == nil && bytes.Equal(got, old):
				case !tt.older && errors.Is(err, ErrNotFound):
				default:
					t.Errorf("fault at call %d left %d bytes, %v", at, len(got), err)
				}
				if rest, _ := os.ReadDir(filepath.Join(root, tempFolder)); len(rest) != 0 {
					t.Errorf("fault at call %d left %d temporary files", at, len(rest))
				}
				d.at = 0
				if err := tt.write(l); err != nil {
					t.Errorf("again behind the fault at call %d: %v", at, err)
				}
				if got, err := l.Get(t.Context(), tt.key); err != nil || !bytes.Equal(got, fresh) {
					t.Errorf("again behind the fault at call %d: %d bytes, %v", at, len(got), err)
				}
			}
		})
	}
}

// A sweep takes the files of dead writers and leaves those of living ones.
func TestOrphans(t *testing.T) {
	root := t.TempDir()
	l := &Local{root: root, disk: osDisk{}}
	living, _, err := l.writeTemp(t.Context(), strings.NewReader("in the middle of a write"))
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(root, tempFolder, "dead")
	if err := os.WriteFile(dead, []byte("half an obj"), 0o666); err != nil {
		t.Fatal(err)
	}
	st, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead); !os.IsNotExist(err) {
		t.Errorf("the dead writer's file is still there: %v", err)
	}
	if _, err := os.Stat(living.path); err != nil {
		t.Errorf("the living writer's file is gone: %v", err)
	}
	for info := range st.List(t.Context(), "") {
		t.Errorf("a temporary file is listed: %v", info)
	}
	living.discard()
	if _, err := os.Stat(living.path); !os.IsNotExist(err) {
		t.Errorf("discard left its file: %v", err)
	}
}

func FuzzValidKey(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "a//b", ".tmp/x", "blobs/ab/cd/ef", "a\x00", ""} {
		f.Add(s)
	}
	root := "/some/root"
	f.Fuzz(func(t *testing.T, key string) {
		if ValidKey(key) != nil {
			return
		}
		l := &Local{root: root}
		if p := l.path(key); p != root+"/"+key || !filepath.IsLocal(key) {
			t.Errorf("valid key %q leads to %q", key, p)
		}
	})
}
