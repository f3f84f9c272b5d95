package pipeline

import "slices"

// modelRecord is one record of a lane.
type modelRecord struct {
	seq     int
	row     int // the sample that it holds
	payload int // unique to the attempt
	from    int // offset of the input record; -1 from the source
	came    int // payload of the input record
}

// modelPosition is a reader's state as it is saved: the last record taken. seq is -1 before the first.
type modelPosition struct{ seq, offset, payload int }

var modelStart = modelPosition{seq: -1, offset: -1}

// modelLog keeps records with absolute offsets.
type modelLog struct {
	records []modelRecord
	start   int
}

func (l *modelLog) end() int { return l.start + len(l.records) }

func (l *modelLog) at(offset int) *modelRecord {
	if offset < l.start || offset >= l.end() {
		return nil
	}
	return &l.records[offset-l.start]
}

type modelAccepted struct {
	offset int
	record modelRecord
}

func (a modelAccepted) position() modelPosition {
	return modelPosition{a.record.seq, a.offset, a.record.payload}
}

func (l *modelLog) fold(offset, last int) []modelAccepted {
	var out []modelAccepted
	for o := max(offset, l.start); o < l.end(); o++ {
		if r := *l.at(o); r.seq == last+1 {
			last++
			out = append(out, modelAccepted{o, r})
		}
	}
	return out
}

// open is where a reader that knows some positions begins; false if records have expired and no position leads behind
// them.
func (l *modelLog) open(known ...modelPosition) (modelPosition, bool) {
	slices.SortFunc(known, func(a, b modelPosition) int { return b.offset - a.offset })
	for _, p := range known {
		r := l.at(p.offset)
		if p.seq >= 0 && (p.offset+1 == l.start || r != nil && r.seq == p.seq && r.payload == p.payload) {
			return p, true
		}
	}
	return modelStart, l.start == 0
}

// expire drops what lies in front of an offset.
func (l *modelLog) expire(limit int) {
	for len(l.records) > 0 && l.start < limit {
		l.records = l.records[1:]
		l.start++
	}
}
