package pipeline

import (
	"context"
	"fmt"
	"time"
)

// Status is how a line stands at one moment, in all its processes. Everything is counted in seq: samples and skips of
// the lanes, never offsets. docs/operations.md describes the JSON.
type Status struct {
	Line      string           `json:"line"`
	ID        string           `json:"id"` // UUID
	At        time.Time        `json:"at"`
	Over      float64          `json:"over_s"` // time between the two looks that rates come from; 0: nothing runs
	Processes []ProcessStatus  `json:"processes"`
	Sources   []SourceStatus   `json:"sources"`
	Segments  []SegmentStatus  `json:"segments"`
	Lanes     []LaneStatus     `json:"lanes"`
	Skips     map[string]int64 `json:"skips"`  // by "stage/reason", of what is in the ranges; those under way are not in it
	Ranges    int              `json:"ranges"` // that are durable
	Left      *float64         `json:"left_s"` // until the end at these rates; null if that cannot be said
	Done      bool             `json:"done"`
	Standing  int              `json:"standing"`       // lanes of segments that stand still
	Open      string           `json:"open,omitempty"` // the command that finishes a reset or repair that was cut off
}

// ProcessStatus is a process that runs the line.
type ProcessStatus struct {
	Name  string         `json:"name"`  // host:process id
	Lanes map[string]int `json:"lanes"` // that it works on, by segment; of the first segment: sources
}

// SourceStatus is how far a source is read.
type SourceStatus struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	First int    `json:"first_lane"`
	Lanes int    `json:"lanes"`
	Files int    `json:"files"` // whose reading has begun
	Read  int64  `json:"read"`  // rows that lie in the log or are behind it
	Rows  int64  `json:"rows"`  // of all; -1 until the end has been read
}

// SegmentStatus is how far all lanes are through a segment.
type SegmentStatus struct {
	Segment string   `json:"segment"`
	Stages  []string `json:"stages"`
	Taken   int64    `json:"taken"`  // samples that have passed it for good
	Lag     int64    `json:"lag"`    // samples that wait in front of it; of the first: rows not read, -1 if unknown
	Rate    float64  `json:"rate"`   // taken a second, over Over
	Left    *float64 `json:"left_s"` // until it has taken all; null if that cannot be said
	Workers int      `json:"workers"`
	Stand   int      `json:"standing"` // lanes
}

// LaneStatus is how a lane stands in a segment.
type LaneStatus struct {
	Segment string     `json:"segment"`
	Lane    int        `json:"lane"`
	Source  string     `json:"source"`
	Taken   int64      `json:"taken"`
	Lag     int64      `json:"lag"`
	Worker  string     `json:"worker,omitempty"`
	State   LaneState  `json:"state"`
	Cause   string     `json:"cause,omitempty"` // of a lane that stands still
	Since   *time.Time `json:"since,omitempty"` // by the worker's clock
}

// LaneState is a word for how a lane stands.
type LaneState string

// The states of a lane.
const (
	LaneDone     LaneState = "done"     // everything is taken
	LaneWaiting  LaneState = "waiting"  // nothing is there to take yet
	LaneWorking  LaneState = "working"  // it moves, or has no reason not to
	LaneStanding LaneState = "standing" // work is there, and it does not move
)

// Status looks at the line, and if something runs, a second time after over, to see how fast.
func (i *Inspector) Status(ctx context.Context, over time.Duration) (*Status, error) {
	before, err := i.look(ctx)
	if err != nil {
		return nil, err
	}
	now := before
	if len(before.members) > 0 && over > 0 {
		if !pause(ctx, over) {
			return nil, ctx.Err()
		}
		if now, err = i.look(ctx); err != nil {
			return nil, err
		}
	}
	return i.compare(before, now), nil
}

