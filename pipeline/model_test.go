package pipeline

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// This file is a model of lanes, apart from the code that runs them: random runs of a chain of three stages over one
// lane, with crashes, zombies, lost answers, late requests and retention. A worker's payloads are new at each attempt,
// since a fetch is not deterministic; a run is right if every reader of a topic has accepted the same payload for each
// seq, and the sink holds each sample once. Each rule of the design has a variant without it, and each variant fails.

type rules struct {
	resume    string // fold: the last accepted record of the output; lastrec: its last record; max: its highest seq
	input     string // hint: behind the record that the last output came from; head: from the log's start with the seq alone
	retention string // safe: below the saved base and below what the next stage has taken; any: below the latter only
	source    string // fixed: a seq is always the same sample; moving: sometimes another at a second reading
}

var design = rules{resume: "fold", input: "hint", retention: "safe", source: "fixed"}

type modelRecord struct {
	seq     int
	row     int // the sample that it holds
	payload int // unique to the attempt
	from    int // offset of the input record; -1 from the source
	came    int // payload of the input record
}

// modelLog keeps records with absolute offsets, and the base that its writers save: the offset behind an accepted record,
// and its seq.
type modelLog struct {
	records  []modelRecord
	start    int
	baseAt   int
	baseSeq  int
	baseLast *modelRecord
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

// last is where a writer of the log resumes: the seq, and the record if it is still there.
func (l *modelLog) last(v rules) (int, *modelRecord) {
	switch {
	case v.resume == "lastrec" && len(l.records) > 0:
		r := l.records[len(l.records)-1]
		return r.seq, &r
	case v.resume == "max" && len(l.records) > 0:
		m := -1
		for _, r := range l.records {
			m = max(m, r.seq)
		}
		return m, nil
	case v.retention == "safe":
		if a := l.fold(l.baseAt, l.baseSeq); len(a) > 0 {
			return a[len(a)-1].record.seq, &a[len(a)-1].record
		}
		return l.baseSeq, l.baseLast
	}
	if len(l.records) == 0 {
		return -1, nil
	}
	if a := l.fold(l.start, l.records[0].seq-1); len(a) > 0 {
		return a[len(a)-1].record.seq, &a[len(a)-1].record
	}
	return -1, nil
}

type model struct {
	v      rules
	r      *rand.Rand
	n      int
	logs   []*modelLog
	took   []map[int]map[int]bool // by topic: payloads that readers have accepted, by seq
	nonce  int
	limbo  []func()
	sink   map[int]modelRecord
	sinkAt modelAccepted // the record of the sink's last durable range
	reader *modelSink
}

type modelWorker struct {
	stage, last, expect int
	pos, inLast         int
}

type modelSink struct{ last, pos int }

func (m *model) worker(stage int) *modelWorker {
	out := m.logs[stage]
	w := &modelWorker{stage: stage, expect: out.end()}
	var rec *modelRecord
	w.last, rec = out.last(m.v)
	w.inLast = w.last
	if stage > 0 {
		in := m.logs[stage-1]
		w.pos = in.start
		if m.v.input == "hint" && rec != nil {
			if r := in.at(rec.from); r != nil && r.seq == w.last && r.payload == rec.came {
				w.pos = rec.from + 1
			}
		}
	}
	return w
}

func (m *model) accept(topic int, r modelRecord) {
	if m.took[topic][r.seq] == nil {
		m.took[topic][r.seq] = map[int]bool{}
	}
	m.took[topic][r.seq][r.payload] = true
}

// step lets a worker read, work and write a batch, with a fault perhaps. false: it stops.
func (m *model) step(w *modelWorker, faults bool) bool {
	count := 1 + m.r.IntN(4)
	pos, inLast := w.pos, w.inLast
	var b []modelRecord
	if w.stage == 0 {
		for s := w.last + 1; s < min(m.n, w.last+1+count); s++ {
			m.nonce++
			row := s
			if m.v.source == "moving" && m.r.Float64() < .05 {
				row = m.r.IntN(m.n)
			}
			b = append(b, modelRecord{seq: s, row: row, payload: m.nonce, from: -1})
		}
	} else {
		in := m.logs[w.stage-1]
		if pos < in.start {
			if m.v.retention == "safe" {
				return false // would skip expired records
			}
			pos = in.start
		}
		for ; pos < in.end() && len(b) < count; pos++ {
			if r := *in.at(pos); r.seq == inLast+1 {
				inLast++
				m.accept(w.stage-1, r)
				m.nonce++
				b = append(b, modelRecord{seq: r.seq, row: r.row, payload: m.nonce, from: pos, came: r.payload})
			}
		}
	}
	done := func() {
		if len(b) > 0 {
			w.last = b[len(b)-1].seq
		}
		w.pos, w.inLast = pos, inLast
	}
	if len(b) == 0 {
		done()
		return true
	}
	out := m.logs[w.stage]
	land := func(b []modelRecord) { out.records = append(out.records, b...) }
	f := 0.0
	if faults {
		f = m.r.Float64()
	}
	switch {
	case f < .7:
		base := out.end()
		land(b)
		if base != w.expect {
			return false // somebody else has written
		}
		w.expect = out.end()
		done()
		return true
	case f < .78: // the answer is lost
		land(b)
	case f < .86: // the request comes in late
		m.limbo = append(m.limbo, func() { land(b) })
	case f < .93 && len(b) > 1: // a first request fails, a second that was under way lands
		land(b[len(b)/2:])
	}
	return false
}

func (m *model) newSink() *modelSink {
	s := &modelSink{last: -1, pos: m.logs[len(m.logs)-1].start}
	for seq := range m.sink {
		s.last = max(s.last, seq)
	}
	l := m.logs[len(m.logs)-1]
	if r := l.at(m.sinkAt.offset); m.v.input == "hint" && len(m.sink) > 0 && r != nil && r.payload == m.sinkAt.record.payload {
		s.pos = m.sinkAt.offset + 1
	}
	return s
}

func (m *model) sinkStep(count int) {
	l, s := m.logs[len(m.logs)-1], m.reader
	s.pos = max(s.pos, l.start)
	if s.pos > l.end() {
		s.pos = l.start
	}
	for ; s.pos < l.end() && count > 0; s.pos++ {
		r := *l.at(s.pos)
		if r.seq != s.last+1 {
			continue
		}
		s.last++
		m.accept(len(m.logs)-1, r)
		if _, ok := m.sink[r.seq]; !ok {
			m.sink[r.seq] = r
		}
		m.sinkAt = modelAccepted{s.pos, r}
		count--
	}
}

// expire drops records of a random topic as far as the rule allows.
func (m *model) expire() {
	i := m.r.IntN(len(m.logs))
	l := m.logs[i]
	if m.v.retention == "safe" {
		if a := l.fold(l.baseAt, l.baseSeq); len(a) > 0 {
			x := a[m.r.IntN(len(a))]
			l.baseAt, l.baseSeq, l.baseLast = x.offset+1, x.record.seq, &x.record
		}
		limit := l.start
		if i == len(m.logs)-1 {
			limit = max(m.sinkAt.offset, l.start)
		} else if _, rec := m.logs[i+1].last(m.v); rec != nil {
			limit = rec.from
		}
		for limit = min(limit, l.baseAt); len(l.records) > 0 && l.start < limit; l.start++ {
			l.records = l.records[1:]
		}
		return
	}
	done := -1
	if i == len(m.logs)-1 {
		for seq := range m.sink {
			done = max(done, seq)
		}
	} else {
		done, _ = m.logs[i+1].last(m.v)
	}
	for len(l.records) > 0 && l.records[0].seq <= done {
		l.records = l.records[1:]
		l.start++
	}
}

// playModel plays one run and returns what is wrong with it.
func playModel(v rules, seed uint64) []string {
	const n, stages = 30, 3
	m := &model{v: v, r: rand.New(rand.NewPCG(seed, 0)), n: n, sink: map[int]modelRecord{}}
	for range stages {
		m.logs = append(m.logs, &modelLog{baseSeq: -1})
		m.took = append(m.took, map[int]map[int]bool{})
	}
	m.reader = m.newSink()
	var workers []*modelWorker
	drop := func(i int) { workers = append(workers[:i], workers[i+1:]...) }
	for range 50 + m.r.IntN(350) {
		switch k := m.r.Float64(); {
		case k < .12:
			workers = append(workers, m.worker(m.r.IntN(stages)))
		case k < .16 && len(workers) > 0:
			drop(m.r.IntN(len(workers)))
		case k < .20 && len(m.limbo) > 0:
			i := m.r.IntN(len(m.limbo))
			m.limbo[i]()
			m.limbo = append(m.limbo[:i], m.limbo[i+1:]...)
		case k < .26:
			m.reader = m.newSink()
		case k < .36:
			m.sinkStep(1 + m.r.IntN(4))
		case k < .40:
			m.expire()
		case len(workers) > 0:
			if i := m.r.IntN(len(workers)); !m.step(workers[i], true) {
				drop(i)
			}
		}
	}
	for round := 0; round < 100 && len(m.sink) < n; round++ { // a healthy end
		for i := range stages {
			w := m.worker(i)
			for {
				end := m.logs[i].end()
				if m.step(w, false); m.logs[i].end() == end {
					break
				}
			}
		}
		m.reader = m.newSink()
		m.sinkStep(n)
	}
	return m.faults()
}

func (m *model) faults() (bad []string) {
	for seq := range m.n {
		r, ok := m.sink[seq]
		switch {
		case !ok:
			bad = append(bad, fmt.Sprintf("seq %d is missing", seq))
		case r.row != seq:
			bad = append(bad, fmt.Sprintf("seq %d holds row %d", seq, r.row))
		}
	}
	for topic, took := range m.took {
		for seq, payloads := range took {
			if len(payloads) > 1 {
				bad = append(bad, fmt.Sprintf("readers of topic %d disagree about seq %d", topic, seq))
			}
		}
	}
	return bad
}

func TestModelOfLanes(t *testing.T) {
	const runs = 3000
	for seed := range uint64(runs) {
		if bad := playModel(design, seed); bad != nil {
			t.Fatalf("run %d: %v", seed, bad)
		}
	}
}

func TestModelWithoutARule(t *testing.T) {
	for _, tt := range []struct {
		name string
		with func(*rules)
	}{
		{"resume by the last record", func(v *rules) { v.resume = "lastrec" }},
		{"resume by the highest seq", func(v *rules) { v.resume = "max" }},
		{"rewind the input with the seq alone", func(v *rules) { v.input = "head" }},
		{"retention without a saved base", func(v *rules) { v.retention = "any" }},
		{"a source whose rows move", func(v *rules) { v.source = "moving" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := design
			tt.with(&v)
			const runs = 1000
			failed := 0
			for seed := range uint64(runs) {
				if playModel(v, seed) != nil {
					failed++
				}
			}
			if failed == 0 {
				t.Errorf("none of %d runs failed: the model does not see what the rule is for", runs)
			}
			t.Logf("%d of %d runs failed", failed, runs)
		})
	}
}
