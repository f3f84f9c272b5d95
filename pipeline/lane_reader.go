package pipeline

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

// laneReader reads a lane as a fold: a record is accepted if and only if its seq follows the last accepted one's. So
// every reader accepts the same records, the first of each seq, whoever wrote what twice, late or with a gap.
//
// Its state is the pair (offset, seq). The seq alone is not enough: read from another place with the same seq, a fold
// may accept records that were written too early and that others have passed over.
type laneReader struct {
	log   lanelog
	line  []byte // UUID of the lane's life; a record of another line is an error
	topic string
	lane  int

	base   Position // in front of the first record of the lane's life
	former [][]byte // ids of lives of this line: records of another than the present one are passed over

	next    int64    // offset to read on from
	last    Position // the last accepted record
	end     int64    // of the log, as last seen
	pending []entry
}

// accepted is a record that the fold takes.
type accepted struct {
	*Record
	offset int64
	value  []byte // the record as it lies in the log
	memory *answer
}

func (a *accepted) position() Position {
	return Position{LastSeq: int64(a.Seq), InputOffset: a.offset, InputWriter: a.Writer}
}

// accept returns the next accepted record, or nil if none comes within wait.
func (r *laneReader) accept(ctx context.Context, wait time.Duration) (*accepted, error) {
	for {
		for len(r.pending) > 0 {
			e := r.pending[0]
			r.pending = r.pending[1:]
			rec, stale, err := r.decode(e)
			if err != nil {
				return nil, err
			}
			r.next = e.offset + 1
			if stale || int64(rec.Seq) != r.last.LastSeq+1 {
				continue
			}
			a := &accepted{Record: rec, offset: e.offset, value: e.value, memory: e.memory}
			r.last = a.position()
			return a, nil
		}
		c, err := r.log.read(ctx, r.topic, r.lane, r.next, wait)
		if err != nil {
			return nil, err
		}
		r.end, r.pending = c.end, c.entries
		if len(r.pending) == 0 {
			return nil, nil
		}
	}
}

// decode reads an entry of the log. stale says that it is of another life of the lane.
func (r *laneReader) decode(e entry) (rec *Record, stale bool, err error) {
	rec, err = decodeRecord(e.value)
	if err == nil && !bytes.Equal(rec.Line, r.line) {
		is := func(id []byte) bool { return bytes.Equal(id, rec.Line) }
		if stale = slices.ContainsFunc(r.former, is); !stale {
			err = fmt.Errorf("%w: record of line %s in a topic of line %s", ErrFatal, uuidText(rec.Line), uuidText(r.line))
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("%s/%d at %d: %w", r.topic, r.lane, e.offset, err)
	}
	return rec, stale, nil
}

// fits says whether a position is one of this lane's: the record that it names is there and is the same. A record
// that has just expired is believed, since nothing behind it has.
func (r *laneReader) fits(ctx context.Context, p Position, start, end int64) (*accepted, bool, error) {
	switch {
	case p.LastSeq < 0 || p.InputOffset <= r.base.InputOffset || p.InputOffset >= end || p.InputOffset+1 < start:
		return nil, false, nil
	case p.InputOffset+1 == start:
		return nil, true, nil
	}
	c, err := r.log.read(ctx, r.topic, r.lane, p.InputOffset, 0)
	if err != nil || len(c.entries) == 0 || c.entries[0].offset != p.InputOffset {
		return nil, false, err
	}
	e := c.entries[0]
	rec, stale, err := r.decode(e)
	if err != nil {
		return nil, false, err
	}
	if stale || int64(rec.Seq) != p.LastSeq || !bytes.Equal(rec.Writer, p.InputWriter) {
		return nil, false, nil
	}
	r.pending, r.end = c.entries[1:], c.end
	return &accepted{Record: rec, offset: e.offset, value: e.value}, true, nil
}

// open puts the reader behind the furthest of the known positions that fits, or at the beginning if the log still has
// it. It returns the record at that position, if it is still there.
func (r *laneReader) open(ctx context.Context, known ...Position) (*accepted, error) {
	start, end, err := r.log.ends(ctx, r.topic, r.lane)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(known, func(a, b Position) int { return int(min(1, max(-1, b.InputOffset-a.InputOffset))) })
	for _, p := range known {
		rec, ok, err := r.fits(ctx, p, start, end)
		if err != nil {
			return nil, err
		}
		if ok {
			r.last, r.next, r.end = p, p.InputOffset+1, max(r.end, end)
			return rec, nil
		}
	}
	if start > r.base.InputOffset+1 {
		return nil, fmt.Errorf("%s/%d: records up to offset %d have expired, and none of %d known positions leads behind them: %w",
			r.topic, r.lane, start, len(known), errNoBase)
	}
	if end < r.base.InputOffset+1 {
		return nil, fatal(fmt.Errorf("%s/%d: the log ends at %d, and the lane was begun again at %d: %w",
			r.topic, r.lane, end, r.base.InputOffset+1, errLostTail))
	}
	r.last, r.next, r.end = r.base, r.base.InputOffset+1, end
	r.pending = nil
	return nil, nil
}

// emptyReads is how often a fold asks for records in front of the log's end before it believes that there are none.
const emptyReads = 50

// fold accepts up to the end of the log and returns the last accepted record; nil if there is none behind the place
// where the reader stood. seen is called with the size of each accepted record.
func (r *laneReader) fold(ctx context.Context, seen func(*accepted)) (*accepted, error) {
	var last *accepted
	empty := 0
	for {
		a, err := r.accept(ctx, 0)
		if err != nil {
			return nil, err
		}
		if a != nil {
			last, empty = a, 0
			seen(a)
			continue
		}
		if r.next >= r.end {
			return last, nil
		}
		// The log has an end, and gives nothing in front of it: a segment was lost there. What comes next is written
		// behind the gap, and readers pass over that.
		if empty == emptyReads {
			return last, nil
		}
		empty++
		if !pause(ctx, roomPoll) {
			return nil, ctx.Err()
		}
	}
}

// lost explains errOutOfRange: records have expired before they were read here, or the log has lost its tail. In both
// cases the lane must resume. A process that was stopped for long finds that another has taken the records; if nobody
// has, no position leads behind them, and that is an error which stops the line.
func (r *laneReader) lost(ctx context.Context) error {
	start, end, err := r.log.ends(ctx, r.topic, r.lane)
	if err != nil {
		return err
	}
	if r.next < start {
		return fmt.Errorf("%s/%d: records %d to %d have expired before they were read here: %w", r.topic, r.lane, r.next, start-1, errOutOfRange)
	}
	return fmt.Errorf("%s/%d: the log ends at %d, and %d had been read: it has lost its tail: %w", r.topic, r.lane, end, r.next, errForeign)
}

// noPosition is the state of a reader that has taken nothing.
func noPosition() Position { return Position{LastSeq: -1, InputOffset: -1} }
