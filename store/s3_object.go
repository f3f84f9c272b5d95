package store

import (
	"context"
	"io"
	"sync"
)

// Reads of a Parquet file are many and small, and each column is read on from where it was. A request costs as much as
// some hundred kilobytes, so what is asked for comes with what lies behind it: little at a place that is new, twice as
// much each time that a read goes on behind it. A few windows are kept, one for each column that is being read.
const (
	windows     = 8
	firstWindow = 128 << 10
	mostWindow  = 4 << 20
	// An object whose reads jump holds at most windows × firstWindow; one that is read through, one large window.
)

// s3Object is an open object.
type s3Object struct {
	s      *S3
	key    string
	etag   string
	size   int64
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	windows [windows]window
	clock   int64
}

// window is a piece of the object that was read.
type window struct {
	from int64
	data []byte
	used int64
	step int64 // bytes asked for
}

func (w *window) end() int64 { return w.from + int64(len(w.data)) }

func (o *s3Object) Size() int64 { return o.size }

func (o *s3Object) Close() error {
	o.cancel()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.windows = [windows]window{}
	return nil
}

// ReadAt reads len(p) bytes from off on, fewer with io.EOF at the end.
func (o *s3Object) ReadAt(p []byte, off int64) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if off < 0 {
		return 0, o.s.fail("read", o.key, errNegative)
	}
	for n < len(p) {
		at := off + int64(n)
		if at >= o.size {
			return n, io.EOF
		}
		w, err := o.window(at, int64(len(p)-n))
		if err != nil {
			return n, o.s.fail("read", o.key, err)
		}
		n += copy(p[n:], w.data[at-w.from:])
	}
	return n, nil
}

// window returns one that holds the byte at a place, reading it if need be; want bytes are asked for there.
func (o *s3Object) window(at, want int64) (*window, error) {
	o.clock++
	var behind, oldest *window
	for i := range o.windows {
		w := &o.windows[i]
		if w.from <= at && at < w.end() {
			w.used = o.clock
			return w, nil
		}
		// The tail ends where nothing follows, so it is never one to go on from.
		if w.data != nil && w.end() == at {
			behind = w
		}
		if oldest == nil || w.used < oldest.used {
			oldest = w
		}
	}
	step, into := int64(firstWindow), oldest
	if behind != nil {
		step, into = min(2*max(behind.step, firstWindow), mostWindow), behind
	}
	length := min(max(want, step), mostWindow, o.size-at)
	for i := range o.windows { // not what is there already
		if w := &o.windows[i]; w.data != nil && w.from > at {
			length = min(length, w.from-at)
		}
	}
	data := make([]byte, length)
	if err := o.fetch(data, at); err != nil {
		return nil, err
	}
	*into = window{from: at, data: data, used: o.clock, step: step}
	return into, nil
}
