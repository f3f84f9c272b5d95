package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// A reset makes a segment and those behind it do their work again, for another tokenizer, another view setting, or a
// stage that was wrong.
//
// The lanes of these segments begin a new life (see lives): in each output topic it begins at the partition's end, with
// seq 0 and an id of its own. Why that is sound:
//
//   - Reading a lane is still a fold that accepts seq by seq; it only begins elsewhere, and all readers learn from the
//     book where. A record of the old life (a late request, a paused process that wakes up) has another id and is passed
//     over by all of them, whatever its offset. So no waiting is needed, and nothing old can get into the new lanes.
//   - Positions of the old life are saved in other groups. A new segment finds none and begins at the head of its input,
//     which therefore must still be there whole, from its first record. If some of it has expired, the reset goes one
//     segment further back; the sources' own files are always whole. The fetch stage finds its blobs by name, so going
//     back to the source fetches nothing twice.
//   - The place of the shards is given to the new id first, which makes all commits of the old one count no more, also
//     those that an old process still writes. Then they are removed.
//   - The work journal blames by the line's life: what crashed before may be tried again.
//
// The book says that a reset is under way before anything else is done, and that it is done behind everything else.
// Between the two no process runs the line, and those that run stop; doing it again finishes it, from wherever it was.
//
// It is done for all lanes at once: shards of one line are made with one set of settings, and ranges are pinned to them.

// ResetPlan is what a reset will do.
type ResetPlan struct {
	Line    string        `json:"line"`
	Asked   string        `json:"asked"`  // the stage that was named
	Stages  []string      `json:"stages"` // that work again, in order
	Why     []string      `json:"why"`    // these stages, if they are more than those behind the one that was named
	Topics  []TopicRecord `json:"topics"` // whose lanes begin again
	Ranges  int           `json:"ranges"` // that count no more
	Records int64         `json:"records"`
	Bytes   int64         `json:"bytes"` // of their files

	segments []Segment
}

// TopicRecord is a topic and how many records it has carried.
type TopicRecord struct {
	Topic   string `json:"topic"`
	Records int64  `json:"records"`
}

