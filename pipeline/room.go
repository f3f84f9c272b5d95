package pipeline

import (
	"context"
	"time"
)

// room is the backpressure of a lane. The log keeps a topic's last retention.bytes and no more, so a writer must not
// go further ahead of what the next stage has saved. It waits when that is half of the limit: the other half is for
// records that others have written in between.
type room struct {
	limit   int64           // bytes that a lane's topic keeps
	taken   func() Position // the lower of what the next stage and this one have saved
	sizes   []sized         // written and perhaps not taken, in order
	bytes   int64           // sum of sizes
	average int64           // of a record's size
	unknown int64           // offsets below this were written before, their sizes are not known

	full func() (end func())                           // called at the beginning of a wait; may be nil
	slow func(waited time.Duration, outstanding int64) // told when it takes long; may be nil
}

type sized struct{ offset, bytes int64 }

func newRoom(limit int64, taken func() Position) *room {
	return &room{limit: limit, taken: taken}
}

func (r *room) add(offset, bytes int64) {
	r.sizes = append(r.sizes, sized{offset, bytes})
	r.bytes += bytes
	if r.average == 0 {
		r.average = bytes
	}
	r.average += (bytes - r.average) / 16
}

// guess says that records below from are in the log, sizes unknown: they count by the average, at first by the size of
// one of them.
func (r *room) guess(from, size int64) {
	r.unknown = from
	if r.average == 0 {
		r.average = size
	}
}

// outstanding is how many bytes lie behind the lower saved position.
func (r *room) outstanding() int64 {
	low := r.taken().InputOffset + 1
	n := 0
	for n < len(r.sizes) && r.sizes[n].offset < low {
		r.bytes -= r.sizes[n].bytes
		n++
	}
	r.sizes = r.sizes[n:]
	return r.bytes + max(0, r.unknown-low)*r.average
}

// roomPoll is how often a writer that waits looks whether the next stage has moved.
const roomPoll = 20 * time.Millisecond

// slowAfter is when somebody should hear of a writer that waits: the next stage may be slow, not running, or a sink whose
// ranges are larger than what the log holds.
const slowAfter = 30 * time.Second

// wait returns when there is room for a request.
func (r *room) wait(ctx context.Context) error {
	if r.outstanding() <= r.limit/2 {
		return nil
	}
	if r.full != nil {
		defer r.full()()
	}
	start, told := time.Now(), slowAfter
	for r.outstanding() > r.limit/2 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(roomPoll):
		}
		if waited := time.Since(start); waited > told && r.slow != nil {
			r.slow(waited, r.outstanding())
			told *= 2
		}
	}
	return nil
}
