package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// book is the line's list of sources: which lanes belong to which, which files have been read, and how many rows there
// are. It is the topic `<line>.sources`, one partition a source, never expiring, so that every process on every machine
// reads the same book. The partition also is what the process that reads the source has been handed.
//
// Like a lane it is read as a fold: a partition's first entry says whose it is, and a later one counts if it belongs to
// the same source and its files go on where the accepted ones end. So two processes that write at once do no harm.
type book struct {
	log   lanelog
	topic string
	line  string // UUID

	mu      sync.Mutex
	sources []bookSource
}

// bookSource is what the book says of one source.
type bookSource struct {
	bookEntry
	first  int   // number of its first lane
	offset int64 // of the partition's next entry
}

// bookEntry is one record of the topic, in JSON.
type bookEntry struct {
	Schema int    `json:"schema"`
	Line   string `json:"line"` // UUID
	Source string `json:"source"`
	Kind   string `json:"kind"`
	Lanes  int    `json:"lanes"`
	Files  []File `json:"files,omitempty"` // whose reading has begun
	Rows   int64  `json:"rows"`            // in these files; counts when Ended
	Ended  bool   `json:"ended"`           // the last row lies in its lane
	Lives  *lives `json:"lives,omitempty"` // those of the first partition count
}

// total is how many samples a lane of the source has in all; -1 as long as nobody knows.
func (s bookSource) total(lane int) int64 {
	if !s.Ended {
		return -1
	}
	k := int64(lane - s.first)
	return (s.Rows - k + int64(s.Lanes) - 1) / int64(s.Lanes)
}

// read brings the book up to date. The topic has the given number of partitions.
func (b *book) read(ctx context.Context, partitions int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.readLocked(ctx, partitions)
}

func (b *book) readLocked(ctx context.Context, partitions int) error {
	for len(b.sources) < partitions {
		b.sources = append(b.sources, bookSource{})
	}
	first := 0
	for i := range b.sources {
		s := &b.sources[i]
		if err := b.readSource(ctx, i, s); err != nil {
			return err
		}
		s.first = first
		first += s.Lanes
		if s.Lanes == 0 {
			first = math.MinInt32 // a partition that nobody has claimed: those behind it have no lanes yet
		}
	}
	return nil
}

func (b *book) readSource(ctx context.Context, partition int, s *bookSource) error {
	for {
		c, err := b.log.read(ctx, b.topic, partition, s.offset, 0)
		if errors.Is(err, errOutOfRange) {
			return fmt.Errorf("%w: the book of sources %s/%d has lost its tail: %w", ErrFatal, b.topic, partition, err)
		}
		if err != nil {
			return err
		}
		for _, e := range c.entries {
			var in bookEntry
			if err := json.Unmarshal(e.value, &in); err != nil || in.Schema != RecordSchema || in.Lanes < 1 || in.Lanes > maxLanes {
				return fmt.Errorf("%w: %s/%d at %d: not an entry of schema %d", ErrFatal, b.topic, partition, e.offset, RecordSchema)
			}
			if err := in.Lives.check(); err != nil {
				return fmt.Errorf("%w: %s/%d at %d: %w", ErrFatal, b.topic, partition, e.offset, err)
			}
			s.accept(in)
			s.offset = e.offset + 1
		}
		if s.offset >= c.end {
			return nil
		}
	}
}

func (s *bookSource) accept(in bookEntry) {
	switch {
	case s.Lanes == 0:
		s.bookEntry = in
	case in.Line != s.Line || in.Source != s.Source || in.Lanes != s.Lanes:
	case in.Lives.n() < s.Lives.n(): // by a process that has not heard of a reset
	case in.Lives.n() > s.Lives.n():
		s.bookEntry = in
	case len(in.Files) < len(s.Files) || !slices.Equal(in.Files[:len(s.Files)], s.Files):
	case len(in.Files) == len(s.Files) && s.Ended:
	default:
		in.Lives = s.Lives // of two changes at once the first counts
		s.bookEntry = in
	}
}

// claim finds the sources of the graph in the book, or enters them behind the last: a new source brings lanes of its
// own at the end. extend makes the topic have so many partitions.
func (b *book) claim(ctx context.Context, want []SourceAt, id string, extend func(ctx context.Context, partitions int) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range want {
		for i := 0; ; i++ {
			if i == len(b.sources) {
				if err := extend(ctx, i+1); err != nil {
					return err
				}
			}
			if err := b.readLocked(ctx, i+1); err != nil {
				return err
			}
			if b.sources[i].Lanes == 0 {
				// The first entry of a partition wins; the loop looks again who it was.
				line := id
				if i > 0 {
					line = b.sources[0].Line
				}
				if err := b.write(ctx, i, bookEntry{Line: line, Source: w.Name, Kind: w.Kind, Lanes: w.Lanes}); err != nil {
					return err
				}
				if err := b.readLocked(ctx, i+1); err != nil {
					return err
				}
			}
			s := b.sources[i]
			if s.Source != w.Name {
				continue
			}
			if s.Lanes != w.Lanes || s.Kind != w.Kind {
				return fatal(fmt.Errorf("source %s was begun as %s with %d lanes, the graph file says %s with %d: lanes never change hands; give the source another name",
					w.Name, s.Kind, s.Lanes, w.Kind, w.Lanes))
			}
			break
		}
	}
	b.line = b.sources[0].Line
	return nil
}

func (b *book) write(ctx context.Context, partition int, e bookEntry) error {
	e.Schema = RecordSchema
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = b.log.write(ctx, b.topic, partition, []value{{data}})
	return err
}

// note writes what the reader of a source has found out, and reads back what counts.
func (b *book) note(ctx context.Context, partition int, files []File, rows int64, ended bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.sources[partition].bookEntry
	e.Files, e.Rows, e.Ended = files, rows, ended
	if err := b.write(ctx, partition, e); err != nil {
		return err
	}
	return b.readLocked(ctx, len(b.sources))
}

// source returns what the book says of a partition.
func (b *book) source(partition int) bookSource {
	b.mu.Lock()
	defer b.mu.Unlock()
	if partition >= len(b.sources) {
		return bookSource{}
	}
	return b.sources[partition]
}

// change writes lives into a partition and reads back what counts. With afresh none of the source's files counts as
// begun.
func (b *book) change(ctx context.Context, partition int, l *lives, afresh bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.sources[partition].bookEntry
	e.Lives = l
	if afresh {
		e.Files, e.Rows, e.Ended = nil, 0, false
	}
	if e.Lanes > 0 {
		if err := b.write(ctx, partition, e); err != nil {
			return err
		}
	}
	return b.readLocked(ctx, len(b.sources))
}

// lives says which lanes have been begun again.
func (b *book) lives() *lives { return b.source(0).Lives }

// all returns the book's sources.
func (b *book) all() []bookSource {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.sources)
}

// lanes is the number of lanes of all sources.
func (b *book) lanes() int {
	n := 0
	for _, s := range b.all() {
		n += s.Lanes
	}
	return n
}

// owner is the source that a lane belongs to.
func (b *book) owner(lane int) (bookSource, bool) {
	for _, s := range b.all() {
		if s.Lanes > 0 && lane >= s.first && lane < s.first+s.Lanes {
			return s, true
		}
	}
	return bookSource{}, false
}

// bookPause is the time between two readings of the book.
const bookPause = time.Second
