package audit_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/audit"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/store/storetest"
)

var (
	visual  = shards.Visual{Fingerprint: "v", Grid: 2, Side: 8, Codes: 16}
	textual = shards.Textual{Fingerprint: "t", Special: shards.Special{Pad: 1, EOS: 2, Unk: 3, Mask: 19, Vocab: 20}}
)

func origin(dataset, key string, seq int64) shards.Origin {
	id := sha256.Sum256([]byte(dataset + "\x00" + key + "\x00"))
	return shards.Origin{ID: [16]byte(id[:16]), Seq: seq, Source: shards.Source{Dataset: dataset, Key: key}}
}

// fixture has an image of two views, two texts (one of two parts), a pair of two views and two skips.
func fixture(t *testing.T) store.Store {
	st := storetest.NewMemory()
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: "line", Range: 8}, visual, textual); err != nil {
		t.Fatal(err)
	}
	c := shards.Commit{Line: "line", Source: "cc12m", To: 5, Skips: map[string]int{"fetch/http-404": 1, "clean/too-small": 1}}
	views := func(codes ...uint16) shards.View { return shards.View{Encoded: []byte{1}, Codes: codes} }
	second := func(v shards.View) shards.View { v.View = 1; return v }

	add(t, f, &c, shards.Meta{Kind: shards.Image, Visual: visual, Grid: 2, Side: 8},
		shards.ImageRow{Origin: origin("imagenet21k", "a", 0), View: views(1, 1, 1, 1)},
		shards.ImageRow{Origin: origin("imagenet21k", "a", 0), View: second(views(2, 2, 2, 2))})
	add(t, f, &c, shards.Meta{Kind: shards.Text, Text: textual},
		shards.TextRow{Origin: origin("wikipedia", "b", 1), Part: shards.Part{IDs: []int32{4, 5, 3}}},
		shards.TextRow{Origin: origin("wikipedia", "b", 1), Part: shards.Part{Part: 1, IDs: []int32{4}}},
		shards.TextRow{Origin: origin("wikipedia", "c", 2), Part: shards.Part{IDs: []int32{6, 4}}})
	add(t, f, &c, shards.Meta{Kind: shards.Pair, Visual: visual, Text: textual, Grid: 2, Side: 8},
		shards.PairRow{Origin: origin("cc12m", "d", 3), View: views(3, 3, 4, 4), Part: shards.Part{IDs: []int32{7, 7}}},
		shards.PairRow{Origin: origin("cc12m", "d", 3), View: second(views(3, 3, 4, 4)), Part: shards.Part{IDs: []int32{7, 7}}})
	add(t, f, &c, shards.Meta{Kind: shards.Dropped},
		shards.DroppedRow{Origin: origin("cc12m", "e", 4), Stage: "fetch", Reason: "http-404"},
		shards.DroppedRow{Origin: origin("wikipedia", "f", 5), Stage: "clean", Reason: "too-small"})
	if _, _, err := f.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if report, err := f.Verify(t.Context(), nil); err != nil || len(report.Faults) > 0 {
		t.Fatalf("the fixture is not sound: %v, %v", report, err)
	}
	return st
}

func add[T shards.ImageRow | shards.TextRow | shards.PairRow | shards.DroppedRow](t *testing.T, f shards.Folder, c *shards.Commit, m shards.Meta, rows ...T) {
	w, err := shards.NewWriter[T](t.TempDir(), 100, m)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, row := range rows {
		if err := w.Write(seqOf(row), row); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Finish(0, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), file, io.Reader(w.Content())); err != nil {
		t.Fatal(err)
	}
	c.Files = append(c.Files, file)
}

func seqOf(row any) int64 {
	switch r := row.(type) {
	case shards.ImageRow:
		return r.Seq
	case shards.TextRow:
		return r.Seq
	case shards.PairRow:
		return r.Seq
	}
	return row.(shards.DroppedRow).Seq
}

func TestRun(t *testing.T) {
	st := fixture(t)
	r, err := audit.Run(t.Context(), st, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, c := range r.Kinds {
		if c.Bytes < 100 {
			t.Errorf("%s files have %d bytes", k, c.Bytes)
		}
		c.Bytes = 0
		r.Kinds[k] = c
	}
	kinds := map[shards.Kind]audit.Count{"image": {Samples: 1, Rows: 2}, "text": {Samples: 2, Rows: 3}, "pair": {Samples: 1, Rows: 2}, "dropped": {Samples: 2, Rows: 2}}
	sources := map[string]map[shards.Kind]audit.Count{
		"imagenet21k": {"image": {Samples: 1, Rows: 2}},
		"wikipedia":   {"text": {Samples: 2, Rows: 3}, "dropped": {Samples: 1, Rows: 1}},
		"cc12m":       {"pair": {Samples: 1, Rows: 2}, "dropped": {Samples: 1, Rows: 1}},
	}
	skips := map[string]int64{"fetch/http-404": 1, "clean/too-small": 1}
	if d := cmp.Diff(kinds, r.Kinds); d != "" {
		t.Errorf("kinds (-want +got):\n%s", d)
	}
	if d := cmp.Diff(sources, r.Sources); d != "" {
		t.Errorf("sources (-want +got):\n%s", d)
	}
	if d := cmp.Diff(skips, r.Skips); d != "" {
		t.Errorf("skips (-want +got):\n%s", d)
	}
	if r.SourceSkips["cc12m"]["fetch/http-404"] != 1 || r.Seq != 6 || r.Commits != 1 || r.Lanes != 1 {
		t.Errorf("report %+v", r)
	}
	// Codes: 1, 2, 3 and 4, four times each. Pieces: 4 ×3, 5, 3, 6, and the pair's 7 ×2 once.
	if c := r.Codes; c.Tokens != 16 || c.Distinct != 4 || c.Vocab != 16 || math.Abs(c.Perplexity-4) > 1e-9 {
		t.Errorf("codes %+v, want 16 of 4 kinds used equally", c)
	}
	if p := r.Pieces; p.Tokens != 8 || p.Distinct != 5 || r.Unknown != 1 || p.Top[0] != (audit.Token{ID: 4, Count: 3, Share: 3.0 / 8}) {
		t.Errorf("pieces %+v with %d unknown, want 8 of 5 kinds, 4 the commonest with 3", p, r.Unknown)
	}
}

func TestRunWithoutShards(t *testing.T) {
	if _, err := audit.Run(t.Context(), storetest.NewMemory(), nil); !errors.Is(err, shards.ErrNoShards) {
		t.Errorf("Run without shards: %v, want ErrNoShards", err)
	}
}
