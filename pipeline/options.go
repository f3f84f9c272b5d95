package pipeline

import (
	"log/slog"
	"time"
)

// Options are what a run may choose beside the graph file.
type Options struct {
	// Stages runs only the segments that hold these stages; empty runs all. The same line may run in several
	// processes and on several machines.
	Stages []string
	// Follow goes on when the sources are read to their end, and reads files that are appended to them.
	Follow bool
	// Logger gets what happens to the line; nil discards it.
	Logger *slog.Logger
	// Progress is called from time to time with the state of the run, and once at its end.
	Progress func(Snapshot)
	// Every is the time between two calls of Progress. Default 1 s.
	Every time.Duration
}
