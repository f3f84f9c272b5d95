package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lane is one segment's work on one lane: it takes up where the lane's own output ends, and goes on until it is told
// to stop.
type lane struct {
	line    *line
	segment Segment
	number  int
	crew    *crew
	sink    Sink // of the last segment
}

// line is what all lanes of a process share.
type line struct {
	log    lanelog
	board  *board
	book   *book
	first  string           // UUID under which the line was begun
	lives  *lives           // of its lanes, as the process found them when it started
	limits map[string]int64 // bytes that a lane keeps, by topic
	causes *causes          // why lanes of this process stand still
	waits  *pressure        // how long they have waited for room
}

// id is the line's UUID since its last reset, under which shards are written.
func (l *line) id() string { return l.lives.id(l.first, l.lives.reset()) }

func (l *line) reader(topic string, number int) *laneReader {
	r := &laneReader{log: l.log, topic: topic, lane: number, base: noPosition()}
	present := 0
	if s, ok := l.writes(topic); ok {
		present, r.base = l.lives.of(s.Name(), number).Life, l.floor(s, topicLane{topic, number})
	}
	r.line = uuidBytes(l.lives.id(l.first, present))
	if l.lives != nil {
		r.former = [][]byte{uuidBytes(l.first)}
		for _, id := range l.lives.IDs {
			r.former = append(r.former, uuidBytes(id))
		}
	}
	r.last = r.base
	return r
}

// writes is the segment that writes a topic.
func (l *line) writes(topic string) (Segment, bool) {
	for _, s := range l.board.segments {
		if s.Output == topic {
			return s, true
		}
	}
	return Segment{}, false
}

// floor is what a segment has taken of a lane of its input or its output as long as it has saved nothing in the lane's
// present life.
func (l *line) floor(s Segment, tl topicLane) Position {
	p := noPosition()
	x := l.lives.of(s.Name(), tl.lane)
	if tl.topic == s.Input {
		p.LastSeq = x.Seq
		x = l.lives.of(l.board.segments[s.Index-1].Name(), tl.lane)
		p.InputOffset = x.Offset - 1
		return p
	}
	p.LastSeq, p.InputOffset = x.Seq, x.Offset-1
	return p
}

func (l *line) writer(ctx context.Context, topic string, number int) (*laneWriter, *accepted, error) {
	tl := topicLane{topic, number}
	w, last, err := resumeWriter(ctx, l.reader(topic, number), l.limits[topic], func() Position { return l.board.taken(tl) }, l.board.of(tl)...)
	if err != nil {
		return nil, nil, err
	}
	if s, ok := l.writes(topic); ok {
		w.room.full = func() (end func()) {
			at := workLane{s.Name(), number}
			waited := l.waits.begin(at)
			moves := l.causes.after(at, roomAfter, causeRoom, func() string {
				return fmt.Sprintf("%s is behind: topic %s keeps %d MiB a lane, and half of that waits", l.board.segments[s.Index+1].Name(), topic, w.room.limit>>20)
			})
			return func() { waited(); moves() }
		}
	}
	w.room.slow = func(waited time.Duration, outstanding int64) {
		l.board.logger.Warn("a lane waits for its next stage: is it running? Are the sink's ranges smaller than kafka.log_mb's share of a lane?",
			"topic", topic, "lane", number, "waited", waited.Round(time.Second), "bytes", outstanding, "limit", w.room.limit)
	}
	return w, last, nil
}

// run works until something is in the way.
func (l *lane) run(ctx context.Context) error {
	in, done, put, err := l.resume(ctx)
	if err != nil {
		return err
	}
	var stuck time.Time
	w := window{
		lane:   l.number,
		crew:   l.crew,
		causes: l.line.causes,
		put:    put,
		keeps:  l.segment.Output == "",
		next: func(ctx context.Context, wait bool) (*item, error) {
			for {
				if !wait && len(in.pending) == 0 {
					return nil, nil
				}
				a, err := in.accept(ctx, readWait)
				if errors.Is(err, errOutOfRange) {
					err = in.lost(ctx)
				}
				switch {
				case err != nil:
					return nil, err
				case a == nil && !wait:
					return nil, nil
				case a == nil:
					if err := l.hole(in, &stuck); err != nil {
						return nil, err
					}
				case int64(a.Seq) > done:
					return newItem(a), nil
				default:
					// It is already behind us. Whoever writes it must know: a log that has lost its tail and is written
					// again holds it elsewhere than what was saved says.
					l.line.board.reached(l.segment.Name(), topicLane{in.topic, in.lane}, in.last, int64(a.Seq) == done)
				}
			}
		},
	}
	return w.run(ctx)
}

