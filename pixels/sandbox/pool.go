package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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

// Options say what Decode returns.
type Options struct {
	Limits     pixels.Limits
	FitW, FitH int           // resize to this size in the worker; 0: leave the picture as it is
	Filter     pixels.Filter // of that resize
}

// Decode decodes a picture as pixels.Decode does, in a worker. It returns pixels.Decode's errors, ErrCrash, ErrTimeout,
// the context's error, or an error of the machinery, such as a worker that cannot be started.
//
// A worker that dies is no proof against the picture: another process may have killed it. So the picture is given to a
// second, fresh worker before it is ErrCrash.
func (p *Pool) Decode(ctx context.Context, data []byte, o Options) (*pixels.Image, pixels.Info, error) {
	if len(data) > maxRequest {
		return nil, pixels.Info{}, fmt.Errorf("%w: %d bytes", pixels.ErrUnsupported, len(data))
	}
	// The header alone is read here, by Go code: most of what is no picture never reaches a worker.
	info, err := pixels.Probe(data)
	if err == nil {
		err = o.Limits.Check(info.W, info.H)
	}
	if err != nil {
		return nil, info, err
	}
	size := int64(info.W) * int64(info.H)
	if o.FitW > 0 && o.FitH > 0 {
		size = int64(o.FitW) * int64(o.FitH)
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
		im, got, err := p.ask(ctx, slot, data, o, 3*size)
		if slot.done++; slot.done >= p.cfg.Recycle {
			slot.stop()
			slot = nil
		}
		var dead *deadError
		if !errors.As(err, &dead) {
			return im, got, err
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

// ask sends one picture to a worker and waits for the answer.
func (p *Pool) ask(ctx context.Context, w *process, data []byte, o Options, maxBody int64) (*pixels.Image, pixels.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, pixels.Info{}, err
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

	q := request{MaxPixels: o.Limits.MaxPixels, FitW: o.FitW, FitH: o.FitH, Filter: o.Filter, TimeoutMS: p.cfg.Timeout.Milliseconds()}
	var a answer
	var body []byte
	err := writeFrame(w.in, q, data)
	if err == nil {
		body, err = readFrame(w.out, &a, maxBody)
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
	if a.W <= 0 || a.H <= 0 || int64(len(body)) != 3*int64(a.W)*int64(a.H) {
		return nil, a.Info, &deadError{fmt.Errorf("%w: %d bytes for %d×%d pixels", ErrCrash, len(body), a.W, a.H), false}
	}
	return &pixels.Image{W: a.W, H: a.H, Pix: body}, a.Info, nil
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
