package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
)

// tail reads one lane of one topic along with the line, from its first record on, and folds it by its own few lines:
// nothing of the engine is used but the record's format. It goes past the proxy, so that it loses no time.
type tail struct {
	topic string
	lane  int

	next  int64 // offset to read
	raw   int64 // records seen
	taken []taken

	seq  atomic.Int64 // of the last accepted, for others
	seen atomic.Int64 // next, for others
}

// taken is one accepted record.
type taken struct {
	offset int64
	writer [16]byte
	from   int64    // offset of the record that it came from
	came   [16]byte // that record's writer
	key    int32    // row of the source; -1 if it names none
	text   string
}

// fold accepts a record if and only if its seq follows the last accepted one's.
func (t *tail) fold(offset int64, value []byte) error {
	var rec pipeline.Record
	if err := proto.Unmarshal(value, &rec); err != nil {
		return fmt.Errorf("%s/%d at %d: %w", t.topic, t.lane, offset, err)
	}
	t.raw++
	t.next = offset + 1
	t.seen.Store(t.next)
	if int(rec.Seq) != len(t.taken) {
		return nil
	}
	t.taken = append(t.taken, taken{
		offset: offset, writer: [16]byte(rec.Writer), from: rec.InputOffset, came: writerOf(rec.InputWriter),
		key: int32(key(rec.GetSample(), rec.GetSkip())), text: show(rec.GetSample(), rec.GetSkip()),
	})
	t.seq.Store(int64(rec.Seq))
	return nil
}

func writerOf(b []byte) (w [16]byte) {
	copy(w[:], b)
	return w
}

// tails reads all lanes of all topics.
type tails struct {
	client *kafka.Client
	all    []*tail
	wg     sync.WaitGroup
	failed atomic.Pointer[error]
}

func newTails(client *kafka.Client, cfg *pipeline.Config) *tails {
	t := &tails{client: client}
	for _, s := range cfg.Segments() {
		if s.Output == "" {
			continue
		}
		for lane := range cfg.LaneCount() {
			one := &tail{topic: s.Output, lane: lane}
			one.seq.Store(-1)
			t.all = append(t.all, one)
		}
	}
	return t
}

// of returns a topic's tails in the order of the lanes.
func (t *tails) of(topic string) []*tail {
	var out []*tail
	for _, one := range t.all {
		if one.topic == topic {
			out = append(out, one)
		}
	}
	return out
}

// accepted is how many records of a topic the fold has taken.
func (t *tails) accepted(topic string) int64 {
	n := int64(0)
	for _, one := range t.of(topic) {
		n += one.seq.Load() + 1
	}
	return n
}

func (t *tails) err() error {
	if p := t.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// run reads until ctx is done.
func (t *tails) run(ctx context.Context) {
	for _, one := range t.all {
		t.wg.Go(func() {
			for ctx.Err() == nil {
				err := one.read(ctx, t.client)
				switch {
				case errors.Is(err, errBroken):
					t.failed.CompareAndSwap(nil, &err)
					return
				case err != nil: // the broker is away, or the topic is not there yet
					select {
					case <-ctx.Done():
					case <-time.After(200 * time.Millisecond):
					}
				}
			}
		})
	}
}

// errBroken: the log cannot be counted.
var errBroken = errors.New("cannot count the log")

func (t *tail) read(ctx context.Context, client *kafka.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	res, err := client.Fetch(ctx, &kafka.FetchRequest{
		Topic: t.topic, Partition: t.lane, Offset: t.next, MinBytes: 1, MaxBytes: 6 << 20, MaxWait: 500 * time.Millisecond,
	})
	if err == nil {
		err = res.Error
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return fmt.Errorf("%w: %s/%d: offset %d has expired before it was counted, or the log has lost its tail", errBroken, t.topic, t.lane, t.next)
	}
	if err != nil {
		return err
	}
	for {
		rec, err := res.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		value, err := kafka.ReadAll(rec.Value)
		if err != nil {
			return err
		}
		if rec.Offset < t.next {
			continue
		}
		if rec.Offset > t.next {
			return fmt.Errorf("%w: %s/%d: offset %d is missing, the next is %d", errBroken, t.topic, t.lane, t.next, rec.Offset)
		}
		if err := t.fold(rec.Offset, value); err != nil {
			return fmt.Errorf("%w: %w", errBroken, err)
		}
	}
}

// atEnd says whether all of the log is read.
func (t *tails) atEnd(ctx context.Context) (bool, error) {
	want := map[string][]kafka.OffsetRequest{}
	for _, one := range t.all {
		want[one.topic] = append(want[one.topic], kafka.LastOffsetOf(one.lane))
	}
	res, err := t.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: want})
	if err != nil {
		return false, err
	}
	ends := map[string]map[int]int64{}
	for topic, partitions := range res.Topics {
		ends[topic] = map[int]int64{}
		for _, p := range partitions {
			if p.Error != nil {
				return false, p.Error
			}
			ends[topic][p.Partition] = p.LastOffset
		}
	}
	for _, one := range t.all {
		if one.seen.Load() < ends[one.topic][one.lane] {
			return false, nil
		}
	}
	return true, nil
}
