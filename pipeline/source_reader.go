package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
)

// sourceReader reads one source into its lanes: row g goes to lane g mod L with seq g div L, whoever reads it.
type sourceReader struct {
	line      *line
	name      string
	partition int // in the book
	source    Source
	crew      *crew // stages that work in the same segment
	segment   Segment
	follow    bool
	state     *atomic.Pointer[SourceState] // for people
	asked     atomic.Int64                 // when the source was asked for the row that it has not given yet, Unix ns; 0: it owes none
}

// followPause is the time between two looks whether a followed source has grown.
const followPause = 5 * time.Second

// run reads to the source's end. With follow it goes on when files are appended.
func (s *sourceReader) run(ctx context.Context) error {
	for {
		if err := s.readOn(ctx); err != nil {
			return err
		}
		if !s.follow {
			<-ctx.Done()
			return ctx.Err()
		}
		if !pause(ctx, followPause) {
			return ctx.Err()
		}
	}
}

// sourceError marks an error of a source: reading it again would not mend it. A source that names itself is not named
// twice.
func sourceError(name string, err error) error {
	if strings.HasPrefix(err.Error(), "source ") {
		return fatal(err)
	}
	return fatal(fmt.Errorf("source %s: %w", name, err))
}

// checkFiles returns the source's files if those that the book knows are still the same.
func checkFiles(ctx context.Context, s Source, name string, known []File) ([]File, error) {
	files, err := s.Files(ctx)
	if err != nil {
		return nil, sourceError(name, err)
	}
	for i, k := range known {
		switch {
		case i >= len(files):
			return nil, fatal(fmt.Errorf("source %s: file %s is gone: samples have been read from it, and their numbers depend on it", name, k.Name))
		case files[i] != k:
			return nil, fatal(fmt.Errorf("source %s: file %s has changed (%d bytes, fingerprint %s; it had %d bytes, %s): files of a source are immutable, append new ones or begin a new source",
				name, files[i].Name, files[i].Size, files[i].Fingerprint, k.Size, k.Fingerprint))
		}
	}
	return files, nil
}

// readOn reads what the lanes do not have yet, and notes the end in the book.
func (s *sourceReader) readOn(ctx context.Context) error {
	entry := s.line.book.source(s.partition)
	files, err := checkFiles(ctx, s.source, s.name, entry.Files)
	if err != nil {
		return err
	}
	if len(files) > len(entry.Files) {
		if err := s.line.book.note(ctx, s.partition, files, 0, false); err != nil {
			return err
		}
	}
	writers := make([]*laneWriter, entry.Lanes)
	cursors := make([]Cursor, entry.Lanes)
	for k := range writers {
		w, last, err := s.line.writer(ctx, s.segment.Output, entry.first+k)
		if err != nil {
			return err
		}
		writers[k] = w
		if last != nil {
			if err := json.Unmarshal(last.Cursor, &cursors[k]); err != nil {
				return fatal(fmt.Errorf("source %s: cursor of lane %d at seq %d: %w", s.name, entry.first+k, last.Seq, err))
			}
		}
		if w.last.LastSeq >= 0 {
			s.line.board.reached(s.segment.Name(), topicLane{s.segment.Output, entry.first + k}, w.last, false)
		}
	}
	if entry = s.line.book.source(s.partition); entry.Ended && len(entry.Files) == len(files) && atEnd(entry, writers) {
		s.note(entry.Rows, nil, true)
		return nil
	}
	rows, err := s.read(ctx, entry, writers, startCursor(writers, cursors))
	if err != nil {
		return err
	}
	if err := s.line.book.note(ctx, s.partition, files, rows, true); err != nil {
		return err
	}
	s.note(rows, nil, true)
	return nil
}

func atEnd(entry bookSource, writers []*laneWriter) bool {
	for k, w := range writers {
		if w.last.LastSeq+1 < entry.total(entry.first+k) {
			return false
		}
	}
	return true
}

// startCursor is the furthest cursor in front of the first row that some lane does not have.
func startCursor(writers []*laneWriter, cursors []Cursor) Cursor {
	lanes := int64(len(writers))
	need := int64(-1)
	for k, w := range writers {
		if row := (w.last.LastSeq+1)*lanes + int64(k); need < 0 || row < need {
			need = row
		}
	}
	var best Cursor
	for _, c := range cursors {
		if c.Row <= need && c.Row > best.Row {
			best = c
		}
	}
	return best
}