// PlanReset says what making a stage and those behind it work again comes to. It changes nothing. It is an error if a
// process runs the line.
func (i *Inspector) PlanReset(ctx context.Context, stage string) (*ResetPlan, error) {
	if err := i.free(ctx); err != nil {
		return nil, err
	}
	if open := i.line.lives.open(); open != nil && (open.What != "reset" || open.From != stage) {
		return nil, cutOff(i.cfg, open)
	}
	segments := i.cfg.Segments()
	from := slices.IndexFunc(segments, func(s Segment) bool { return contains(s.Stages, stage) })
	if from < 0 {
		known := append([]string{sourceStage}, i.cfg.stages()...)
		return nil, fmt.Errorf("%s has no stage %q: it has %s", i.cfg.File, stage, strings.Join(known, ", "))
	}
	p := &ResetPlan{Line: i.cfg.Line, Asked: stage, Stages: []string{}, Why: []string{}, Topics: []TopicRecord{}}
	if first := segments[from].Stages[0]; first != stage {
		p.Why = append(p.Why, fmt.Sprintf("%s works in one segment with %s, no topic lies between them", stage, first))
	}
	for from > 0 {
		why, err := i.expired(ctx, segments[from].Input)
		if err != nil {
			return nil, err
		}
		if why == "" {
			break
		}
		from--
		p.Why = append(p.Why, why)
	}
	if from == 0 && stage != sourceStage {
		p.Why = append(p.Why, "the sources' files are read again; fetch finds the blobs that are there and fetches nothing twice")
	}
	p.segments = segments[from:]
	l, err := i.look(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range p.segments {
		p.Stages = append(p.Stages, s.Stages...)
		if s.Output == "" {
			continue
		}
		t := TopicRecord{Topic: s.Output}
		for n := range i.line.book.lanes() {
			t.Records += l.taken[workLane{s.Name(), n}]
		}
		p.Topics = append(p.Topics, t)
	}
	p.Ranges, p.Records, p.Bytes = l.tally.Ranges, l.tally.Records, l.tally.Bytes
	return p, nil
}

// expired says why a topic cannot be read from its first record on, or "".
func (i *Inspector) expired(ctx context.Context, topic string) (string, error) {
	for n := range i.line.book.lanes() {
		start, _, err := i.conn.log.ends(ctx, topic, n)
		if err != nil {
			return "", err
		}
		if base := i.line.reader(topic, n).base; start > base.InputOffset+1 || base.LastSeq >= 0 {
			return fmt.Sprintf("topic %s no longer has the first records of its lanes: the log keeps only the last of them", topic), nil
		}
	}
	return "", nil
}

// free returns an error if a process runs the line. One that was killed counts for as long as its session lasts, so it
// waits for that.
func (i *Inspector) free(ctx context.Context) error {
	for start := time.Now(); ; {
		if err := i.open(ctx); err != nil {
			return err
		}
		members, err := i.processes(ctx)
		if err != nil {
			return err
		}
		held, err := heldJournals(i.cfg.Data)
		if err != nil {
			return err
		}
		if len(members) == 0 && held == 0 {
			return nil
		}
		if time.Since(start) > sessionTimeout+2*time.Second {
			var who []string
			for _, m := range members {
				who = append(who, m.name())
			}
			if len(who) == 0 {
				return fmt.Errorf("line %s: %d processes of this machine still hold it (paused, perhaps): end them first", i.cfg.Line, held)
			}
			return fmt.Errorf("line %s is running in %s: stop every process of it first", i.cfg.Line, strings.Join(who, ", "))
		}
		if !pause(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// heldJournals counts the processes of this machine that have the line open, paused ones too.
func heldJournals(data string) (int, error) {
	paths, err := filepath.Glob(filepath.Join(data, "work", "*.journal"))
	if err != nil {
		return 0, err
	}
	held := 0
	for _, path := range paths {
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("work journal: %w", err)
		}
		free, err := tryLock(f)
		f.Close()
		if err != nil {
			return 0, err
		}
		if !free {
			held++
		}
	}
	return held, nil
}

// Reset does what was planned.
func (i *Inspector) Reset(ctx context.Context, p *ResetPlan) error {
	if err := i.free(ctx); err != nil {
		return err
	}
	err := i.change(ctx, change{What: "reset", From: p.Asked}, func(ctx context.Context, now *lives) (*lives, error) {
		var lanes []int
		for n := range i.line.book.lanes() {
			lanes = append(lanes, n)
		}
		next, err := i.begin(ctx, now, p.segments, lanes, true, nil)
		if err != nil {
			return nil, err
		}
		if err := i.ranges.Forget(ctx, next.id(i.line.first, next.Reset), p.Stages); err != nil {
			return nil, fmt.Errorf("take the ranges away: %w", err)
		}
		return next, nil
	}, p.segments[0].Input == "")
	if err != nil {
		return fmt.Errorf("reset of line %s: %w", i.cfg.Line, err)
	}
	return nil
}

// begin makes the lives with which lanes begin again in segments, each behind the seq that durable says (nil: at the
// head).
func (i *Inspector) begin(ctx context.Context, now *lives, segments []Segment, lanes []int, reset bool, durable map[int]int64) (*lives, error) {
	var failed error
	next := now.begin(segments, lanes, reset, func(s Segment, lane int) life {
		at := life{Seq: -1}
		if last, ok := durable[lane]; ok {
			at.Seq = last
		}
		if s.Output != "" {
			_, end, err := i.conn.log.ends(ctx, s.Output, lane)
			failed = errors.Join(failed, err)
			at.Offset = end
		}
		return at
	})
	return next, failed
}

// change writes down that something is under way, does it, and writes down that it is done. With afresh the sources'
// files are read anew.
func (i *Inspector) change(ctx context.Context, c change, do func(context.Context, *lives) (*lives, error), afresh bool) error {
	c.Token = uuid.NewString()
	b := i.line.book
	if err := b.change(ctx, 0, b.lives().with(&c), false); err != nil {
		return err
	}
	if open := b.lives().open(); open == nil || open.Token != c.Token {
		return errors.New("somebody else has begun a reset or a repair at the same moment")
	}
	// A process that was just starting may have read the book before; it stops now.
	if err := i.free(ctx); err != nil {
		return err
	}
	b = i.line.book
	next, err := do(ctx, b.lives())
	if err != nil {
		return err
	}
	done := next.with(nil)
	for n := len(b.all()) - 1; n >= 0; n-- { // the first partition last: it says that all is done
		if err := b.change(ctx, n, done, afresh); err != nil {
			return err
		}
	}
	return i.open(ctx)
}

// Write prints the plan for people.
func (p *ResetPlan) Write(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "reset of line %s from %s\n", p.Line, p.Asked)
	for _, why := range p.Why {
		fmt.Fprintf(&out, "  because        %s\n", why)
	}
	fmt.Fprintf(&out, "  work again     %s\n", strings.Join(p.Stages, ", "))
	for _, t := range p.Topics {
		fmt.Fprintf(&out, "  begins again   topic %s, %d records are made anew\n", t.Topic, t.Records)
	}
	fmt.Fprintf(&out, "  counts no more %d commits with %d records, %.1f MB in files (imglish gc removes the files)\n", p.Ranges, p.Records, float64(p.Bytes)/1e6)
	_, err := io.WriteString(w, out.String())
	return err
}
