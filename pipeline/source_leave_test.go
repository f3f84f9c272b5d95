package pipeline

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// TestSourceThatIsGivenAwayIsForgotten holds that a process which gives a source away to another no longer saves what it
// knew of the source's lanes: an old position in the place of a new one would hold back the log, and the lanes with it.
func TestSourceThatIsGivenAwayIsForgotten(t *testing.T) {
	c := newChain(t, 1)
	c.log.faults = false
	b := &book{sources: []bookSource{{bookEntry: bookEntry{Source: "s", Lanes: 2}, first: 0}}}
	l := &line{log: c.log, book: b}
	l.board = newBoard(c.log, c.segments, b.lanes, slog.New(slog.DiscardHandler))
	r := &Runner{line: l, sources: map[string]*builtSource{}, segments: c.segments, crews: map[int]*crew{}}
	job := r.sourceJob(c.segments[0], 0)
	at := []topicLane{{"t.source", 0}, {"t.source", 1}}
	for _, tl := range at {
		l.board.reached("source", tl, Position{LastSeq: 5, InputOffset: 5, InputWriter: make([]byte, 16)}, false)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_ = job.run(ctx)
	if job.leave == nil {
		t.Fatal("a source that is given away is not left")
	}
	job.leave()
	newer := Position{LastSeq: 9, InputOffset: 9, InputWriter: make([]byte, 16)}
	for _, tl := range at { // its new reader
		if err := c.log.save(t.Context(), "source", map[topicLane]Position{tl: newer}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.board.poll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.board.save(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tl := range at {
		if got := c.log.positions["source"][tl]; got.LastSeq != 9 {
			t.Errorf("%v: seq %d is saved, want 9 of the new reader", tl, got.LastSeq)
		}
	}
}
