package pipeline

// modelWorker is one process's work on one lane of one stage. The stage behind the last topic is the sink.
type modelWorker struct {
	stage, lane int
	out         modelPosition // last written
	expect      int           // offset of the next
	in          modelPosition // last read
	next        int           // offset to read

	decided *modelBatch // read and worked on, not yet written
	// What the process would save for this lane.
	savesIn, savesOut modelPosition
	open              []modelAccepted // of the sink: read, in no range yet
}

// modelBatch is what a worker is about to write.
type modelBatch struct {
	records []modelRecord
	in      modelPosition
	next    int
}

// resume makes a worker from what the logs say; nil if a log says nothing any more. before is who had the lane.
func (m *model) resume(stage, lane int, before *modelWorker) *modelWorker {
	w := &modelWorker{stage: stage, lane: lane, in: modelStart, out: modelStart, savesIn: modelStart, savesOut: modelStart}
	came := modelStart // the input record of the last output
	if stage == m.stages {
		came = m.durable(lane)
		w.out = came
	} else {
		last, ok := m.lastOf(stage, lane)
		if !ok {
			return nil
		}
		w.out, w.savesOut, w.expect = last, last, m.logs[stage][lane].end()
		if r := m.logs[stage][lane].at(last.offset); r != nil {
			came = modelPosition{last.seq, r.from, r.came}
		}
	}
	if stage == 0 {
		return w
	}
	log := m.logs[stage-1][lane]
	var known []modelPosition
	for _, p := range append(m.savedOf(stage-1, lane), came) {
		if p.seq <= w.out.seq || m.v.input == "furthest" {
			known = append(known, p)
		}
	}
	p, ok := log.open(known...)
	switch {
	case m.v.input == "head":
		p, ok = modelPosition{seq: w.out.seq, offset: log.start - 1}, true
	case m.v.handover == "memory" && before != nil && before.decided == nil && before.next > log.start:
		p, ok = modelPosition{seq: w.out.seq, offset: before.next - 1}, true
	case m.v.handover == "memory" && before != nil && before.decided != nil:
		p, ok = modelPosition{seq: w.out.seq, offset: before.decided.next - 1}, true
	}
	if !ok {
		return nil
	}
	w.in, w.savesIn, w.next = p, p, p.offset+1
	return w
}

// lastOf is the checkpoint of a stage in a lane: the last accepted record of its own output.
func (m *model) lastOf(stage, lane int) (modelPosition, bool) {
	log := m.logs[stage][lane]
	n := len(log.records)
	switch {
	case m.v.resume == "lastrec" && n > 0:
		return modelAccepted{log.end() - 1, log.records[n-1]}.position(), true
	case m.v.resume == "max" && n > 0:
		p := modelStart
		for i, r := range log.records {
			if r.seq > p.seq {
				p = modelAccepted{log.start + i, r}.position()
			}
		}
		return p, true
	}
	from, ok := log.open(m.savedOf(stage, lane)...)
	if m.v.retention == "no base" {
		from, ok = modelStart, true
		if n > 0 {
			from = modelPosition{seq: log.records[0].seq - 1, offset: log.start - 1}
		}
	}
	if a := log.fold(from.offset+1, from.seq); len(a) > 0 {
		from = a[len(a)-1].position()
	}
	return from, ok
}

// decide reads records and works on them. false: the worker stops.
func (m *model) decide(w *modelWorker) bool {
	count := 1 + m.r.IntN(4)
	b := &modelBatch{in: w.in, next: w.next}
	if w.stage == 0 {
		for s := w.out.seq + 1; s < min(m.rows, w.out.seq+1+count); s++ {
			row := s
			if m.v.source == "moving" && m.r.Float64() < .05 {
				row = m.r.IntN(m.rows)
			}
			b.records = append(b.records, modelRecord{seq: s, row: row, payload: m.payload(), from: -1})
		}
		w.decided = b
		return true
	}
	log := m.logs[w.stage-1][w.lane]
	if b.next < log.start || b.next > log.end() {
		return false // would skip expired records
	}
	for ; b.next < log.end() && len(b.records) < count; b.next++ {
		r := *log.at(b.next)
		if r.seq != b.in.seq+1 {
			continue
		}
		m.accept(w.stage-1, w.lane, r)
		b.in = modelAccepted{b.next, r}.position()
		if r.seq > w.out.seq {
			b.records = append(b.records, modelRecord{seq: r.seq, row: r.row, payload: m.payload(), from: b.next, came: r.payload})
		}
	}
	w.decided = b
	return true
}

// write writes what is decided, perhaps with a fault. false: the worker stops.
func (m *model) write(w *modelWorker, faults bool) bool {
	b := w.decided
	w.decided = nil
	if w.stage == m.stages {
		return m.commit(w, b)
	}
	done := func() {
		w.in, w.next, w.savesIn = b.in, b.next, b.in
		if n := len(b.records); n > 0 {
			w.out = modelAccepted{w.expect - 1, b.records[n-1]}.position()
			w.savesOut = w.out
		}
	}
	if len(b.records) == 0 {
		done()
		return true
	}
	log := m.logs[w.stage][w.lane]
	land := func(records []modelRecord) { log.records = append(log.records, records...) }
	f := 0.0
	if faults {
		f = m.r.Float64()
	}
	switch {
	case f < .75:
		base := log.end()
		land(b.records)
		if base != w.expect {
			return false // somebody else has written
		}
		w.expect = log.end()
		done()
		return true
	case f < .82: // the answer is lost
		land(b.records)
	case f < .9: // the request comes in late
		m.late = append(m.late, func() { land(b.records) })
	case f < .95 && len(b.records) > 1: // a first request fails, a second that was under way lands
		land(b.records[len(b.records)/2:])
	}
	return false
}

// modelRange is how many records a range of the sink has.
const modelRange = 3

// commit takes a batch into the sink. A range that exists is not written again.
func (m *model) commit(w *modelWorker, b *modelBatch) bool {
	for _, r := range b.records {
		w.open = append(w.open, modelAccepted{r.from, modelRecord{seq: r.seq, row: r.row, payload: r.came}})
		if r.seq%modelRange != modelRange-1 && r.seq != m.rows-1 {
			continue
		}
		if from := w.open[0].record.seq; m.sink[w.lane][from] == nil {
			m.sink[w.lane][from] = w.open
		}
		w.savesIn = w.open[len(w.open)-1].position()
		w.open = nil
	}
	w.in, w.next = b.in, b.next
	if n := len(b.records); n > 0 {
		w.out.seq = b.records[n-1].seq
	}
	return true
}

// durable is the position of a lane's last range.
func (m *model) durable(lane int) modelPosition {
	p := modelStart
	for _, r := range m.sink[lane] {
		if last := r[len(r)-1].position(); last.seq > p.seq {
			p = last
		}
	}
	return p
}