// Watch calls show with the state now and after each pause, rates measured since the call before, until ctx is done.
func (i *Inspector) Watch(ctx context.Context, every time.Duration, show func(*Status) error) error {
	before, err := i.look(ctx)
	for err == nil && pause(ctx, every) {
		var now *look
		if now, err = i.look(ctx); err == nil {
			err = show(i.compare(before, now))
			before = now
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// look is what can be seen at one moment.
type look struct {
	at      time.Time
	sources []bookSource
	members []process
	taken   map[workLane]int64
	causes  map[workLane]Cause
	tally   Tally
	open    *change
}

func (i *Inspector) look(ctx context.Context) (*look, error) {
	if err := i.open(ctx); err != nil {
		return nil, err
	}
	l := &look{at: time.Now(), sources: i.line.book.all(), open: i.line.lives.open(), taken: map[workLane]int64{}, causes: map[workLane]Cause{}}
	var err error
	if l.members, err = i.processes(ctx); err != nil {
		return nil, err
	}
	if l.tally, err = i.ranges.Tally(ctx); err != nil {
		return nil, fmt.Errorf("count what is durable: %w", err)
	}
	for _, s := range i.line.board.segments {
		said, err := i.conn.log.causes(ctx, s, i.line.book.lanes())
		if err != nil {
			return nil, err
		}
		topic := s.Output
		if topic == "" {
			topic = s.Input
		}
		for n := range i.line.book.lanes() {
			at := workLane{s.Name(), n}
			l.taken[at] = i.line.board.at(s.Name(), topicLane{topic, n}).LastSeq + 1
			if last, ok := l.tally.Lanes[n]; ok && s.Output == "" {
				l.taken[at] = max(l.taken[at], last.LastSeq+1) // positions may have expired, ranges do not
			}
			if c, ok := said[n]; ok {
				l.causes[at] = c
			}
		}
	}
	// What has passed a segment has passed those in front of it, also where a position was lost.
	segments := i.line.board.segments
	for k := len(segments) - 2; k >= 0; k-- {
		for n := range i.line.book.lanes() {
			at := workLane{segments[k].Name(), n}
			l.taken[at] = max(l.taken[at], l.taken[workLane{segments[k+1].Name(), n}])
		}
	}
	return l, nil
}

// compare makes a status of two looks.
func (i *Inspector) compare(before, now *look) *Status {
	st := &Status{
		Line: i.cfg.Line, ID: i.line.id(), At: now.at.UTC(), Skips: now.tally.Skips, Ranges: now.tally.Ranges, Done: true,
		Processes: []ProcessStatus{}, Sources: []SourceStatus{}, Segments: []SegmentStatus{}, Lanes: []LaneStatus{},
	}
	if now != before {
		st.Over = now.at.Sub(before.at).Seconds()
	}
	if now.open != nil {
		st.Open = now.open.command(i.cfg.File)
	}
	segments := i.line.board.segments
	for _, p := range now.members {
		ps := ProcessStatus{Name: p.name(), Lanes: map[string]int{}}
		for _, s := range segments {
			for tl := range p.lanes {
				if tl.topic == i.line.shareTopic(s) {
					ps.Lanes[s.Name()]++
				}
			}
		}
		st.Processes = append(st.Processes, ps)
	}
	known := true // the number of all rows
	total := int64(0)
	for _, b := range now.sources {
		s := SourceStatus{Name: b.Source, Kind: b.Kind, First: b.first, Lanes: b.Lanes, Files: len(b.Files), Rows: -1}
		for k := range b.Lanes {
			s.Read += now.taken[workLane{segments[0].Name(), b.first + k}]
		}
		if b.Ended {
			s.Rows = b.Rows
			total += b.Rows
		}
		known = known && b.Ended
		st.Sources = append(st.Sources, s)
	}
	left, certain := 0.0, known
	for _, s := range segments {
		seg := SegmentStatus{Segment: s.Name(), Stages: s.Stages}
		workers := map[string]bool{}
		moved := int64(0)
		for n := range i.line.book.lanes() {
			lane := i.lane(s, n, before, now)
			seg.Taken += lane.Taken
			seg.Lag += max(0, lane.Lag)
			moved += lane.Taken - before.taken[workLane{s.Name(), n}]
			if lane.Worker != "" {
				workers[lane.Worker] = true
			}
			if lane.State == LaneStanding {
				seg.Stand++
			}
			st.Done = st.Done && lane.State == LaneDone
			st.Lanes = append(st.Lanes, lane)
		}
		seg.Workers = len(workers)
		if st.Over > 0 {
			seg.Rate = max(0, float64(moved)/st.Over)
		}
		if !known && s.Input == "" {
			seg.Lag = -1
		}
		if rest := total - seg.Taken; known && rest <= 0 {
			seg.Left = new(float64)
		} else if known && seg.Rate > 0 {
			t := float64(rest) / seg.Rate
			seg.Left, left = &t, max(left, t)
		} else {
			certain = certain && s.Output == "" && left > 0 // the sink moves a range at a time
		}
		st.Standing += seg.Stand
		st.Segments = append(st.Segments, seg)
	}
	if certain {
		st.Left = &left
	}
	return st
}

// lane says how one lane stands in a segment, and why if it does not move.
func (i *Inspector) lane(s Segment, n int, before, now *look) LaneStatus {
	at := workLane{s.Name(), n}
	owner, _ := i.line.book.owner(n)
	out := LaneStatus{Segment: s.Name(), Lane: n, Source: owner.Source, Taken: now.taken[at]}
	total := owner.total(n)
	if s.Index > 0 {
		out.Lag = max(0, now.taken[workLane{i.line.board.segments[s.Index-1].Name(), n}]-out.Taken)
	} else if out.Lag = -1; total >= 0 {
		out.Lag = max(0, total-out.Taken)
	}
	share := topicLane{i.line.shareTopic(s), i.line.sharePartition(s, n)}
	for _, p := range now.members {
		if p.lanes[share] {
			out.Worker = p.name()
		}
	}
	cause, said := now.causes[at]
	switch {
	case total >= 0 && out.Taken >= total:
		out.State = LaneDone
	case now != before && out.Taken > before.taken[at]:
		out.State = LaneWorking
	case out.Lag == 0:
		out.State = LaneWaiting
	case out.Worker == "":
		out.State, out.Cause = LaneStanding, "no process works on it"
	case said:
		out.State, out.Cause, out.Since = LaneStanding, cause.Text, &cause.Since
	default:
		out.State = LaneWorking
	}
	return out
}
