package metrics

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imglish/imglish/pipeline"
)

var errNoBatch = errors.New("the first batch is not there yet")

// Live says why a line's process does not live: a lane has waited for a sample in work for longer than the deadlines of
// the stages allow, and no other lane of the segment has moved meanwhile. A lane that stands for another cause (the next
// stage is behind, the broker is away, the source gives no row) is alive: to start its process again would mend nothing.
func Live(s pipeline.Snapshot) error {
	for _, seg := range s.Segments {
		if seg.Patience > 0 && seg.Still > seg.Patience {
			return fmt.Errorf("%s: records are in work and no lane has moved for %s, longer than the deadlines of its stages allow (%s)",
				seg.Segment, seg.Still.Round(time.Second), seg.Patience)
		}
	}
	return nil
}

// Ready says why a line's process is not ready: it has no connection to its broker, or no lanes have been handed out.
// A process that came too late for a lane has been handed none, and is ready to take over.
func Ready(s pipeline.Snapshot) error {
	switch {
	case s.ID == "":
		return errors.New("not connected to the broker yet")
	case !s.Assigned:
		return errors.New("no lanes have been handed out to this process yet")
	case time.Since(s.Answered) > answerWithin:
		return fmt.Errorf("the broker last answered %s ago", time.Since(s.Answered).Round(time.Second))
	}
	return nil
}

// Standing lists, for people, the lanes of a process that stand still and why, one a line, at most 20.
func Standing(s pipeline.Snapshot) string {
	var b strings.Builder
	n := 0
	for _, seg := range s.Segments {
		for _, l := range seg.ByLane {
			if l.Cause == nil {
				continue
			}
			if n++; n > 20 {
				return b.String() + "…\n"
			}
			fmt.Fprintf(&b, "%s lane %d stands still since %s: %s\n", seg.Segment, l.Lane, l.Cause.Since.Format(time.TimeOnly), l.Cause.Text)
		}
	}
	return b.String()
}
