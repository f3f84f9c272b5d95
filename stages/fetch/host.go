package fetch

import (
	"context"
	"sync"
	"time"
)

// hosts keeps transfers to one host few, and apart from one that asked for a pause. It is about politeness only: what
// comes out of a transfer does not depend on it.
type hosts struct {
	perHost int
	mu      sync.Mutex
	by      map[string]*host
}

type host struct {
	slots chan struct{}
	users int       // who holds or waits for a slot
	quiet time.Time // no request before; zero: at once
}

// sweepAbove is how many hosts are remembered before those that nobody uses and whose pause is over are dropped.
const sweepAbove = 4096

// longestPause bounds what a server can ask for by Retry-After.
const longestPause = 10 * time.Minute

// take waits for a turn at a host. It gives up with a failure if the host wants quiet until behind the limit or the
// context's deadline. The caller must call give.
func (h *hosts) take(ctx context.Context, name string, limit time.Duration) (give func(), err error) {
	h.mu.Lock()
	at := h.by[name]
	if at == nil {
		h.sweep()
		if h.by == nil {
			h.by = map[string]*host{}
		}
		at = &host{slots: make(chan struct{}, h.perHost)}
		h.by[name] = at
	}
	at.users++
	h.mu.Unlock()
	leave := func() {
		h.mu.Lock()
		at.users--
		if at.users == 0 && !at.quiet.After(time.Now()) {
			delete(h.by, name)
		}
		h.mu.Unlock()
	}
	select {
	case at.slots <- struct{}{}:
	case <-ctx.Done():
		leave()
		return nil, waited(ctx)
	}
	give = func() { <-at.slots; leave() }
	h.mu.Lock()
	pause := time.Until(at.quiet)
	h.mu.Unlock()
	if pause <= 0 {
		return give, nil
	}
	if end, ok := ctx.Deadline(); pause > limit || (ok && time.Until(end) < pause) {
		give()
		return nil, mayPass("host-busy", "the host asked for a longer pause than there is time for")
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return give, nil
	case <-ctx.Done():
		give()
		return nil, waited(ctx)
	}
}

// pause notes that a host wants no request for a while.
func (h *hosts) pause(name string, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if at := h.by[name]; at != nil {
		if until := time.Now().Add(min(d, longestPause)); until.After(at.quiet) {
			at.quiet = until
		}
	}
}

// sweep drops hosts that need not be remembered. The caller holds the lock.
func (h *hosts) sweep() {
	if len(h.by) < sweepAbove {
		return
	}
	now := time.Now()
	for name, at := range h.by {
		if at.users == 0 && !at.quiet.After(now) {
			delete(h.by, name)
		}
	}
}

// waited is the end of waiting: a deadline may pass, a cancelled batch is an error.
func waited(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return mayPass("host-busy", "no turn at the host in time")
	}
	return ctx.Err()
}
