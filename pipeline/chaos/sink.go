package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/pipeline"
)

// sink writes what comes, in ranges that close at the same places on every run: a file each, synced, created only if
// absent. All that it wrote stays, so that an overlap of ranges would be seen.
type sink struct {
	dir    string
	broken string // how it breaks its promise, for the test of the checker

	mu    sync.Mutex
	lanes map[int]*openRange
}

// openRange is what is buffered of a lane.
type openRange struct {
	next    int64 // seq
	durable pipeline.Position
	rows    []sinkRow
}

// sinkRange is a file.
type sinkRange struct {
	Lane int       `json:"lane"`
	Rows []sinkRow `json:"rows"`
}

// sinkRow is one record as the sink got it.
type sinkRow struct {
	Seq    int64  `json:"seq"`
	Key    int    `json:"key"`
	Text   string `json:"text"`
	Offset int64  `json:"offset"`
	Writer string `json:"writer"`
}

func (r sinkRow) position() pipeline.Position {
	w, _ := hex.DecodeString(r.Writer)
	return pipeline.Position{LastSeq: r.Seq, InputOffset: r.Offset, InputWriter: w}
}

const rangeRows = 250

func newSink(dir, broken string) *sink {
	return &sink{dir: dir, broken: broken, lanes: map[int]*openRange{}}
}

func (s *sink) Resume(_ context.Context, l pipeline.Lane) (pipeline.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := &openRange{durable: pipeline.Position{LastSeq: -1, InputOffset: -1}}
	names, err := filepath.Glob(filepath.Join(s.dir, fmt.Sprintf("lane%03d-*", l.Number)))
	if err != nil {
		return open.durable, err
	}
	if n := len(names); n > 0 { // sorted, and of one length
		last, err := readRange(names[n-1])
		if err != nil {
			return open.durable, err
		}
		open.durable = last.Rows[len(last.Rows)-1].position()
	}
	open.next = open.durable.LastSeq + 1
	s.lanes[l.Number] = open
	return open.durable, nil
}

func readRange(name string) (sinkRange, error) {
	var r sinkRange
	data, err := os.ReadFile(name)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("%s: %w", name, err)
	}
	if len(r.Rows) == 0 {
		return r, fmt.Errorf("%s: no rows", name)
	}
	return r, nil
}

func (s *sink) Append(_ context.Context, l pipeline.Lane, in []pipeline.Outcome) (pipeline.Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.lanes[l.Number]
	if open == nil {
		return pipeline.Position{LastSeq: -1}, fmt.Errorf("append to lane %d without resume", l.Number)
	}
	for _, o := range in {
		if int64(o.Seq) != open.next {
			return open.durable, fmt.Errorf("lane %d: seq %d behind %d", l.Number, o.Seq, open.next-1)
		}
		open.next++
		open.rows = append(open.rows, sinkRow{
			Seq: int64(o.Seq), Key: key(o.Sample, o.Skip), Text: show(o.Sample, o.Skip),
			Offset: o.InputOffset, Writer: hex.EncodeToString(o.InputWriter),
		})
		if len(open.rows) < rangeRows && !o.EndOfFile {
			continue
		}
		last := open.rows[len(open.rows)-1].position()
		if err := s.commit(l.Number, open.rows); err != nil {
			return open.durable, err
		}
		open.durable, open.rows = last, nil
	}
	return open.durable, nil
}

func (s *sink) commit(lane int, rows []sinkRow) error {
	from, to := rows[0].Seq, rows[len(rows)-1].Seq+1
	if lane == 1 && from == 0 {
		rows = spoil(rows, s.broken)
	}
	data, err := json.Marshal(sinkRange{Lane: lane, Rows: rows})
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(s.dir, ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	err = os.Link(tmp.Name(), filepath.Join(s.dir, fmt.Sprintf("lane%03d-%09d-%09d", lane, from, to)))
	if errors.Is(err, os.ErrExist) {
		return nil // the first wins
	}
	if err != nil {
		return err
	}
	return durable.SyncFolder(s.dir)
}

// spoil breaks a range in a way that the checker must see.
func spoil(rows []sinkRow, how string) []sinkRow {
	n := len(rows)
	if n < 4 {
		return rows
	}
	switch how {
	case "drop":
		return append(rows[:1:1], rows[2:]...)
	case "twice":
		return append(rows[:2:2], rows[1:]...)
	case "swap":
		rows[1], rows[2] = rows[2], rows[1]
	}
	return rows
}

func (s *sink) Drop(l pipeline.Lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lanes, l.Number)
}

func (s *sink) Close() error { return nil }

// readSink returns all rows of all files, by lane and in the files' order.
func readSink(dir string) (map[int][]sinkRow, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the sink: %w", err)
	}
	out := map[int][]sinkRow{}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue // of a process that was killed
		}
		r, err := readRange(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read the sink: %w", err)
		}
		out[r.Lane] = append(out[r.Lane], r.Rows...)
	}
	return out, nil
}
