package pipeline

import (
	"fmt"

	"google.golang.org/protobuf/proto"
)

// item is one record on its way through a segment: what came in, and what the segment makes of it.
type item struct {
	Result // the outcome; at first the one that came in

	seq       uint64
	offset    int64  // of the input record; -1 from a source
	writer    []byte // of the input record
	endOfFile bool
	cursor    []byte
	value     []byte  // the input record as it lies in the log, to begin again from; nil from a source
	memory    *answer // that value and large views point into
	kept      []byte  // the same of a source: the encoded sample
	written   int     // bytes of the output record

	id     []byte // of the sample, for a skip
	kind   Kind
	source *Origin

	done    int   // stages of this segment that are behind it
	verdict *Skip // of the last attempt, if it may be tried again
	failed  bool  // the verdict is an error of the stage, not a skip that it gave
	outage  bool  // the error is that of a store that does not answer: the item waits for it
	single  bool  // no other item shared the attempt
	suspect bool  // was in work when the process crashed
}

func newItem(a *accepted) *item {
	it := &item{
		seq: a.Seq, offset: a.offset, writer: a.Writer, endOfFile: a.EndOfFile, value: a.value, memory: a.memory,
		Result: Result{Sample: a.GetSample(), Skip: a.GetSkip()},
	}
	it.identify()
	return it
}

func (it *item) identify() {
	if s := it.Sample; s != nil {
		it.id, it.kind, it.source = s.Id, s.Kind, s.Source
	}
}

// size is how many bytes it takes: those that it can begin again from, or the sample of a source without stages.
func (it *item) size() int {
	n := len(it.value) + len(it.kept)
	if n == 0 && it.Sample != nil {
		n = proto.Size(it.Sample)
	}
	return n
}

// settle lets go of what came in: the outcome is in the log, and nobody needs either any more.
func (it *item) settle() {
	it.value, it.Result = nil, Result{}
	it.memory.settle()
	it.memory = nil
}

// again is a fresh copy of the sample that came in: a stage may have changed the one it got.
func (it *item) again() (*Sample, error) {
	if it.value != nil {
		rec, err := decodeRecord(it.value)
		if err != nil {
			return nil, err
		}
		return rec.GetSample(), nil
	}
	s := &Sample{}
	if err := proto.Unmarshal(it.kept, s); err != nil {
		return nil, fmt.Errorf("decode sample of seq %d: %w", it.seq, err)
	}
	return s, nil
}

// fail makes the item a skip.
func (it *item) fail(stage, reason, detail string, retryable bool, attempts int32) {
	it.Result = Result{Skip: it.complete(&Skip{Stage: stage, Reason: reason, Detail: detail, Retryable: retryable}, attempts)}
}

// complete fills in what a stage leaves to the runner.
func (it *item) complete(s *Skip, attempts int32) *Skip {
	s.Attempts = attempts
	s.Id, s.Kind = it.id, it.kind
	if s.Source == nil {
		s.Source = it.source
	}
	if len(s.Detail) > maxDetail {
		s.Detail = s.Detail[:maxDetail]
	}
	return s
}

// maxDetail bounds the text of a skip: it may hold what a hostile host has sent.
const maxDetail = 500
