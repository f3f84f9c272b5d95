package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// retry says how long a call is repeated.
type retry struct {
	first time.Duration // pause behind the first attempt; it doubles
	most  time.Duration // longest pause
	total time.Duration // no attempt begins later than this behind the first failure
	stall time.Duration // a connection that stands still for this long has failed
}

// A minute outlasts a server's restart, a moved address and a burst of 503. What lasts longer the caller must hear of.
var defaultRetry = retry{first: 100 * time.Millisecond, most: 5 * time.Second, total: time.Minute, stall: stallTimeout}

// silence is how long a server may take for one answer before that alone counts as trouble of the store's.
const silence = 10 * time.Second

// maxDamaged attempts at a read whose bytes do not match: a line flips bits rarely, a damaged object always has them.
const maxDamaged = 5

// try calls f until it succeeds, fails for good, or time runs out. attempt counts from 0.
func (s *S3) try(ctx context.Context, f func(attempt int) error) error {
	var since time.Time // of the first failure: an attempt itself may take long
	pause, damaged := s.retry.first, 0
	for attempt := 0; ; attempt++ {
		began := time.Now()
		err := f(attempt)
		if err == nil || !transient(err) {
			return err
		}
		if attempt == 0 {
			since = time.Now()
		}
		if errors.Is(err, ErrDamaged) {
			if damaged++; damaged == maxDamaged {
				return err
			}
		}
		// Between the half and the whole of it, so that many that were cut off together do not come back together.
		wait := pause/2 + rand.N(pause/2+1)
		if ctx.Err() == nil && time.Since(since)+wait > s.retry.total {
			return &outage{err, time.Since(since)}
		}
		if time.Since(since) > time.Second {
			s.note.say("%s: %v; trying again", s.url, plain(err))
		}
		if ctx.Err() != nil && attempt == 0 && time.Since(began) < silence {
			return ctx.Err() // the caller had no time left when it called
		}
		select {
		case <-ctx.Done():
			// With the cause, which a deadline alone would hide.
			return fmt.Errorf("%w, behind %w", ctx.Err(), &outage{err, time.Since(since)})
		case <-time.After(wait):
		}
		pause = min(2*pause, s.retry.most)
	}
}

// outage is an error that another attempt, later, may not have.
type outage struct {
	err  error
	tick time.Duration
}

func (o *outage) Error() string {
	return fmt.Sprintf("%v (for %s)", plain(o.err), o.tick.Round(100*time.Millisecond))
}
func (o *outage) Unwrap() error { return o.err }
