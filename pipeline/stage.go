package pipeline

import "context"

// Stage turns samples into samples. It never sees Kafka, topics, lanes or offsets.
//
// A stage has no randomness but the sample's own and no state that outlives a batch, so that doing a batch again gives
// the same results. The runner does the reading, ordering, windows, retries, writing and resuming. Process may be
// called from several goroutines at once. A stage that holds resources also has Close() error.
type Stage interface {
	// Process handles one batch. It returns one result for each sample, in order: the sample carried on, or a
	// skip with its reason. An error fails the whole batch, which is tried again; an error that wraps
	// ErrFatal stops the line. Process may change the samples of in, but does not keep in. It puts other bytes in
	// the place of a view's encoded ones instead of changing them: they are shared with what a retry begins from.
	Process(ctx context.Context, in []*Sample) ([]Result, error)
}

// Result is what a stage made of one sample: exactly one of the two fields is set.
type Result struct {
	Sample *Sample
	Skip   *Skip
}

// Keep carries a sample on.
func Keep(s *Sample) Result { return Result{Sample: s} }

// Drop skips a sample for good. reason is a short fixed word that reports count by; detail is for people.
func Drop(reason, detail string) Result {
	return Result{Skip: &Skip{Reason: reason, Detail: detail}}
}

// DropRetryable skips a sample whose reason may pass, such as a host that is away. The runner tries such a sample
// again within its deadline before it writes the skip.
func DropRetryable(reason, detail string) Result {
	return Result{Skip: &Skip{Reason: reason, Detail: detail, Retryable: true}}
}

// Each lifts a function of one sample to a stage.
func Each(f func(ctx context.Context, s *Sample) (Result, error)) Stage { return each(f) }

type each func(ctx context.Context, s *Sample) (Result, error)

func (f each) Process(ctx context.Context, in []*Sample) ([]Result, error) {
	out := make([]Result, len(in))
	for i, s := range in {
		r, err := f(ctx, s)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	return out, nil
}
