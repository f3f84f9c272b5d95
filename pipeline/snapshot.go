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
	Done     bool           `json:"done"` // every source is read to its end and every lane is drained
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
	Skipped map[string]int64 `json:"skipped"` // by reason
	Retries int64            `json:"retries"` // samples tried again
	Bytes   int64            `json:"bytes"`   // of the records written behind it; 0 within a segment
	Busy    time.Duration    `json:"busy_ns"` // time inside Process, over all calls
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
	Lanes   int    `json:"lanes"` // lanes that this process works on
}
