package pipeline

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// laneWriter appends to a lane: one request in flight, no retry. It knows the offset that its request must get; any
// other means that somebody else has written too, and then it stops, so a zombie stops after one batch.
type laneWriter struct {
	log   lanelog
	line  []byte // UUID
	topic string
	lane  int
	id    []byte // random, new at each resume
	room  *room
	// wrote is told after each request, with its last item: a writer that waits for room waits for its own position to
	// be saved, too.
	wrote func(last *item, urgent bool)

	request int    // bytes of one write; less than maxRequest if the log has refused so much
	buf     []byte // of the records of one write; used again once that is acknowledged, since then nobody sends it any more
	record  Record // that is being encoded; one for all, since it is large

	expect int64    // offset of the next record
	last   Position // the last record written
	last0  int64    // seq of the last record when the writer resumed
}

const (
	maxRequest = 1 << 20 // bytes of one write; a larger record goes alone
	// maxRecord bounds a record. The topics' max.message.bytes leaves room for Kafka's own fields above it.
	maxRecord = 3 << 20
)

// resumeWriter folds a lane's own output to its last accepted record: the checkpoint. saved are positions of this
// topic that anybody knows.
func resumeWriter(ctx context.Context, r *laneReader, limit int64, taken func() Position, saved ...Position) (*laneWriter, *accepted, error) {
	last, err := r.open(ctx, saved...)
	if err != nil {
		return nil, nil, err
	}
	w := &laneWriter{
		log: r.log, line: r.line, topic: r.topic, lane: r.lane,
		id: make([]byte, 16), request: maxRequest,
		room: newRoom(limit, taken),
	}
	rand.Read(w.id)
	from := r.next
	tail, err := r.fold(ctx, func(a *accepted) { w.room.add(a.offset, int64(len(a.value))) })
	if err != nil {
		return nil, nil, err
	}
	if tail != nil {
		last = tail
	}
	w.expect, w.last, w.last0 = r.end, r.last, r.last.LastSeq
	size := int64(0)
	if last != nil {
		size = int64(len(last.value))
	}
	w.room.guess(from, size)
	return w, last, nil
}

// append writes items behind the last and waits until they are durable.
func (w *laneWriter) append(ctx context.Context, items []*item) error {
	for len(items) > 0 {
		values := make([]value, 0, min(len(items), maxPut))
		bytes := 0
		w.buf = w.buf[:0]
		for _, it := range items {
			if want := w.last.LastSeq + 1 + int64(len(values)); int64(it.seq) != want {
				return fmt.Errorf("%w: %s/%d: seq %d is to be written in the place of seq %d", ErrFatal, w.topic, w.lane, it.seq, want)
			}
			room := w.request - bytes
			if len(values) == 0 {
				room = maxRecord
			}
			v, err := w.encode(it, room)
			if err != nil {
				return err
			}
			if v == nil {
				break
			}
			values = append(values, v)
			bytes += v.size()
		}
		n := len(values)
		if err := w.room.wait(ctx); err != nil {
			return err
		}
		base, err := w.log.write(ctx, w.topic, w.lane, values)
		if errors.Is(err, errTooLarge) {
			if err = w.shrink(items[0], n, bytes); err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		if base != w.expect {
			return fmt.Errorf("%s/%d: written at offset %d, expected %d: %w", w.topic, w.lane, base, w.expect, errForeign)
		}
		for i, v := range values {
			w.room.add(base+int64(i), int64(v.size()))
			items[i].written = v.size()
		}
		w.expect += int64(n)
		w.last = Position{LastSeq: int64(items[n-1].seq), InputOffset: w.expect - 1, InputWriter: w.id}
		w.wrote(items[n-1], w.room.outstanding() > w.room.limit/8)
		items = items[n:]
	}
	return nil
}

// shrink makes less of a write of n records that the log has refused as too large, beginning with an item: fewer records
// from now on, or a skip in the place of a sample that is too large alone.
func (w *laneWriter) shrink(it *item, n, bytes int) error {
	switch {
	case n > 1:
		w.request = bytes / 2
	case it.Skip == nil:
		it.fail("", "record-too-large", fmt.Sprintf("%d bytes, topic %s takes less: raise its max.message.bytes to %d", bytes, w.topic, maxMessage), false, 1)
	default:
		return refusal(fmt.Errorf("%s/%d: not even a skip of %d bytes is taken: %w", w.topic, w.lane, bytes, errTooLarge),
			fmt.Sprintf("raise max.message.bytes of the topic to %d", maxMessage))
	}
	return nil
}

// encode makes the record of an item, or nil if it has no room of so many bytes. A sample too large for the log becomes a
// skip.
func (w *laneWriter) encode(it *item, room int) (value, error) {
	rec := &w.record
	rec.Schema, rec.Line, rec.Writer, rec.Seq = RecordSchema, w.line, w.id, it.seq
	rec.InputOffset, rec.InputWriter = it.offset, it.writer
	rec.EndOfFile, rec.Cursor = it.endOfFile, it.cursor
	rec.setOutcome(it.Result)
	size := proto.Size(rec)
	if size > maxRecord {
		it.fail("", "record-too-large", fmt.Sprintf("%d bytes, the log takes %d", size, maxRecord), false, 1)
		rec.setOutcome(it.Result)
		if size = proto.Size(rec); size > maxRecord {
			return nil, fmt.Errorf("%w: seq %d of %s/%d: the skip itself has %d bytes", ErrFatal, it.seq, w.topic, w.lane, size)
		}
	}
	if size > room {
		return nil, nil
	}
	v, buf, err := encodeRecord(w.buf, rec)
	if err != nil {
		return nil, fmt.Errorf("encode seq %d of %s/%d: %w", it.seq, w.topic, w.lane, err)
	}
	w.buf = buf
	return v, nil
}

func (r *Record) setOutcome(x Result) {
	if x.Skip != nil {
		r.Outcome = &Record_Skip{x.Skip}
	} else {
		r.Outcome = &Record_Sample{x.Sample}
	}
}
