package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A repair mends lanes whose log has lost records that it had acknowledged: an unclean election, a lost disk, a torn
// volume. Much of that a run mends by itself, as each stage goes on behind what its output still holds. What it cannot
// mend are saved positions that have become lies, and records that the stage behind needs again and that have expired in
// front of it.
//
// A damaged lane begins a new life (see lives) in all segments, behind the last seq that is durable in the sink's ranges:
// the source is read again and everything from there on is made anew. So each seq is in the ranges once, whatever the
// log has lost; what stages make is the same again as far as they are deterministic, and fetch finds its blobs. Records
// and positions of the old life count for nobody. It costs what the log held of these lanes, no more, and lanes that are
// sound go on where they are.

// RepairPlan is what a repair will do.
type RepairPlan struct {
	Line   string       `json:"line"`
	Lanes  []LaneRepair `json:"lanes"`  // that are damaged
	Sound  int          `json:"sound"`  // lanes that are not
	Finish bool         `json:"finish"` // a repair was cut off

	durable map[int]int64
	shards  string // the id that the ranges are of, if the book has lost it
}

// LaneRepair is a damaged lane.
type LaneRepair struct {
	Lane   int      `json:"lane"`
	Source string   `json:"source"`
	Lost   []string `json:"lost"`  // what is wrong
	From   int64    `json:"from"`  // the first seq that is made anew
	Again  int64    `json:"again"` // samples that had been read and are made anew
}

// PlanRepair examines every lane. It changes nothing. It is an error if a process runs the line.
func (i *Inspector) PlanRepair(ctx context.Context, progress func(lane, lanes int)) (*RepairPlan, error) {
	if err := i.free(ctx); err != nil {
		return nil, err
	}
	open := i.line.lives.open()
	if open != nil && open.What != "repair" {
		return nil, cutOff(i.cfg, open)
	}
	for n, s := range i.line.book.all() {
		if s.Lanes == 0 {
			return nil, fmt.Errorf("topic %s: partition %d no longer says which source it is of: it has lost its tail; run the line once, which enters its sources again in the order of the graph file, and then repair it",
				i.line.book.topic, n)
		}
	}
	tally, err := i.ranges.Tally(ctx)
	if err != nil {
		return nil, fmt.Errorf("count what is durable: %w", err)
	}
	p := &RepairPlan{Line: i.cfg.Line, Lanes: []LaneRepair{}, Finish: open != nil, durable: map[int]int64{}}
	var all []string
	if tally.Line != "" && tally.Line != i.line.id() {
		p.shards = tally.Line
		all = append(all, fmt.Sprintf("the shards are of line %s, the book of line %s: it has lost the line's last reset", tally.Line, i.line.id()))
	}
	lanes := i.line.book.lanes()
	for n := range lanes {
		progress(n, lanes)
		durable, ok := tally.Lanes[n]
		if !ok {
			durable = noPosition()
		}
		owner, _ := i.line.book.owner(n)
		if was, ok := tally.Sources[n]; ok && was != owner.Source {
			return nil, fmt.Errorf("lane %d: its shards are of source %s, the book says %s: topic %s has lost what it said; put the sources into the graph file in the order in which the line was begun, under another kafka.prefix or line name, with a data folder of its own",
				n, was, owner.Source, i.line.book.topic)
		}
		lost, read, err := i.examine(ctx, n, durable)
		if err != nil {
			return nil, fmt.Errorf("examine lane %d: %w", n, err)
		}
		if lost = append(slices.Clone(all), lost...); len(lost) == 0 {
			p.Sound++
			continue
		}
		p.durable[n] = durable.LastSeq
		p.Lanes = append(p.Lanes, LaneRepair{
			Lane: n, Source: owner.Source, Lost: lost, From: durable.LastSeq + 1, Again: max(0, read-durable.LastSeq),
		})
	}
	return p, nil
}

