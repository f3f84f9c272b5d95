package pipeline

import "time"

// Snapshot is the state of a run at one moment. Counts are this process's since its start; Segments speak of the whole
// line, whoever does the work.
type Snapshot struct {
	Line     string         `json:"line"`
	ID       string         `json:"id"` // the line's UUID
	Elapsed  time.Duration  `json:"elapsed_ns"`
	Sources  []SourceState  `json:"sources"`
	Stages   []StageState   `json:"stages"`
	Segments []SegmentState `json:"segments"`
	Log      []LogState     `json:"log"`      // by topic and operation
	Answered time.Time      `json:"answered"` // when the broker last answered with the line's positions
	Assigned bool           `json:"assigned"` // lanes have been handed out to this process, perhaps none
	Done     bool           `json:"done"`     // every source is read to its end and every lane is drained
}

// SourceState is how far a source is read.
type SourceState struct {
	Name  string `json:"name"`
	Rows  int64  `json:"rows"`  // rows of all lanes that are known to lie in the log
	Done  int64  `json:"done"`  // of Total, in Unit; only in the process that reads the source
	Total int64  `json:"total"` // 0 if unknown
	Unit  string `json:"unit"`
	Ended bool   `json:"ended"` // read to its end
}

// StageState is what a stage has done in this process.
type StageState struct {
	Stage   string           `json:"stage"`
	In      int64            `json:"in"`
	Out     int64            `json:"out"`
	Skipped map[string]int64 `json:"skipped"`  // by reason
	Retries int64            `json:"retries"`  // samples tried again
	BytesIn int64            `json:"bytes_in"` // of the records read in front of it; 0 within a segment
	Bytes   int64            `json:"bytes"`    // of the records written behind it; 0 within a segment
	Busy    time.Duration    `json:"busy_ns"`  // time inside Process, over all calls
	Latency Histogram        `json:"-"`        // of Process, or a sink's Append, a sample: a call's time shared among its samples
}

// Rate is samples a second since the start of the run.
func (s StageState) Rate(elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(s.In) / elapsed.Seconds()
}

// SegmentState is how far all lanes are through a segment, counted in seq.
type SegmentState struct {
	Segment string `json:"segment"`
	Taken   int64  `json:"taken"` // samples that have passed it for good, of all lanes
	Lag     int64  `json:"lag"`   // samples that wait in front of it; 0 for the sources
	Lanes   int    `json:"lanes"` // lanes that this process works on; of the sources, sources that it reads

	ByLane       []LaneCount   `json:"by_lane"`
	Backpressure time.Duration `json:"backpressure_ns"` // this process's lanes waited so long for room, all together
	// Still is how long none of this process's lanes has handed anything on while one of them waits for a sample in work;
	// 0 if none waits so. Patience is how long that may take by the deadlines of the stages.
	Still    time.Duration `json:"still_ns"`
	Patience time.Duration `json:"patience_ns"`
}

// LaneCount is how far a lane is through a segment, counted in seq.
type LaneCount struct {
	Lane  int    `json:"lane"`
	Taken int64  `json:"taken"`
	Lag   int64  `json:"lag"`             // 0 for the sources
	Here  bool   `json:"here"`            // this process works on it
	Cause *Cause `json:"cause,omitempty"` // why it stands still; nil if it moves, has nothing to do, or is elsewhere
}

// LogState is what this process's lanes have done with a topic: operation "fetch" or "produce". A fetch that found
// nothing new is not counted, one that waited for its first record has waited in its latency.
type LogState struct {
	Topic     string    `json:"topic"`
	Operation string    `json:"operation"`
	Records   int64     `json:"records"`
	Bytes     int64     `json:"bytes"` // of the records, before compression
	Errors    int64     `json:"errors"`
	Latency   Histogram `json:"-"` // of a request
}

// Snapshot says how the run stands.
func (r *Runner) Snapshot() Snapshot {
	s := Snapshot{Line: r.cfg.Line, Done: r.done.Load()}
	if !r.ready.Load() {
		return s
	}
	s.ID, s.Elapsed, s.Assigned = r.line.id(), time.Since(r.start), r.assigned.Load()
	s.Answered = time.Unix(0, r.line.board.answered.Load())
	s.Log = r.measured.states()
	for _, c := range r.counters {
		s.Stages = append(s.Stages, c.state())
	}
	for _, b := range r.line.book.all() {
		st := SourceState{Name: b.Source, Rows: b.Rows, Ended: b.Ended}
		if src := r.source(b.Source); src != nil {
			if p := src.state.Load(); p != nil {
				st = *p
			}
		}
		s.Sources = append(s.Sources, st)
	}
	owned := r.pool.owned()
	var before *SegmentState
	for _, seg := range r.line.board.segments {
		st := r.segmentState(seg, before, owned)
		s.Segments = append(s.Segments, st)
		before = &st
	}
	return s
}

// segmentState says how a segment stands, whoever works on it, and how its lanes fare in this process.
func (r *Runner) segmentState(seg Segment, before *SegmentState, owned map[string][]int) SegmentState {
	topic := seg.Output
	if topic == "" {
		topic = seg.Input
	}
	now := time.Now()
	st := SegmentState{Segment: seg.Name(), Backpressure: r.line.waits.of(seg.Name(), now)}
	here := map[int]bool{}
	if crew := r.crews[seg.Index]; crew != nil {
		mine := owned[r.line.shareTopic(seg)]
		st.Lanes, st.Patience = len(mine), crew.settings().patience()
		for _, n := range mine {
			if seg.Input != "" {
				here[n] = true
				continue
			}
			b := r.line.book.source(n)
			for k := range b.Lanes {
				here[b.first+k] = true
			}
		}
	}
	for n := range r.line.book.lanes() {
		l := LaneCount{Lane: n, Taken: r.line.board.at(seg.Name(), topicLane{topic, n}).LastSeq + 1, Here: here[n]}
		if before != nil && n < len(before.ByLane) {
			l.Lag = max(0, before.ByLane[n].Taken-l.Taken)
		}
		if c, ok := r.line.causes.at(workLane{seg.Name(), n}); ok && l.Here {
			l.Cause = &c
			if c.Kind == causeSample {
				since := max(c.Since.UnixNano(), r.crews[seg.Index].moved.Load())
				st.Still = max(st.Still, now.Sub(time.Unix(0, since)))
			}
		}
		st.Taken += l.Taken
		st.Lag += l.Lag
		st.ByLane = append(st.ByLane, l)
	}
	return st
}
