package mixer

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/imglish/imglish/pipeline"
)

// A unit that is in the shards twice is drawn once an epoch, from the lower file.
func TestEqualUnitsCountOnce(t *testing.T) {
	a, b := [16]byte{1}, [16]byte{2}
	l := split(pipeline.Kind_TEXT, []unit{{id: b, file: 0}, {id: a, file: 1, n: 1}, {id: a, file: 1}, {id: a, file: 3, row: 7}, {id: b, file: 4}}, 0)
	want := []unit{{id: a, file: 1}, {id: a, file: 1, n: 1}, {id: b, file: 0}}
	if len(l.train) != 3 || l.train[0] != want[0] || l.train[1] != want[1] || l.train[2] != want[2] {
		t.Errorf("split keeps %v, want %v", l.train, want)
	}
	l = split(pipeline.Kind_IMAGE, []unit{{id: a, file: 2, n: 3}, {id: a, file: 0, n: 2}}, 0)
	if len(l.train) != 1 || l.train[0].file != 0 {
		t.Errorf("split keeps %v, want the image of file 0 alone", l.train)
	}
}

// The share of held-out ids is the one asked, and a larger share holds out all that a smaller one does.
func TestHeldOutShare(t *testing.T) {
	n := [2]int{}
	for i := range 20_000 {
		var id [16]byte
		binary.LittleEndian.PutUint64(id[:], uint64(i))
		small, large := isHeldOut(id, 0.05), isHeldOut(id, 0.2)
		if small && !large {
			t.Fatalf("id %x is held out at 0.05 and not at 0.2", id)
		}
		if small {
			n[0]++
		}
		if large {
			n[1]++
		}
	}
	// Five standard deviations: √(20000·p·(1−p)) is 31 and 57.
	if n[0] < 845 || n[0] > 1155 || n[1] < 3715 || n[1] > 4285 {
		t.Errorf("%v of 20,000 held out, want about 1,000 and 4,000", n)
	}
}

func BenchmarkEpochOrder1M(b *testing.B) {
	all := make([]unit, 1_000_000)
	for i := range all {
		binary.LittleEndian.PutUint64(all[i].id[:], rand.Uint64())
	}
	o := &order{list: split(pipeline.Kind_IMAGE, all, 0.01)}
	e := 0
	for b.Loop() {
		o.epoch(e)
		e++
	}
}
