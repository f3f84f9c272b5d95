package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// outage makes a few lines of what every lane meets when a broker is away: one when it has lasted for a moment, more at
// growing intervals, and one when everything goes on. It is told of each request, by what the request was for.
type outage struct {
	logger  *slog.Logger
	brokers []string

	any atomic.Bool // fast path: nothing fails

	mu      sync.Mutex
	failing map[string]trouble
	since   time.Time     // the first of them
	told    time.Time     // zero: nothing said yet
	next    time.Duration // between the last line and the next
}

// trouble is the last error of a request for something.
type trouble struct {
	err error
	at  time.Time
}

const (
	// outageGrace is how long trouble is nobody's business: a leader moves in less.
	outageGrace = 2 * time.Second
	// outagePoll is how often run looks.
	outagePoll = 250 * time.Millisecond
	outageMax  = 5 * time.Minute // between two lines
	// outageForget is when trouble of which nobody speaks any more is over: its lane has gone to another process.
	// Whoever is in trouble asks again within requestTimeout and maxRetry.
	outageForget = 2 * requestTimeout
)

func newOutage(logger *slog.Logger, brokers []string) *outage {
	return &outage{logger: logger, brokers: brokers, failing: map[string]trouble{}}
}

// result notes how a request for something went.
func (o *outage) result(what string, err error) {
	if err == nil && !o.any.Load() {
		return
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, errOutOfRange) || errors.Is(err, errTooLarge) {
		err = nil // an answer, or nobody's fault
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		delete(o.failing, what)
		return
	}
	if len(o.failing) == 0 && o.told.IsZero() {
		o.since = time.Now()
	}
	o.failing[what] = trouble{err, time.Now()}
	o.any.Store(true)
}

// look says what there is to say.
func (o *outage) look(now time.Time) {
	if !o.any.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for what, t := range o.failing {
		if now.Sub(t.at) > outageForget {
			delete(o.failing, what)
		}
	}
	lasted := now.Sub(o.since).Round(time.Second)
	if len(o.failing) == 0 {
		if !o.told.IsZero() {
			o.logger.Warn("the brokers answer again: going on", "after", lasted)
		}
		o.told = time.Time{}
		o.any.Store(false)
		return
	}
	err := o.failing[names(o.failing)[0]].err
	switch {
	case o.told.IsZero() && now.Sub(o.since) >= outageGrace:
		o.logger.Warn("the brokers do not do what is asked: waiting for them", "brokers", strings.Join(o.brokers, ","),
			"waiting", len(o.failing), "error", err)
		o.next = 5 * outageGrace
	case !o.told.IsZero() && now.Sub(o.told) >= o.next:
		o.logger.Warn("still waiting for the brokers", "for", lasted, "waiting", len(o.failing), "error", err)
		o.next = min(2*o.next, outageMax)
	default:
		return
	}
	o.told = now
}

// run looks until ctx is done.
func (o *outage) run(ctx context.Context) { every(ctx, outagePoll, nil, func() { o.look(time.Now()) }) }

// levelOf is the level at which an error is logged by whoever meets it: the outage speaks of those of brokers.
func levelOf(err error) slog.Level {
	if fromBroker(err) {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}
