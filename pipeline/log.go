package pipeline

import (
	"context"
	"errors"
	"time"
)

// lanelog reads and writes the partitions that lanes run through. kafkaLog is the real one; tests put one with faults in
// its place.
type lanelog interface {
	// read returns the records at offset and behind it. It waits up to wait for the first one. An offset in front of
	// the log or behind its end is errOutOfRange.
	read(ctx context.Context, topic string, lane int, offset int64, wait time.Duration) (chunk, error)
	// write appends values as one request and returns the offset of the first. An error leaves open whether they are
	// in the log, or will be; it is never sent again once it may have been. errTooLarge says that they are not.
	write(ctx context.Context, topic string, lane int, values []value) (base int64, err error)
	// ends returns the offset of the first record that is kept and the one behind the last.
	ends(ctx context.Context, topic string, lane int) (start, end int64, err error)
}

// positions keeps what segments save: for each of their topics and lanes, the last record taken.
type positions interface {
	save(ctx context.Context, segment string, at map[topicLane]Position) error
	saved(ctx context.Context, segment string, of []topicLane) (map[topicLane]Position, error)
}

type topicLane struct {
	topic string
	lane  int
}

// chunk is what one read brings.
type chunk struct {
	start, end int64 // of the log, when it was read
	entries    []entry
}

// entry is one record of a partition.
type entry struct {
	offset int64
	value  []byte
	memory *answer // that value points into; nil if it is nobody else's
}

// value is what a record is written from: parts that follow each other, so that large ones can stay where they are.
type value [][]byte

func (v value) size() int {
	n := 0
	for _, part := range v {
		n += len(part)
	}
	return n
}

var (
	// errOutOfRange: the offset is in front of the first record that is kept, or behind the end.
	errOutOfRange = errors.New("offset out of range")
	// errTooLarge: a write has not reached the log, since it takes no request of this size.
	errTooLarge = errors.New("larger than the log takes")
	// errForeign: a write got another offset than the one behind the last, so somebody else has written, a late
	// request has come in, or the log was cut. The lane must be resumed from the log.
	errForeign = errors.New("the lane has been written by another")
	// errNoBase: records of a lane have expired and no saved position leads behind them.
	errNoBase = &lossError{"no saved position"}
)
