package pipeline

import "context"

// Outcome is one accepted record of a lane as a sink sees it.
type Outcome struct {
	Seq         uint64
	Result             // the sample, or the skip
	EndOfFile   bool   // the last record of a source file in its lane
	InputOffset int64  // the Kafka offset of the record
	InputWriter []byte // the writer of the record, 16 bytes
}

// Lane names one partition of a source followed through the whole line.
type Lane struct {
	Line   string // the line's UUID
	Source string // data set
	Number int    // over the whole line: a new source brings lanes of its own at the end
}

// Position is a reader's state: the last record that it has taken for good. LastSeq is -1 before the first.
type Position struct {
	LastSeq     int64
	InputOffset int64
	InputWriter []byte
}

// Sink is the end of the line. It takes each lane's outcomes in order and makes them durable in ranges.
//
// A range closes at places that are the same on every run: by count, behind the last record of a source file, and when
// its samples pass Env.RangeBytes (the sum of proto.Size). The last one is needed, not only nice: the log keeps what is
// not durable yet, its writers wait when that is half of the lane's share, and a range that needs more than that to
// close would stop its lane.
type Sink interface {
	// Resume says where a lane goes on: behind the last range that is durable.
	Resume(ctx context.Context, lane Lane) (Position, error)
	// Append takes outcomes of consecutive seq. It returns the position of the last durable range, which may lie
	// before the outcomes just taken. It may be called for several lanes at once, but for one lane by one
	// goroutine. Outcomes whose seq is already durable are ignored.
	Append(ctx context.Context, lane Lane, in []Outcome) (Position, error)
	// Drop forgets what is buffered of a lane that moves to another process.
	Drop(lane Lane)
	Close() error
}
