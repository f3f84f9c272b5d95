package mixer_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
)

var sizes = data{images: 41, texts: 37, pairs: 23}

func rowsOf(t testing.TB, m *mixer.Mixer, step int64) mixer.Batch {
	t.Helper()
	b, err := m.Rows(t.Context(), step)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each step has the asked numbers; each epoch of each list has every unit once, with view e mod K; held-out ids never
// come; epochs differ in their order.
func TestCountsEpochsAndViews(t *testing.T) {
	m := open(t, sizes.write(t), nil)
	held := map[[16]byte]bool{}
	for _, k := range []pipeline.Kind{pipeline.Kind_IMAGE, pipeline.Kind_TEXT, pipeline.Kind_PAIR} {
		train, heldOut := m.Units(k)
		rows := m.HeldOut(k, -1)
		if train == 0 || heldOut == 0 || len(rows) != heldOut {
			t.Fatalf("%v: %d to train on, %d held out, HeldOut gives %d", k, train, heldOut, len(rows))
		}
		for _, r := range rows {
			held[r.ID] = true
		}
	}
	lists := map[pipeline.Kind][]mixer.Row{}
	for step := range int64(60) {
		b := rowsOf(t, m, step)
		if len(b.Image) != 5 || len(b.Text) != 7 || len(b.Pair) != 3 || b.Step != step {
			t.Fatalf("step %d has %d images, %d texts, %d pairs, want 5, 7, 3", step, len(b.Image), len(b.Text), len(b.Pair))
		}
		for _, rows := range [][]mixer.Row{b.Image, b.Text, b.Pair} {
			for _, r := range rows {
				if held[r.ID] {
					t.Fatalf("step %d draws the held-out id %x", step, r.ID)
				}
				lists[r.Kind] = append(lists[r.Kind], r)
			}
		}
	}
	for kind, rows := range lists {
		size, _ := m.Units(kind)
		epochs := len(rows) / size
		if epochs < 3 {
			t.Fatalf("%v: only %d epochs in the test", kind, epochs)
		}
		orders := map[string]bool{}
		for e := range epochs {
			seen := map[string]bool{}
			order := ""
			for _, r := range rows[e*size : (e+1)*size] {
				unit := fmt.Sprintf("%x", r.ID)
				if kind == pipeline.Kind_TEXT {
					unit += fmt.Sprint("/", r.Part)
				} else if r.View != e%nViews {
					t.Fatalf("%v: epoch %d has view %d of %d", kind, e, r.View, nViews)
				}
				if seen[unit] || r.Epoch != e {
					t.Fatalf("%v: unit %s comes twice in epoch %d, or its row says epoch %d", kind, unit, e, r.Epoch)
				}
				seen[unit] = true
				order += unit + " "
			}
			orders[order] = true
		}
		if len(orders) != epochs {
			t.Errorf("%v: %d epochs have %d different orders", kind, epochs, len(orders))
		}
	}
}

// A step is the same whether its steps were walked, jumped to, walked back to or resumed, and whatever the workers.
func TestAnyStepAtAnyTime(t *testing.T) {
	st := sizes.write(t)
	walked := open(t, st, nil)
	var want []mixer.Batch
	for step := range int64(30) {
		want = append(want, rowsOf(t, walked, step))
	}
	jumping := open(t, st, func(c *mixer.Config) { c.Workers = 5; c.MicroRows = 1 })
	for _, step := range []int64{29, 3, 4, 17, 0, 28} {
		if got := rowsOf(t, jumping, step); !reflect.DeepEqual(got, want[step]) {
			t.Errorf("step %d by a jump: %v, want %v", step, got, want[step])
		}
	}
	for k := range want[:29] {
		resumed := open(t, st, nil)
		if err := resumed.Resume(walked.Position(want[k])); err != nil {
			t.Fatal(err)
		}
		if got := rowsOf(t, resumed, int64(k+1)); !reflect.DeepEqual(got, want[k+1]) {
			t.Fatalf("step %d behind Resume: %v, want %v", k+1, got, want[k+1])
		}
	}
	other := open(t, st, func(c *mixer.Config) { c.Seed = 8 })
	if reflect.DeepEqual(rowsOf(t, other, 0).Image, want[0].Image) {
		t.Error("another seed gives the same order")
	}
	for _, change := range []func(*mixer.Config){
		func(c *mixer.Config) { c.Seed = 8 }, func(c *mixer.Config) { c.Pairs = 2 }, func(c *mixer.Config) { c.HeldOut = .3 },
	} {
		if err := open(t, st, change).Resume(walked.Position(want[5])); err == nil {
			t.Errorf("Resume took a position of other settings")
		}
	}
}

// The digest changes with any row, and two runs that differ never meet again.
func TestDigest(t *testing.T) {
	st := sizes.write(t)
	a, b := open(t, st, nil), open(t, st, func(c *mixer.Config) { c.Texts = 6 })
	seen := map[[32]byte]bool{}
	for step := range int64(10) {
		seen[rowsOf(t, a, step).Digest] = true
		seen[rowsOf(t, b, step).Digest] = true
	}
	if len(seen) != 20 {
		t.Errorf("20 steps of two runs have %d digests", len(seen))
	}
}

// Shards that a line adds do not move a frozen set; without freezing the position is refused.
func TestGrowingShards(t *testing.T) {
	st := sizes.write(t)
	m := open(t, st, nil)
	b := rowsOf(t, m, 9)
	p := m.Position(b)
	f := shards.In(st)
	set, err := f.Load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	writeRange(t, f, 0, int(set.Through()[0])+1, []shards.Kind{shards.Image, shards.Text, shards.Pair})
	if err := open(t, st, nil).Resume(p); err == nil {
		t.Error("Resume took a position of fewer shards")
	}
	frozen, err := mixer.Open(t.Context(), st, config(nil), mixer.Options{Through: p.Through})
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	if err := frozen.Resume(p); err != nil {
		t.Fatal(err)
	}
	if got, want := rowsOf(t, frozen, 10), rowsOf(t, m, 10); !reflect.DeepEqual(got, want) {
		t.Error("the frozen set goes on in another order")
	}
}

func TestEmptyLists(t *testing.T) {
	st := data{texts: 9}.write(t)
	_, err := mixer.Open(t.Context(), st, config(nil), mixer.Options{})
	var h interface{ Hint() string }
	if err == nil || !strings.Contains(err.Error(), "images") || !errors.As(err, &h) {
		t.Errorf("Open without images: %v, want an error with a hint", err)
	}
	m := open(t, st, func(c *mixer.Config) { c.Images, c.Pairs = 0, 0 })
	if b := rowsOf(t, m, 3); len(b.Text) != 7 || len(b.Image)+len(b.Pair) != 0 {
		t.Errorf("texts alone: %+v", b)
	}
	if got := m.HeldOut(pipeline.Kind_PAIR, -1); len(got) != 0 {
		t.Errorf("held-out pairs of none: %v", got)
	}
}

// A batch may be larger than a list: it then wraps as often as it must.
func TestBatchLargerThanList(t *testing.T) {
	m := open(t, data{texts: 4}.write(t), func(c *mixer.Config) { c.Images, c.Pairs, c.Texts, c.HeldOut = 0, 0, 50, 0 })
	units, _ := m.Units(pipeline.Kind_TEXT)
	count := map[string]int{}
	for step := range int64(units) {
		for _, r := range rowsOf(t, m, step).Text {
			count[fmt.Sprintf("%x/%d", r.ID, r.Part)]++
		}
	}
	for unit, n := range count {
		if n != 50 {
			t.Errorf("unit %s came %d times in %d epochs, want 50", unit, n, 50)
		}
	}
	if len(count) != units {
		t.Errorf("%d units came, want %d", len(count), units)
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*mixer.Config){
		"images": func(c *mixer.Config) { c.Images = -1 }, "sum": func(c *mixer.Config) { c.Images, c.Texts, c.Pairs = 0, 0, 0 },
		"held_out": func(c *mixer.Config) { c.HeldOut = 1 }, "mask": func(c *mixer.Config) { c.Mask = "blocks" },
		"text_mask": func(c *mixer.Config) { c.TextMask = 1.5 }, "pair_pieces": func(c *mixer.Config) { c.PairPieces = 2 },
		"ahead": func(c *mixer.Config) { c.Ahead = 0 },
	} {
		if err := config(change).Validate(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want a complaint that names it", name, err)
		}
	}
	if err := mixer.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}

// The order is a promise over releases: a checkpoint goes on with the rows that it would have had. The digest was
// computed once from docs/formats/batch.md by a program that shares no code with this one.
func TestOrderIsStable(t *testing.T) {
	m := open(t, data{images: 3, texts: 5, pairs: 2}.write(t), func(c *mixer.Config) { c.HeldOut = 0 })
	const want = "b0c1937bb1ed8e57473c8d6019636b0596ad79ee2ab74d46edb5cf61722be5c5"
	if got := fmt.Sprintf("%x", rowsOf(t, m, 11).Digest); got != want {
		t.Errorf("digest at step 11 is %s, want %s", got, want)
	}
}
