package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/imglish/imglish/pixels"
)

// What can happen to a worker over a picture.
var (
	ErrCrash   = errors.New("the picture crashed its decoder")
	ErrTimeout = errors.New("the picture took too long to decode")
)

// Pool decodes pictures in worker processes.
type Pool struct {
	cfg   Config
	slots chan *process // one entry a worker; nil where it has to be started

	mu     sync.Mutex
	closed bool
	starts int64
}

// New makes a pool. Workers start when they are needed.
func New(c Config) (*Pool, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &Pool{cfg: c, slots: make(chan *process, c.Workers)}
	for range c.Workers {
		p.slots <- nil
	}
	return p, nil
}

// Decode decodes a picture as pixels.Decode does, in a worker. It returns pixels.Decode's errors, ErrCrash, ErrTimeout,
// the context's error, or an error of the machinery, such as a worker that cannot be started.
//
// A worker that dies is no proof against the picture: another process may have killed it. So the picture is given to a
// second, fresh worker before it is ErrCrash.
func (p *Pool) Decode(ctx context.Context, data []byte, lim pixels.Limits) (*pixels.Image, pixels.Info, error) {
	all, info, err := p.do(ctx, data, lim, 0, nil)
	if err != nil {
		return nil, info, err
	}
	return all[0], info, nil
}

// Cuts decodes a picture in a worker and returns parts of it, one for each cut. turn is an EXIF orientation by which the
// picture is turned before it is cut; 0 or 1 leaves it. Errors are Decode's.
func (p *Pool) Cuts(ctx context.Context, data []byte, lim pixels.Limits, turn int, cuts []Cut) ([]*pixels.Image, pixels.Info, error) {
	if len(cuts) == 0 || turn < 0 || turn > 8 {
		return nil, pixels.Info{}, fmt.Errorf("sandbox: %d cuts of a picture turned by orientation %d", len(cuts), turn)
	}
	return p.do(ctx, data, lim, turn, cuts)
}

func (p *Pool) do(ctx context.Context, data []byte, lim pixels.Limits, turn int, cuts []Cut) ([]*pixels.Image, pixels.Info, error) {
	if len(data) > maxRequest {
		return nil, pixels.Info{}, fmt.Errorf("%w: %d bytes", pixels.ErrUnsupported, len(data))
	}
	// The header alone is read here, by Go code: most of what is no picture never reaches a worker.
	info, err := pixels.Probe(data)
	if err == nil {
		err = lim.Check(info.W, info.H)
	}
	if err != nil {
		return nil, info, err
	}
	q := request{MaxPixels: lim.MaxPixels, Turn: turn, Cuts: cuts, TimeoutMS: p.cfg.Timeout.Milliseconds()}
	sizes := [][2]int{{info.W, info.H}}
	if len(cuts) > 0 {
		w, h := info.W, info.H
		if turn >= 5 {
			w, h = h, w
		}
		sizes = sizes[:0]
		for _, c := range cuts {
			if err := c.check(w, h); err != nil {
				return nil, info, err
			}
			sizes = append(sizes, [2]int{c.ToW, c.ToH})
		}
	}
	var slot *process
	select {
	case slot = <-p.slots:
	case <-ctx.Done():
		return nil, info, ctx.Err()
	}
	defer func() { p.release(slot) }()
	for attempt := 0; ; attempt++ {
		if slot == nil {
			if slot, err = p.start(); err != nil {
				return nil, info, err
			}
		}
		all, got, err := p.ask(ctx, slot, q, data, sizes)
		if slot.done++; slot.done >= p.cfg.Recycle {
			slot.stop()
			slot = nil
		}
		var dead *deadError
		if !errors.As(err, &dead) {
			return all, got, err
		}
		if slot != nil {
			slot.stop()
		}
		slot = nil
		if dead.final || attempt > 0 {
			return nil, info, dead.why
		}
	}
}

// deadError says that the worker is of no use any more. final: another try makes no sense.
type deadError struct {
	why   error
	final bool
}

func (e *deadError) Error() string { return e.why.Error() }

// ask sends one picture to a worker and waits for the answer, pictures of these sizes.
func (p *Pool) ask(ctx context.Context, w *process, q request, data []byte, sizes [][2]int) ([]*pixels.Image, pixels.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, pixels.Info{}, err
	}
	want := int64(0)
	for _, s := range sizes {
		want += 3 * int64(s[0]) * int64(s[1])
	}
	var late bool
	var mu sync.Mutex
	timer := time.AfterFunc(p.cfg.Timeout, func() {
		mu.Lock()
		late = true
		mu.Unlock()
		w.kill()
	})
	defer timer.Stop()
	defer context.AfterFunc(ctx, w.kill)()

	var a answer
	var body []byte
	err := writeFrame(w.in, q, data)
	if err == nil {
		body, err = readFrame(w.out, &a, want)
	}
	if err != nil {
		w.stop()
		mu.Lock()
		defer mu.Unlock()
		switch {
		case ctx.Err() != nil:
			return nil, a.Info, &deadError{ctx.Err(), true}
		case late:
			return nil, a.Info, &deadError{fmt.Errorf("%w: %s", ErrTimeout, p.cfg.Timeout), true}
		}
		why := w.exit()
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, os.ErrClosed) && !errors.Is(err, syscall.EPIPE) {
			why = "answer makes no sense: " + err.Error()
		}
		return nil, a.Info, &deadError{fmt.Errorf("%w: %s", ErrCrash, why), false}
	}
	if a.Error != "" {
		e := &remoteError{kind: pixels.ErrCorrupt, text: a.Error}
		if a.Kind >= 1 && a.Kind <= len(kinds) {
			e.kind = kinds[a.Kind-1]
		}
		return nil, a.Info, e
	}
	if int64(len(body)) != want || !slices.Equal(a.Sizes, sizes) {
		return nil, a.Info, &deadError{fmt.Errorf("%w: %d bytes for pictures of %v pixels", ErrCrash, len(body), a.Sizes), false}
	}
	all := make([]*pixels.Image, len(sizes))
	for i, s := range sizes {
		n := 3 * s[0] * s[1]
		all[i] = &pixels.Image{W: s[0], H: s[1], Pix: body[:n:n]}
		body = body[n:]
	}
	return all, a.Info, nil
}

func (p *Pool) start() (*process, error) {
	p.mu.Lock()
	closed := p.closed
	p.starts++
	p.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	return start(p.cfg)
}

// Starts is how many workers have been started so far.
func (p *Pool) Starts() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.starts
}

func (p *Pool) release(w *process) { p.slots <- w }

// Close ends the workers. It waits for pictures in work. Decode returns an error afterwards.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	for range p.cfg.Workers {
		if w := <-p.slots; w != nil {
			w.stop()
		}
	}
	for range p.cfg.Workers {
		p.slots <- nil
	}
	return nil
}
