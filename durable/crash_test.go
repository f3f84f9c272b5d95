package durable

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"syscall"
	"testing"
)

// badDisk keeps apart what a disk holds and what it has promised to hold. Its calls are numbered; at one of them it
// fails, or the machine stops: from there on every call does nothing.
type badDisk struct {
	now, synced map[string]*inode // names; synced are those of the last syncFolder
	calls       int
	failAt      int   // that call returns err
	err         error // errStop: and so do all behind it
}

type inode struct{ now, synced []byte }

var errStop = errors.New("the machine has stopped")

func newBadDisk(old []byte) *badDisk {
	d := &badDisk{now: map[string]*inode{"folder/name": {old, old}}, failAt: -1}
	d.synced = maps.Clone(d.now)
	return d
}

// call counts and says whether to fail.
func (d *badDisk) call() error {
	d.calls++
	if at := d.calls - 1; d.failAt < 0 || at < d.failAt || at > d.failAt && d.err != errStop {
		return nil
	}
	return d.err
}

func (d *badDisk) create(path string) (file, error) {
	if err := d.call(); err != nil {
		return nil, err
	}
	d.now[path] = &inode{}
	return &badFile{d, d.now[path]}, nil
}

func (d *badDisk) rename(from, to string) error {
	if err := d.call(); err != nil {
		return err
	}
	d.now[to] = d.now[from]
	delete(d.now, from)
	return nil
}

func (d *badDisk) remove(path string) error {
	if err := d.call(); err != nil {
		return err
	}
	delete(d.now, path)
	return nil
}

func (d *badDisk) syncFolder(string) error {
	if err := d.call(); err != nil {
		return err
	}
	d.synced = maps.Clone(d.now)
	return nil
}

type badFile struct {
	d *badDisk
	i *inode
}

// Write takes half of what it is given where it fails, as a disk that fills up does.
func (f *badFile) Write(p []byte) (int, error) {
	if err := f.d.call(); err != nil {
		if err != errStop {
			f.i.now = append(f.i.now, p[:len(p)/2]...)
		}
		return len(p) / 2, err
	}
	f.i.now = append(f.i.now, p...)
	return len(p), nil
}

func (f *badFile) Sync() error {
	if err := f.d.call(); err != nil {
		return err
	}
	f.i.synced = f.i.now
	return nil
}

func (f *badFile) Close() error { return f.d.call() }

// after is what the name may hold when the machine comes back: any mixture of what was written and what was synced.
func (d *badDisk) after() (contents [][]byte) {
	for _, names := range []map[string]*inode{d.now, d.synced} {
		if i := names["folder/name"]; i != nil {
			contents = append(contents, i.now, i.synced)
		} else {
			contents = append(contents, nil)
		}
	}
	return contents
}

var oldBytes, newBytes = []byte("old"), bytes.Repeat([]byte("new"), bufferSize)

// calls is how many calls an undisturbed write makes.
func calls(t *testing.T) int {
	d := newBadDisk(oldBytes)
	if err := writeFile(d, "folder/name", newBytes); err != nil {
		t.Fatal(err)
	}
	for _, got := range d.after() {
		if !bytes.Equal(got, newBytes) {
			t.Fatalf("after a write that succeeded and a crash the name may hold %.20q of %d bytes", got, len(got))
		}
	}
	if len(d.now) != 1 {
		t.Fatalf("files are left: %v", d.now)
	}
	return d.calls
}

func TestStopsAtAnyCall(t *testing.T) {
	for at := range calls(t) {
		d := newBadDisk(oldBytes)
		d.failAt, d.err = at, errStop
		if err := writeFile(d, "folder/name", newBytes); err == nil {
			t.Errorf("stopped at call %d, no error", at)
		}
		for _, got := range d.after() {
			if !bytes.Equal(got, oldBytes) && !bytes.Equal(got, newBytes) {
				t.Errorf("stopped at call %d: the name may hold %.20q of %d bytes", at, got, len(got))
			}
		}
	}
}

// A disk that is full, or fails in another way, leaves the old file and nothing beside it.
func TestFailsAtAnyCall(t *testing.T) {
	last := calls(t) - 1
	for at := range last + 1 {
		d := newBadDisk(oldBytes)
		d.failAt, d.err = at, fmt.Errorf("call %d: %w", at, syscall.ENOSPC)
		err := writeFile(d, "folder/name", newBytes)
		if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "write folder/name: ") {
			t.Errorf("failed at call %d: error %v, want ENOSPC of folder/name", at, err)
		}
		if len(d.now) != 1 {
			t.Errorf("failed at call %d: files are left: %v", at, d.now)
		}
		want := oldBytes
		if at == last { // the folder's sync: the file has its name
			want = newBytes
		}
		if got := d.now["folder/name"].now; !bytes.Equal(got, want) {
			t.Errorf("failed at call %d: the name holds %.20q of %d bytes", at, got, len(got))
		}
	}
}
