package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/imglish/imglish/durable"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// only fails unless the folder holds the one name.
func only(t *testing.T, dir, name string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("%s holds %v, %v, want %s alone", dir, entries, err, name)
	}
}

func TestWriteFileReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	for _, text := range []string{"one", "", "three"} {
		if err := durable.WriteFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := read(t, path); got != text {
			t.Errorf("file holds %q, want %q", got, text)
		}
		only(t, filepath.Dir(path), "a")
	}
}

// A new file has the permissions that os.Create gives, whatever the umask.
func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	plain, ours := filepath.Join(dir, "plain"), filepath.Join(dir, "ours")
	if err := os.WriteFile(plain, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(ours, nil); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(ours)
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode() != want.Mode() {
		t.Errorf("file has mode %v, os.Create gives %v", got.Mode(), want.Mode())
	}
}

func TestDiscardLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := durable.WriteFile(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	f, err := durable.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(f, strings.Repeat("new", 1<<20)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "old" {
		t.Errorf("before Commit the file holds %.20q", got)
	}
	f.Discard()
	f.Discard()
	only(t, filepath.Dir(path), "a")
	if got := read(t, path); got != "old" {
		t.Errorf("after Discard the file holds %.20q", got)
	}
}

// A name that cannot be had: the error says which, and nothing is left behind.
func TestErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "none", "a")
	if err := durable.WriteFile(path, nil); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "write "+path+": ") {
		t.Errorf("a file in no folder: %v", err)
	}
	path = filepath.Join(dir, "folder")
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, []byte("x")); err == nil {
		t.Error("a file took a folder's place")
	}
	only(t, dir, "folder")
}

// A pipe, like a device, stays what it is: a file in the place of /dev/null would be everybody's trouble.
func TestNoOrdinaryFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, link} {
		if err := durable.WriteFile(path, []byte("x")); err == nil || !strings.Contains(err.Error(), "no ordinary file") {
			t.Errorf("WriteFile(%s): %v", path, err)
		}
		if f, err := durable.Create(path); err == nil {
			f.Discard()
			t.Errorf("Create(%s) is no error", path)
		}
	}
	if at, err := os.Stat(link); err != nil || at.Mode().Type() != fs.ModeNamedPipe {
		t.Errorf("the pipe is %v, %v", at, err)
	}
}

// Writers of one name do not mix, and readers see one of them whole.
func TestWritersDoNotMix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	var wg sync.WaitGroup
	for i := range 8 {
		text := strings.Repeat(string(rune('a'+i)), 300<<10)
		wg.Go(func() {
			for range 3 {
				if err := durable.WriteFile(path, []byte(text)); err != nil {
					t.Error(err)
				}
				if got := read(t, path); len(got) != len(text) || strings.Trim(got, got[:1]) != "" {
					t.Errorf("file holds %d bytes, %.9q to %q", len(got), got, got[max(0, len(got)-9):])
				}
			}
		})
	}
	wg.Wait()
	only(t, filepath.Dir(path), "a")
}

func TestRename(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "part"), filepath.Join(dir, "whole")
	if err := os.Mkdir(from, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(filepath.Join(from, "a"), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	only(t, dir, "whole")
	if got := read(t, filepath.Join(to, "a")); got != "x" {
		t.Errorf("file holds %q", got)
	}
	if err := durable.Rename(from, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rename of what is not there: %v", err)
	}
}

func ExampleCreate() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "numbers")

	f, err := durable.Create(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Discard() // does nothing behind Commit
	for i := range 3 {
		fmt.Fprintln(f, i)
	}
	if err := f.Commit(); err != nil {
		fmt.Println(err)
		return
	}
	data, _ := os.ReadFile(path)
	fmt.Printf("%q\n", data)
	// Output: "0\n1\n2\n"
}
