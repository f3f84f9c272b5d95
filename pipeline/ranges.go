package pipeline

import "context"

// Ranges is where a line's sink keeps its ranges, for the commands that look after a line. The sink's package gives it.
type Ranges interface {
	// Tally counts what is durable.
	Tally(ctx context.Context) (Tally, error)
	// Forget makes none of the ranges count, and what they were made with free to choose again. From then on the
	// place belongs to line, a UUID: what a process still writes under another id does not count. stages are those that
	// do their work again. Doing it again does no harm.
	Forget(ctx context.Context, line string, stages []string) error
}

// Tally is what ranges hold.
type Tally struct {
	Line    string           // UUID under which the ranges are written; empty if there are none yet
	Ranges  int              //
	Records int64            // accepted records, skips included
	Bytes   int64            // of the files
	Skips   map[string]int64 // by "stage/reason"
	Lanes   map[int]Position // end of the contiguous ranges of a lane
	Sources map[int]string   // the source of a lane
}
