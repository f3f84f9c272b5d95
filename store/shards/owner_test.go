package shards_test

import (
	"testing"

	"github.com/imglish/imglish/store/shards"
)

// Behind Forget only commits of the new line count, also where a process of the old one writes on.
func TestForget(t *testing.T) {
	f, _ := folder(t)
	old := commit(t, f, 0, 0, 7)
	commit(t, f, 0, 8, 15)
	const next = "5c4e9f0e-0000-4000-8000-000000000002"
	for range 2 { // doing it again does no harm
		if err := f.Forget(t.Context(), next); err != nil {
			t.Fatal(err)
		}
	}
	if owner, ok, err := f.Owner(t.Context()); owner != next || !ok || err != nil {
		t.Errorf("Owner = %s, %v, %v", owner, ok, err)
	}
	late := func(from, to uint64) { // the old process, in the middle of its work
		if c := commit(t, f, 0, from, to); c.Line != old.Line {
			t.Fatalf("the fixture writes commits of line %s", c.Line)
		}
	}
	late(0, 7)
	late(0, 9) // a range that the new line does not have
	if last, err := f.Last(t.Context(), 0); last != nil || err != nil {
		t.Errorf("Last = %+v, %v, want none of the old line's", last, err)
	}
	// Another range and another tokenizer may be chosen, by the new line only.
	other := textual
	other.Fingerprint = "text-2"
	if _, err := f.Pin(t.Context(), shards.Line{Line: line, Range: 8, Bytes: 1000}, visual, textual); err == nil {
		t.Error("the old line has pinned the folder again")
	}
	if _, err := f.Pin(t.Context(), shards.Line{Line: next, Range: 16, Bytes: 7}, visual, other); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Pin(t.Context(), shards.Line{Line: next, Range: 8, Bytes: 7}, visual, other); err == nil {
		t.Error("ranges may be chosen twice")
	}
	mine := old
	mine.Line, mine.Writer = next, "cc"
	if stands, won, err := f.Commit(t.Context(), mine); err != nil || !won || stands.Line != next {
		t.Errorf("the new line's commit of a range that the old one has written late: %+v, %v, %v", stands, won, err)
	}
	if last, err := f.Last(t.Context(), 0); err != nil || last == nil || last.Line != next || last.To != 7 {
		t.Errorf("Last = %+v, %v, want the new line's range", last, err)
	}
	set, err := f.Load(t.Context(), nil)
	if err != nil || len(set.Commits) != 1 || set.Commits[0].Line != next {
		t.Errorf("Load = %+v, %v, want the new line's range alone", set, err)
	}
}
