package pipeline

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// lives says which lanes have been begun again, by a reset or a repair, and where. The book keeps it.
//
// Nothing is deleted from a topic for it. A lane's new life begins at the end of its partition, with an id of its own:
// its reader starts there and passes over records of other lives, so what an old process or a late request still writes
// counts for nobody, whenever it comes. Positions are saved in groups of their own, for the same reason. It also asks for
// no right that running the line does not need.
type lives struct {
	// N counts changes. An entry of the book with a lower one comes from a process that has not heard of them.
	N int `json:"n"`
	// IDs are the ids of lives, UUIDs: IDs[i] is that of life i+1. That of life 0 is the book's line.
	IDs []string `json:"ids,omitempty"`
	// Reset is the life of the last reset: the shards are of it. 0 if there was none.
	Reset int `json:"reset,omitempty"`
	// Open is a change that is under way, or was cut off: the line does not run until it is finished.
	Open *change `json:"open,omitempty"`
	// Lanes holds the lives by segment and lane; lanes that are not there are in life 0.
	Lanes map[string][]life `json:"lanes,omitempty"`
}

// life is where a lane's present life begins in a segment's output topic. The sink's has no offset.
type life struct {
	Life   int   `json:"life"`
	Offset int64 `json:"offset"` // of its first record
	Seq    int64 `json:"seq"`    // the last one in front of it, -1 if it begins at the head of the source
}

// change is a reset or a repair. Doing it again, after it was cut off, does the same.
type change struct {
	What  string `json:"what"`            // "reset" or "repair"
	From  string `json:"from,omitempty"`  // the stage that was named
	Lanes []int  `json:"lanes,omitempty"` // of a repair
	Token string `json:"token"`           // of the process that does it
}

// command is what finishes a change that was cut off.
func (c *change) command(graph string) string {
	if c.What == "reset" {
		return fmt.Sprintf("imglish reset %s --from %s", graph, c.From)
	}
	return "imglish repair " + graph
}

func (l *lives) open() *change {
	if l == nil {
		return nil
	}
	return l.Open
}

func (l *lives) n() int {
	if l == nil {
		return 0
	}
	return l.N
}

// of returns the life of a segment's lane.
func (l *lives) of(segment string, lane int) life {
	if l != nil && lane < len(l.Lanes[segment]) {
		return l.Lanes[segment][lane]
	}
	return life{Seq: -1}
}

// reset is the life of the last reset.
func (l *lives) reset() int {
	if l == nil {
		return 0
	}
	return l.Reset
}

// id returns the id of a life of a line.
func (l *lives) id(line string, life int) string {
	if l == nil || life < 1 || life > len(l.IDs) {
		return line
	}
	return l.IDs[life-1]
}

// short tells lives apart in names: "" for life 0.
func (l *lives) short(life int) string {
	if life == 0 {
		return ""
	}
	return l.id("", life)[:8]
}

// check says whether lives from the book can be true.
func (l *lives) check() error {
	if l == nil {
		return nil
	}
	for _, id := range l.IDs {
		if _, err := uuid.Parse(id); err != nil {
			return fmt.Errorf("id of a life: %w", err)
		}
	}
	if l.Reset < 0 || l.Reset > len(l.IDs) {
		return fmt.Errorf("life %d of %d", l.Reset, len(l.IDs))
	}
	for segment, lanes := range l.Lanes {
		for n, x := range lanes {
			if x.Life < 0 || x.Life > len(l.IDs) || x.Offset < 0 || x.Seq < -1 {
				return fmt.Errorf("life of %s lane %d: %+v", segment, n, x)
			}
		}
	}
	return nil
}

// begin returns lives in which lanes begin again in segments, under a new id. at says where.
func (l *lives) begin(segments []Segment, lanes []int, reset bool, at func(s Segment, lane int) life) *lives {
	next := &lives{N: l.n(), Reset: l.reset(), Lanes: map[string][]life{}}
	if l != nil {
		next.IDs = slices.Clone(l.IDs)
		for name, old := range l.Lanes {
			next.Lanes[name] = slices.Clone(old)
		}
	}
	next.IDs = append(next.IDs, uuid.NewString())
	if reset {
		next.Reset = len(next.IDs)
	}
	for _, s := range segments {
		of := next.Lanes[s.Name()]
		for _, n := range lanes {
			for len(of) <= n {
				of = append(of, life{Seq: -1})
			}
			of[n] = at(s, n)
			of[n].Life = len(next.IDs)
		}
		next.Lanes[s.Name()] = of
	}
	return next
}

// adopt returns a copy whose last reset gave the line an id that the book has lost.
func (l *lives) adopt(id string) *lives {
	next := l.with(nil)
	next.N = l.n()
	next.IDs = append(next.IDs, id)
	next.Reset = len(next.IDs)
	return next
}

// with returns a copy that has counted on, with a change open or, if nil, none.
func (l *lives) with(open *change) *lives {
	next := &lives{N: l.n() + 1, Open: open}
	if l != nil {
		next.IDs, next.Reset, next.Lanes = slices.Clone(l.IDs), l.Reset, maps.Clone(l.Lanes)
	}
	return next
}
