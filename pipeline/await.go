package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

const (
	copiesTimeout = 10 * time.Second // within which a cluster has as many brokers as topics want copies
	awaitMax      = 5 * time.Second  // between two tries
	tellMin       = 5 * time.Second  // between the first line that says so and the second
)

// untilAnswered does f again while the brokers do not answer, and says so. A cluster may come later than its line: there is
// no end to that but ctx's. The embedded broker may be moving from one process to another, which takes a moment.
func (r *Runner) untilAnswered(ctx context.Context, f func(context.Context) error) error {
	start, wait, tell := time.Now(), 200*time.Millisecond, time.Duration(0)
	var told, short time.Time
	embedded := len(r.cfg.Kafka.Brokers) == 0
	for {
		err := answered(ctx, r.at, !embedded, f)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			if !told.IsZero() {
				r.logger.Warn("the brokers answer: going on", "after", time.Since(start).Round(time.Second))
			}
			return nil
		case errors.Is(err, ErrFatal):
			return err
		case embedded && time.Since(start) > openTimeout:
			return fmt.Errorf("broker %v: %w", r.at.brokers, err)
		case embedded:
			r.logger.Info("the broker does not answer", "brokers", r.at.brokers, "error", err)
		case errors.Is(err, kafka.InvalidReplicationFactor):
			// Its brokers may come one by one.
			if short.IsZero() {
				short = time.Now()
			}
			if time.Since(short) > copiesTimeout {
				return refusal(fmt.Errorf("%w: the cluster has fewer brokers than kafka.replication (%d)", err, r.cfg.Kafka.Replication),
					"set kafka.replication to the number of brokers at most; 1 keeps a single copy, which is lost with its broker")
			}
		}
		// Brokers that answer, but not as they will in a moment, need no words: a coordinator that is loading, say.
		var code kafka.Error
		brief := errors.As(err, &code) && time.Since(start) < outageGrace
		if now := time.Now(); !embedded && !brief && now.Sub(told) >= tell {
			r.logger.Log(ctx, slog.LevelWarn, "the brokers do not answer as they should: waiting for them",
				"brokers", strings.Join(r.at.brokers, ","), "for", now.Sub(start).Round(time.Second), "error", err)
			told, tell = now, min(max(2*tell, tellMin), outageMax)
		}
		if !pause(ctx, wait) {
			return ctx.Err()
		}
		if !embedded {
			wait = min(2*wait, awaitMax)
		}
	}
}

// answered does f once, within a bound, if the brokers let us in.
func answered(ctx context.Context, at endpoint, cluster bool, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if cluster {
		if err := at.reach(ctx); err != nil {
			return err
		}
	}
	return refused(f(ctx))
}

// confirmed asks the brokers themselves about errors that look like a refusal, but are also met when a broker ends in the
// middle of a log-in. See reach.
func (r *Runner) confirmed(ctx context.Context, err error) error {
	if len(r.cfg.Kafka.Brokers) == 0 || !errors.Is(err, kafka.SASLAuthenticationFailed) {
		return err
	}
	if e := r.at.reach(ctx); errors.Is(e, ErrFatal) {
		return e
	}
	return err
}
