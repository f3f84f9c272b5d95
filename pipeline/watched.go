package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// read, write and ends make kafkaLog a lanelog: requests of which the line's outage hears, so that lanes that wait for a
// broker say so once for all.

func (k *kafkaLog) read(ctx context.Context, topic string, lane int, offset int64, wait time.Duration) (chunk, error) {
	c, err := k.fetch(ctx, topic, lane, offset, wait)
	return c, k.noted(ctx, "read", topic, lane, err)
}

// write tries again what certainly is not in the log and will not get there: the window in front of it keeps its work
// while a broker is away. What may have landed is an error, and the lane looks.
func (k *kafkaLog) write(ctx context.Context, topic string, lane int, values []value) (int64, error) {
	for wait := minRetry; ; wait = min(2*wait, time.Second) {
		base, err := k.produce(ctx, topic, lane, values)
		err = k.noted(ctx, "write", topic, lane, err)
		if err == nil || !unsent(err) || !pause(ctx, wait) {
			return base, err
		}
	}
}

func (k *kafkaLog) ends(ctx context.Context, topic string, lane int) (start, end int64, err error) {
	start, end, err = k.listEnds(ctx, topic, lane)
	return start, end, k.noted(ctx, "ends", topic, lane, err)
}

// noted tells the outage, and marks the error.
func (k *kafkaLog) noted(ctx context.Context, what, topic string, lane int, err error) error {
	if k.outage != nil && (err != nil || k.outage.any.Load()) {
		at := fmt.Sprintf(" %s/%d", topic, lane)
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		k.outage.result(what+at, err)
		if what == "ends" && err == nil { // a lane that begins again
			k.outage.result("read"+at, nil)
			k.outage.result("write"+at, nil)
		}
	}
	if err == nil || errors.Is(err, errOutOfRange) || errors.Is(err, errTooLarge) {
		return err
	}
	if errors.Is(err, io.EOF) { // which would read as the end of the lane
		err = fmt.Errorf("%v: %w", err, io.ErrUnexpectedEOF)
	}
	return &brokerError{refused(err)}
}

// brokerError is an error of which the line's outage has heard: whoever meets it waits, and says nothing.
type brokerError struct{ error }

func (e *brokerError) Unwrap() error { return e.error }

func fromBroker(err error) bool {
	var b *brokerError
	return errors.As(err, &b)
}

// unsent says whether a write has certainly not reached the log, and will not: no connection was made, no leader is
// known, or the leader said that too few replicas follow, which it looks at before it appends.
func unsent(err error) bool {
	var dial *net.OpError
	switch {
	case errors.Is(err, kafka.NotEnoughReplicas), errors.Is(err, kafka.BrokerNotAvailable),
		errors.Is(err, protocol.ErrNoLeader), errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition):
		return true
	}
	return errors.As(err, &dial) && dial.Op == "dial"
}
