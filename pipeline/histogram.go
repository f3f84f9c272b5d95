package pipeline

import (
	"slices"
	"time"
)

// latencyBounds are the upper ends of a Histogram's buckets: from a record that only passes through to a fetch that uses
// up its deadline.
var latencyBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Histogram counts durations by size. The zero Histogram is empty; a copy is independent.
type Histogram struct {
	counts [len(latencyBounds) + 1]int64 // not cumulative; the last holds what is above all bounds
	sum    time.Duration
}

// observe counts n things that took d each.
func (h *Histogram) observe(d time.Duration, n int64) {
	i, _ := slices.BinarySearch(latencyBounds[:], d)
	h.counts[i] += n
	h.sum += d * time.Duration(n)
}

// Count is how many durations were counted.
func (h *Histogram) Count() int64 {
	n := int64(0)
	for _, c := range h.counts {
		n += c
	}
	return n
}

// Sum is all durations together.
func (h *Histogram) Sum() time.Duration { return h.sum }

// Cumulative returns how many durations are at most each bound, in seconds, as Prometheus counts them.
func (h *Histogram) Cumulative() map[float64]uint64 {
	out := make(map[float64]uint64, len(latencyBounds))
	n := int64(0)
	for i, b := range latencyBounds {
		n += h.counts[i]
		out[b.Seconds()] = uint64(n)
	}
	return out
}
