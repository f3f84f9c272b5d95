package main

import (
	"encoding/hex"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
)

// wholeLine is what topics and sink hold after a run without faults.
func wholeLine(all []origin) ([][]*tail, map[int][]sinkRow) {
	var topics [][]*tail
	for i, stage := range chain[:4] {
		var tails []*tail
		for _, o := range all {
			for lane := o.first; lane < o.first+o.lanes; lane++ {
				t := &tail{topic: stage, lane: lane}
				for row := lane - o.first; row < o.rows; row += o.lanes {
					seq := len(t.taken)
					x := taken{offset: int64(10 + seq), writer: [16]byte{byte(i + 1)}, from: -1, key: int32(row), text: o.want(row, stage)}
					if i > 0 {
						x.from, x.came = int64(10+seq), [16]byte{byte(i)}
					}
					t.taken = append(t.taken, x)
				}
				tails = append(tails, t)
			}
		}
		topics = append(topics, tails)
	}
	sunk := map[int][]sinkRow{}
	for lane, t := range topics[3] {
		for seq, x := range t.taken {
			sunk[lane] = append(sunk[lane], sinkRow{Seq: int64(seq), Key: int(x.key), Text: x.text, Offset: x.offset, Writer: hex.EncodeToString(x.writer[:])})
		}
	}
	return topics, sunk
}

func TestAudit(t *testing.T) {
	all := origins(200)
	for _, tt := range []struct {
		name   string
		damage func(topics [][]*tail, sunk map[int][]sinkRow)
		want   tally
	}{
		{"nothing", func([][]*tail, map[int][]sinkRow) {}, tally{}},
		{"the sink misses one", func(_ [][]*tail, s map[int][]sinkRow) { s[2] = slices.Delete(s[2], 5, 6) }, tally{lost: 1}},
		{"the sink misses a whole lane", func(_ [][]*tail, s map[int][]sinkRow) { delete(s, 5) }, tally{lost: 25}},
		{"the sink has one twice", func(_ [][]*tail, s map[int][]sinkRow) { s[2] = slices.Insert(s[2], 5, s[2][4]) }, tally{twice: 1}},
		{"the sink has two in the wrong order", func(_ [][]*tail, s map[int][]sinkRow) { s[2][3], s[2][4] = s[2][4], s[2][3] }, tally{disorder: 1}},
		{"a topic ends early", func(p [][]*tail, _ map[int][]sinkRow) { p[2][7].taken = p[2][7].taken[:18] }, tally{lost: 2, disagree: 2}},
		{"a topic holds another row", func(p [][]*tail, _ map[int][]sinkRow) { p[1][0].taken[9] = p[1][0].taken[8] }, tally{lost: 1, twice: 1, disagree: 1}},
		{"a row of another lane", func(p [][]*tail, _ map[int][]sinkRow) { p[0][0].taken[9].key = 37 }, tally{lost: 1, twice: 1}},
		{"a sample has become a skip", func(p [][]*tail, _ map[int][]sinkRow) { p[3][0].taken[9].text = "skip s3/crashed-worker 36" }, tally{lost: 1}},
		{"a stage has read another record of the seq", func(p [][]*tail, _ map[int][]sinkRow) { p[2][3].taken[9].from = 99 }, tally{disagree: 1}},
		{"the sink has read another record of the seq", func(_ [][]*tail, s map[int][]sinkRow) { s[3][9].Writer = "00" }, tally{disagree: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			topics, sunk := wholeLine(all)
			tt.damage(topics, sunk)
			got := audit(all, topics, sunk)
			if got.lost != tt.want.lost || got.twice != tt.want.twice || got.disorder != tt.want.disorder || (got.disagree == 0) != (tt.want.disagree == 0) {
				t.Errorf("audit = %v, %d disagree, want %v, %d disagree: %q", got, got.disagree, &tt.want, tt.want.disagree, got.examples)
			}
			if got.ok() != (tt.name == "nothing") {
				t.Errorf("ok = %v", got.ok())
			}
		})
	}
}

// TestSinkSpoils holds the three ways in which the sink can be made to break its promise.
func TestSinkSpoils(t *testing.T) {
	all := origins(200)
	for how, want := range map[string]tally{"drop": {lost: 1}, "twice": {twice: 1}, "swap": {disorder: 1}} {
		topics, sunk := wholeLine(all)
		sunk[1] = spoil(sunk[1], how)
		if got := audit(all, topics, sunk); got.lost != want.lost || got.twice != want.twice || got.disorder != want.disorder {
			t.Errorf("%s: audit = %v, want %v", how, got, &want)
		}
	}
}

func TestFold(t *testing.T) {
	one := &tail{topic: "t"}
	writer := make([]byte, 16)
	for offset, seq := range []uint64{0, 1, 1, 3, 0, 2, 4, 3} { // twice, early, late
		rec := &pipeline.Record{Seq: seq, Writer: writer, Outcome: &pipeline.Record_Sample{Sample: &pipeline.Sample{Source: &pipeline.Origin{Key: "7"}}}}
		value, err := proto.Marshal(rec)
		if err != nil {
			t.Fatal(err)
		}
		if err := one.fold(int64(offset), value); err != nil {
			t.Fatal(err)
		}
	}
	var got []int64
	for _, x := range one.taken {
		got = append(got, x.offset)
	}
	if want := []int64{0, 1, 5, 7}; !slices.Equal(got, want) || one.raw != 8 {
		t.Errorf("the fold took offsets %v of %d records, want %v of 8", got, one.raw, want)
	}
}