// examine looks for what a lane has lost, as the segments would find it that take it up. durable is what its ranges hold.
// read is the last seq that the source is known to have written.
func (i *Inspector) examine(ctx context.Context, n int, durable Position) (lost []string, read int64, err error) {
	came := map[string]Position{} // by segment: the input record that its last output came from
	done := map[string]int64{}    // by segment: the last seq of its output
	say := func(format string, args ...any) { lost = append(lost, fmt.Sprintf(format, args...)) }
	read = -1
	for _, s := range i.line.board.segments {
		if s.Output == "" {
			came[s.Name()], done[s.Name()] = durable, durable.LastSeq
			continue
		}
		tl := topicLane{s.Output, n}
		if err := i.lies(ctx, tl, func(segment string, p Position, why string) {
			read = max(read, p.LastSeq)
			if why != "" {
				say("%s/%d: %s had taken seq %d at offset %d: %s", tl.topic, n, segment, p.LastSeq, p.InputOffset, why)
			}
		}); err != nil {
			return nil, 0, err
		}
		r := i.line.reader(s.Output, n)
		last, err := r.open(ctx, i.line.board.of(tl)...)
		if err == nil {
			var tail *accepted
			if tail, err = r.fold(ctx, func(*accepted) {}); tail != nil {
				last = tail
			}
		}
		if beyondRetry(err) {
			say("%v", err)
		} else if err != nil {
			return nil, 0, err
		}
		came[s.Name()], done[s.Name()] = noPosition(), r.last.LastSeq
		if last != nil {
			came[s.Name()] = Position{LastSeq: int64(last.Seq), InputOffset: last.InputOffset, InputWriter: last.InputWriter}
		}
		read = max(read, r.last.LastSeq)
	}
	if len(lost) > 0 {
		return lost, read, nil
	}
	for _, s := range i.line.board.segments[1:] {
		from := topicLane{s.Input, n}
		var known []Position
		for _, p := range append(i.line.board.of(from), came[s.Name()]) {
			if p.LastSeq >= 0 && p.LastSeq <= done[s.Name()] {
				known = append(known, p)
			}
		}
		r := i.line.reader(from.topic, n)
		_, err := r.open(ctx, known...)
		if err == nil {
			_, err = r.fold(ctx, func(*accepted) {})
		}
		before := i.line.board.segments[s.Index-1].Name()
		if beyondRetry(err) {
			say("%s cannot go on behind seq %d: %v", s.Name(), done[s.Name()], err)
		} else if err != nil {
			return nil, 0, err
		} else if r.last.LastSeq < done[before] {
			say("%s/%d: seq %d is not in the log, although %s has written up to seq %d", from.topic, n, r.last.LastSeq+1, before, done[before])
		}
	}
	return lost, read, nil
}

// beyondRetry says whether an error of reading a lane is about what the log holds, not about the way to it.
func beyondRetry(err error) bool {
	return errors.Is(err, errNoBase) || errors.Is(err, errLostTail) || errors.Is(err, errOutOfRange) || errors.Is(err, ErrFatal)
}

// lies looks at each position that somebody has saved of a topic's lane, and says why it cannot be true; "" if it can.
func (i *Inspector) lies(ctx context.Context, tl topicLane, say func(segment string, p Position, why string)) error {
	start, end, err := i.conn.log.ends(ctx, tl.topic, tl.lane)
	if err != nil {
		return err
	}
	for _, s := range i.line.board.segments {
		p, ok := i.line.board.saved(s.Name(), tl)
		if !ok || s.Input != tl.topic && s.Output != tl.topic {
			continue
		}
		r := i.line.reader(tl.topic, tl.lane)
		switch {
		case p.InputOffset >= end:
			say(s.Name(), p, fmt.Sprintf("the log ends at %d", end))
		case p.InputOffset < start || p.InputOffset <= r.base.InputOffset:
			say(s.Name(), p, "") // expired since
		default:
			_, fits, err := r.fits(ctx, p, start, end)
			why := ""
			if beyondRetry(err) {
				why = err.Error()
			} else if err != nil {
				return err
			} else if !fits {
				why = "another record lies there"
			}
			say(s.Name(), p, why)
		}
	}
	return nil
}

// Repair does what was planned.
func (i *Inspector) Repair(ctx context.Context, p *RepairPlan) error {
	var lanes []int
	for _, l := range p.Lanes {
		lanes = append(lanes, l.Lane)
	}
	if len(lanes) == 0 && !p.Finish {
		return nil
	}
	err := i.change(ctx, change{What: "repair", Lanes: lanes}, func(ctx context.Context, now *lives) (*lives, error) {
		if p.shards != "" {
			now = now.adopt(p.shards)
		}
		return i.begin(ctx, now, i.line.board.segments, lanes, false, p.durable)
	}, false)
	if err != nil {
		return fmt.Errorf("repair of line %s: %w", i.cfg.Line, err)
	}
	return nil
}

// Write prints the plan for people.
func (p *RepairPlan) Write(w io.Writer) error {
	var out strings.Builder
	for _, l := range p.Lanes {
		fmt.Fprintf(&out, "lane %d of %s\n", l.Lane, l.Source)
		for _, what := range l.Lost {
			fmt.Fprintf(&out, "  lost         %s\n", what)
		}
		fmt.Fprintf(&out, "  begins again from seq %d, where its shards end: %d samples are read from the source and made anew\n", l.From, l.Again)
	}
	fmt.Fprintf(&out, "line %s: %d lanes are damaged, %d are sound\n", p.Line, len(p.Lanes), p.Sound)
	_, err := io.WriteString(w, out.String())
	return err
}
