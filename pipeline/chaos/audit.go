package main

import (
	"encoding/hex"
	"fmt"
)

// tally is what the records say, summed over the sink and all topics.
type tally struct {
	lost     int // keys of the source that are nowhere, or stand there with other content
	twice    int // keys beyond their first appearance
	disorder int // neighbours in a lane of which the later one is the earlier row
	disagree int // records that name another input than the one that the fold accepts
	examples []string
}

func (t *tally) String() string {
	return fmt.Sprintf("lost %d, twice %d, out of order %d", t.lost, t.twice, t.disorder)
}

func (t *tally) ok() bool { return t.lost+t.twice+t.disorder+t.disagree == 0 }

func (t *tally) note(format string, args ...any) {
	if len(t.examples) < 20 {
		t.examples = append(t.examples, fmt.Sprintf(format, args...))
	}
}

// lane counts one lane: keys and texts in the order in which they lie there. where is for messages.
func (t *tally) lane(where string, o origin, lane int, stage string, n int, at func(i int) (key int, text string)) {
	of := func(row int) bool { return row >= 0 && row < o.rows && row%o.lanes == lane-o.first }
	times := make([]int, (o.rows-(lane-o.first)+o.lanes-1)/o.lanes)
	good := make([]bool, len(times))
	before := -1
	for i := range n {
		row, text := at(i)
		if row < before {
			t.disorder++
			t.note("%s: %s stands behind row %d", where, o.text(row), before)
		}
		before = row
		if !of(row) {
			t.twice++ // it has a place elsewhere
			t.note("%s: %s does not belong here", where, o.text(row))
			continue
		}
		k := row / o.lanes
		if times[k]++; times[k] > 1 {
			t.twice++
			t.note("%s: %s stands there %d times", where, o.text(row), times[k])
		}
		if want := o.want(row, stage); text == want {
			good[k] = true
		} else {
			t.note("%s: row %d says %q, want %q", where, row, text, want)
		}
	}
	for k, n := range times {
		if n == 0 || !good[k] {
			t.lost++
			t.note("%s: %s is lost", where, o.text(k*o.lanes+lane-o.first))
		}
	}
}

// audit counts all topics and the sink. topics are in the order of the chain.
func audit(all []origin, topics [][]*tail, sunk map[int][]sinkRow) *tally {
	t := &tally{}
	for _, o := range all {
		for lane := o.first; lane < o.first+o.lanes; lane++ {
			for i, tails := range topics {
				one := tails[lane].taken
				where := fmt.Sprintf("%s/%d", tails[lane].topic, lane)
				t.lane(where, o, lane, chain[i], len(one), func(k int) (int, string) { return int(one[k].key), one[k].text })
				if i > 0 {
					t.agree(where, one, topics[i-1][lane].taken)
				}
			}
			rows := sunk[lane]
			t.lane(fmt.Sprintf("sink lane %d", lane), o, lane, chain[3], len(rows), func(k int) (int, string) { return rows[k].Key, rows[k].Text })
			last := topics[len(topics)-1][lane].taken
			for _, r := range rows {
				if r.Seq >= int64(len(last)) || last[r.Seq].offset != r.Offset || hex.EncodeToString(last[r.Seq].writer[:]) != r.Writer {
					t.disagree++
					t.note("sink lane %d: seq %d was read at offset %d, which is not the record that counts", lane, r.Seq, r.Offset)
				}
			}
		}
	}
	return t
}

// agree checks that the stage that wrote out has accepted the same records of its input as we have.
func (t *tally) agree(where string, out, in []taken) {
	for seq, r := range out {
		if seq >= len(in) || in[seq].offset != r.from || in[seq].writer != r.came {
			t.disagree++
			t.note("%s: seq %d came from offset %d, which is not the record that counts", where, seq, r.from)
		}
	}
}