// hole finds a lane whose writer is further than what its reader can accept, although the reader is at the log's end: the
// log has lost records that were acknowledged. Nothing is passed over; the lane waits, and says so.
func (l *lane) hole(in *laneReader, since *time.Time) error {
	before := l.line.board.segments[l.segment.Index-1]
	wrote := l.line.board.at(before.Name(), topicLane{in.topic, in.lane})
	if in.next < in.end || wrote.LastSeq <= in.last.LastSeq || wrote.InputOffset >= in.end {
		*since = time.Time{}
		return nil
	}
	if since.IsZero() {
		*since = time.Now()
	}
	if time.Since(*since) < holeAfter {
		return nil
	}
	return fmt.Errorf("%s/%d: seq %d is not in the log, although %s has written up to seq %d: %w",
		in.topic, in.lane, in.last.LastSeq+1, before.Name(), wrote.LastSeq, errLostTail)
}

// holeAfter is how long a lane may look like having a hole: what is known of saved positions is a moment old.
const holeAfter = 10 * time.Second

// readWait is how long one request waits for new records.
const readWait = 500 * time.Millisecond

// resume finds where the lane goes on: behind the input record that the last record of its own output came from.
// done is the seq of that record.
func (l *lane) resume(ctx context.Context) (in *laneReader, done int64, put func(context.Context, []*item) error, err error) {
	var came Position // the input record of the last output
	if l.segment.Output == "" {
		came, put, err = l.resumeSink(ctx)
		done = came.LastSeq
	} else {
		came, done, put, err = l.resumeTopic(ctx)
	}
	if err != nil {
		return nil, 0, nil, err
	}
	from := topicLane{l.segment.Input, l.number}
	var known []Position
	for _, p := range append(l.line.board.of(from), came) {
		// A position further than our own output would skip what is between.
		if p.LastSeq >= 0 && p.LastSeq <= done {
			known = append(known, p)
		}
	}
	in = l.line.reader(from.topic, l.number)
	if _, err := in.open(ctx, known...); err != nil {
		return nil, 0, nil, err
	}
	if in.last.LastSeq >= 0 {
		l.line.board.reached(l.segment.Name(), from, in.last, false)
	}
	return in, done, put, nil
}

func (l *lane) resumeTopic(ctx context.Context) (came Position, done int64, put func(context.Context, []*item) error, err error) {
	name, in, out := l.segment.Name(), topicLane{l.segment.Input, l.number}, topicLane{l.segment.Output, l.number}
	w, last, err := l.line.writer(ctx, out.topic, l.number)
	if err != nil {
		return came, 0, nil, err
	}
	came = noPosition()
	if last != nil {
		came = Position{LastSeq: int64(last.Seq), InputOffset: last.InputOffset, InputWriter: last.InputWriter}
	}
	if w.last.LastSeq >= 0 {
		l.line.board.reached(name, out, w.last, false)
	}
	w.wrote = func(last *item, urgent bool) {
		l.line.board.reached(name, in, Position{LastSeq: int64(last.seq), InputOffset: last.offset, InputWriter: last.writer}, false)
		l.line.board.reached(name, out, w.last, urgent)
	}
	count := l.crew.last()
	return came, w.last.LastSeq, func(ctx context.Context, items []*item) error {
		if err := w.append(ctx, items); err != nil {
			return err
		}
		count.wrote(written(items))
		l.line.causes.clear(l.at(), causeRetry)
		return nil
	}, nil
}

func (l *lane) resumeSink(ctx context.Context) (came Position, put func(context.Context, []*item) error, err error) {
	owner, ok := l.line.book.owner(l.number)
	if !ok {
		return came, nil, fmt.Errorf("lane %d has no source yet", l.number)
	}
	id := Lane{Line: l.line.id(), Source: owner.Source, Number: l.number}
	l.sink.Drop(id)
	if came, err = l.sink.Resume(ctx, id); err != nil {
		return came, nil, fmt.Errorf("resume lane %d of %s: %w", l.number, owner.Source, err)
	}
	name, in, durable := l.segment.Name(), topicLane{l.segment.Input, l.number}, came.LastSeq
	return came, func(ctx context.Context, items []*item) error {
		out := make([]Outcome, len(items))
		for i, it := range items {
			out[i] = Outcome{Seq: it.seq, Result: it.Result, EndOfFile: it.endOfFile, InputOffset: it.offset, InputWriter: it.writer}
		}
		began := time.Now()
		p, err := l.sink.Append(ctx, id, out)
		l.crew.sink.busy(time.Since(began), len(out))
		if err != nil {
			return fmt.Errorf("lane %d of %s: %w", l.number, owner.Source, err)
		}
		l.line.causes.clear(l.at(), causeRetry)
		for _, it := range items {
			l.crew.sink.took(it.Skip, false)
		}
		if p.LastSeq > durable {
			durable = p.LastSeq
			l.line.board.reached(name, in, p, true)
		}
		return nil
	}, nil
}

func (l *lane) at() workLane { return workLane{l.segment.Name(), l.number} }

// leave lets go of what is held of the lane.
func (l *lane) leave() {
	l.line.board.leave(l.segment.Name(), l.number)
	if owner, ok := l.line.book.owner(l.number); ok && l.sink != nil {
		l.sink.Drop(Lane{Line: l.line.id(), Source: owner.Source, Number: l.number})
	}
}

func written(items []*item) int64 {
	n := int64(0)
	for _, it := range items {
		n += int64(it.written)
	}
	return n
}