// read deals rows out to the lanes until the source ends, and returns how many rows it has.
func (s *sourceReader) read(ctx context.Context, entry bookSource, writers []*laneWriter, from Cursor) (int64, error) {
	rows, err := s.source.Open(ctx, from)
	if err != nil {
		return 0, sourceError(s.name, err)
	}
	defer rows.Close()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	queues := make([]chan *item, len(writers))
	var wg sync.WaitGroup
	for k, w := range writers {
		queues[k] = make(chan *item, sourceQueue)
		win := window{lane: entry.first + k, crew: s.crew, causes: s.line.causes, next: queued(queues[k]), put: s.put(w)}
		wg.Go(func() {
			if err := win.run(ctx); err != nil {
				stop(err)
			}
		})
	}
	watched, unwatch := context.WithCancel(ctx)
	wg.Go(func() { every(watched, causePause, nil, func() { s.watch(entry) }) })
	total, err := s.deal(ctx, rows, from.Row, writers, queues)
	unwatch()
	for _, q := range queues {
		close(q)
	}
	if err != nil {
		stop(err)
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return total, nil
}

// watch says so when the source gives no row.
func (s *sourceReader) watch(entry bookSource) {
	asked := s.asked.Load()
	for k := range entry.Lanes {
		at := workLane{s.segment.Name(), entry.first + k}
		if asked > 0 && time.Since(time.Unix(0, asked)) > stallAfter {
			s.line.causes.set(at, causeSource, "source "+s.name+" gives no row")
		} else {
			s.line.causes.clear(at, causeSource)
		}
	}
}

// sourceQueue is how many rows wait in front of a lane.
const sourceQueue = 64

// deal reads rows and puts each into the queue of its lane, marked if it is the last of its file there. It looks as
// many rows ahead as there are lanes: the row that follows in the same lane says whether the file goes on.
func (s *sourceReader) deal(ctx context.Context, rows Rows, row int64, writers []*laneWriter, queues []chan *item) (int64, error) {
	lanes := int64(len(writers))
	var ahead []Row
	send := func(r Row, endOfFile bool) error {
		g := r.After.Row - 1
		k, seq := g%lanes, g/lanes
		if seq <= writers[k].last0 {
			return nil
		}
		it, err := s.item(r, uint64(seq), endOfFile)
		if err != nil {
			return err
		}
		select {
		case queues[k] <- it:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		s.asked.Store(time.Now().UnixNano())
		r, err := rows.Next(ctx)
		s.asked.Store(0)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			if ctx.Err() != nil {
				return 0, context.Cause(ctx)
			}
			return 0, fatal(fmt.Errorf("source %s: row %d: %w", s.name, row, err))
		}
		if row++; r.After.Row != row || (r.Sample == nil) == (r.Skip == nil) {
			return 0, fatal(fmt.Errorf("source %s: row %d comes as row %d, sample %t, skip %t", s.name, row-1, r.After.Row-1, r.Sample != nil, r.Skip != nil))
		}
		if row%64 == 0 {
			s.note(row, rows, false)
		}
		ahead = append(ahead, r)
		if int64(len(ahead)) <= lanes {
			continue
		}
		if err := send(ahead[0], ahead[lanes].File != ahead[0].File); err != nil {
			return 0, err
		}
		ahead = slices.Delete(ahead, 0, 1)
	}
	for _, r := range ahead {
		if err := send(r, true); err != nil {
			return 0, err
		}
	}
	s.note(row, rows, false)
	return row, nil
}

// item makes the lane's item of a row.
func (s *sourceReader) item(r Row, seq uint64, endOfFile bool) (*item, error) {
	cursor, err := json.Marshal(r.After)
	if err != nil {
		return nil, err
	}
	it := &item{seq: seq, offset: -1, endOfFile: endOfFile, cursor: cursor, Result: r.Result}
	if o := r.Skip.GetSource(); o != nil {
		it.source, it.id = o, r.Skip.Id
		if len(it.id) == 0 {
			it.id = SampleID(o.Dataset, o.Key, o.Revision)
		}
	}
	if r.Skip != nil {
		it.kind = r.Skip.Kind
		r.Skip.Stage = sourceStage
		it.complete(r.Skip, 1)
	}
	it.identify()
	if len(s.crew.stages) > 0 && r.Sample != nil {
		if it.kept, err = proto.Marshal(r.Sample); err != nil {
			return nil, fatal(fmt.Errorf("source %s: encode row %d: %w", s.name, r.After.Row-1, err))
		}
	}
	return it, nil
}

// queued makes a window read from a queue.
func queued(q <-chan *item) func(context.Context, bool) (*item, error) {
	return func(ctx context.Context, wait bool) (*item, error) {
		if !wait {
			select {
			case it, open := <-q:
				if !open {
					return nil, io.EOF
				}
				return it, nil
			default:
				return nil, nil
			}
		}
		select {
		case it, open := <-q:
			if !open {
				return nil, io.EOF
			}
			return it, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// put writes to a lane of the source.
func (s *sourceReader) put(w *laneWriter) func(context.Context, []*item) error {
	out := topicLane{w.topic, w.lane}
	w.wrote = func(_ *item, urgent bool) { s.line.board.reached(s.segment.Name(), out, w.last, urgent) }
	return func(ctx context.Context, items []*item) error {
		if err := w.append(ctx, items); err != nil {
			return err
		}
		s.line.causes.clear(workLane{s.segment.Name(), w.lane}, causeRetry)
		for _, it := range items {
			s.crew.source.took(it.Skip, it.Skip != nil && it.Skip.Stage == sourceStage)
		}
		if n := len(s.crew.stages); n > 0 {
			s.crew.stages[n-1].count.wrote(written(items))
		} else {
			s.crew.source.wrote(written(items))
		}
		return nil
	}
}

// note shows how far the source is read.
func (s *sourceReader) note(rows int64, r Rows, ended bool) {
	st := SourceState{Name: s.name, Rows: rows, Ended: ended}
	if r != nil {
		st.Done, st.Total, st.Unit = r.Left()
	} else {
		st.Done, st.Total, st.Unit = rows, rows, "rows"
	}
	s.state.Store(&st)
}
