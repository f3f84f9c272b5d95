package dead_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/audit/dead"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/store/storetest"
)

const lanes = 2

// book is a source of files of ten rows each. Row 13 has become unreadable since.
type book struct {
	name  string
	files int
	other bool // fingerprints of files are not the revisions of rows
	opens []pipeline.Cursor
	read  int
}

func (b *book) Dataset() string { return b.name }

func (b *book) Files(context.Context) (out []pipeline.File, _ error) {
	for n := range b.files {
		out = append(out, pipeline.File{Name: fmt.Sprint(n), Size: 10, Fingerprint: fmt.Sprintf("f%d%s", n, map[bool]string{true: " of the file"}[b.other])})
	}
	return out, nil
}

func (b *book) Open(_ context.Context, at pipeline.Cursor) (pipeline.Rows, error) {
	b.opens = append(b.opens, at)
	row := at.File * 10
	if at.Place != "" {
		fmt.Sscan(at.Place, &row)
	}
	return &pages{b, row}, nil
}

func key(row int) *pipeline.Origin {
	return &pipeline.Origin{Dataset: "d", Key: fmt.Sprint(row), Revision: fmt.Sprintf("f%d", row/10)}
}

func id(row int) []byte { o := key(row); return pipeline.SampleID(o.Dataset, o.Key, o.Revision) }

type pages struct {
	b   *book
	row int
}

func (p *pages) Next(context.Context) (pipeline.Row, error) {
	if p.row >= p.b.files*10 {
		return pipeline.Row{}, io.EOF
	}
	p.b.read++
	n := p.row
	p.row++
	r := pipeline.Row{After: pipeline.Cursor{Row: int64(p.row), File: n / 10}, File: n / 10}
	if n == 13 {
		r.Skip = &pipeline.Skip{Id: id(n), Source: key(n), Reason: "bad"}
		return r, nil
	}
	r.Sample = &pipeline.Sample{Id: id(n), Source: key(n), Kind: pipeline.Kind_TEXT, Parts: []*pipeline.Part{{Text: fmt.Sprint("row ", n)}}}
	replay.Mark(r.Sample, 1, "fetch") // as the source of replayed samples does
	return r, nil
}

func (p *pages) Left() (int64, int64, string) { return 0, 0, "rows" }
func (p *pages) Close() error                 { return nil }

// index is a book that finds rows.
type index struct {
	book
	finds int
}

func (i *index) Find(_ context.Context, o *pipeline.Origin) (pipeline.Cursor, bool, error) {
	i.finds++
	n := 0
	if _, err := fmt.Sscan(o.Key, &n); err != nil || n >= i.files*10 {
		return pipeline.Cursor{}, false, nil
	}
	return pipeline.Cursor{File: n / 10, Place: fmt.Sprint(n)}, true, nil
}

// skips commits the rows of a source as skipped, seq from on, in ranges of 16 a lane.
func skips(t *testing.T, st store.Store, source string, rows []int) {
	t.Helper()
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: "line", Range: 16}, shards.Visual{}, shards.Textual{}); err != nil {
		t.Fatal(err)
	}
	for lane := range lanes {
		var mine []int
		for i := lane; i < len(rows); i += lanes {
			mine = append(mine, rows[i])
		}
		for from := 0; from < len(mine); from += 16 {
			part := mine[from:min(from+16, len(mine))]
			w, err := shards.NewWriter[shards.DroppedRow](t.TempDir(), 8, shards.Meta{Kind: shards.Dropped})
			if err != nil {
				t.Fatal(err)
			}
			c := shards.Commit{Line: "line", Source: source, Lane: lane, From: uint64(from), To: uint64(from + len(part) - 1), Skips: map[string]int{}}
			for i, n := range part {
				o := key(n)
				row := shards.DroppedRow{Origin: shards.Origin{ID: [16]byte(id(n)), Seq: int64(from + i),
					Source: shards.Source{Dataset: o.Dataset, Key: o.Key, Revision: o.Revision}},
					Stage: []string{"fetch", "clean", "source"}[n%3], Reason: []string{"http-404", "http-503"}[n%2], Retryable: n%2 == 1}
				c.Skips[row.Stage+"/"+row.Reason]++
				if err := w.Write(row.Seq, row); err != nil {
					t.Fatal(err)
				}
			}
			file, err := w.Finish(lane, c.From, c.To)
			if err == nil {
				err = f.Put(t.Context(), file, w.Content())
			}
			if err == nil {
				c.Files = []shards.File{file}
				_, _, err = f.Commit(t.Context(), c)
			}
			if err != nil {
				t.Fatal(err)
			}
			w.Close()
		}
	}
}

func letters(t *testing.T, st store.Store) *dead.Letters {
	t.Helper()
	l, err := dead.Open(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func upTo(n int) (out []int) {
	for i := range n {
		out = append(out, i)
	}
	return out
}

// Counts that come from the commits alone are those that come from the rows.
func TestCount(t *testing.T) {
	before := time.Now()
	st := storetest.NewMemory()
	skips(t, st, "old", upTo(100))
	l := letters(t, st)
	now := time.Now()
	for _, tt := range []struct {
		name string
		f    dead.Filter
		want int
	}{
		{"all", dead.Filter{}, 100},
		{"stage", dead.Filter{Stages: []string{"fetch"}}, 34},
		{"reasons", dead.Filter{Reasons: []string{"http-5*"}}, 50},
		{"both", dead.Filter{Stages: []string{"clean", "source"}, Reasons: []string{"http-404"}}, 33},
		{"source", dead.Filter{Sources: []string{"old"}}, 100},
		{"other source", dead.Filter{Sources: []string{"new"}}, 0},
		{"retryable", dead.Filter{Retryable: true}, 50},
		{"since", dead.Filter{Since: now.Add(-time.Hour)}, 100},
		{"since later", dead.Filter{Since: now.Add(time.Hour)}, 0},
		{"until", dead.Filter{Until: now.Add(time.Hour)}, 100},
		{"until before", dead.Filter{Until: now.Add(-time.Hour)}, 0},
		{"open", dead.Filter{Fates: []dead.Fate{dead.NotReplayed}}, 100},
		{"recovered", dead.Filter{Fates: []dead.Fate{dead.Recovered}}, 0},
	} {
		rows := map[string]int64{}
		total := 0
		for s, err := range l.Each(t.Context(), tt.f, nil) {
			if err != nil {
				t.Fatal(err)
			}
			total++
			rows[s.Row.Stage+"/"+s.Row.Reason]++
		}
		if total != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.name, total, tt.want)
		}
		groups, err := l.Count(t.Context(), tt.f, []string{"stage", "reason"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		counted := map[string]int64{}
		for i, g := range groups {
			counted[g.By["stage"]+"/"+g.By["reason"]] = g.Skips
			if i > 0 && groups[i-1].Skips < g.Skips {
				t.Errorf("%s: groups are not in order", tt.name)
			}
		}
		if diff := cmp.Diff(rows, counted); diff != "" {
			t.Errorf("%s: counts (-rows +commits):\n%s", tt.name, diff)
		}
	}
	if groups, err := l.Count(t.Context(), dead.Filter{}, []string{"lane", "source"}, nil); err != nil || len(groups) != 2 || groups[0].Skips != 50 {
		t.Errorf("by lane: %v, %v", groups, err)
	}
	days, err := l.Count(t.Context(), dead.Filter{}, []string{"day"}, nil)
	made := int64(0)
	for _, g := range days {
		if day := g.By["day"]; day < before.UTC().Format(time.DateOnly) || day > now.UTC().Format(time.DateOnly) {
			t.Errorf("%d skips are of %s, it is %v", g.Skips, day, now)
		}
		made += g.Skips
	}
	if err != nil || made != 100 {
		t.Errorf("by day: %v, %v", days, err)
	}
	if _, err := l.Count(t.Context(), dead.Filter{}, []string{"weather"}, nil); err == nil {
		t.Error("counted by weather")
	}
	if err := (dead.Filter{Reasons: []string{"["}}).Validate(); err == nil {
		t.Error("a pattern that is none")
	}
}

// replayed returns the texts in the lists by the place of their skip.
func replayed(t *testing.T, st store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	lists := replay.Open(st)
	for list, err := range lists.Each(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		samples, err := lists.Samples(t.Context(), list)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range list.Rows {
			out[row.Place.String()] = samples[i].Parts[0].Text
			if len(samples[i].History) != 0 {
				t.Errorf("skip %v is in the list as %v", row.Place, samples[i])
			}
		}
	}
	return out
}

func from(src pipeline.Source) dead.Sources {
	return func(_ context.Context, name string) (pipeline.Source, bool, error) { return src, name == "old", nil }
}

// Samples come from the source again, by a look-up or by reading the files that hold them, and go to the places of their
// skips.
func TestReplayFindsSamples(t *testing.T) {
	// Row 13 has become unreadable, row 4999 is in no file any more.
	rows := []int{0, 2, 4, 13, 14, 91, 92, 302, 304, 305, 4999}
	for _, tt := range []struct {
		name string
		src  pipeline.Source
	}{
		{"read", &book{name: "d", files: 40}},
		{"read all", &book{name: "d", files: 40, other: true}},
		{"looked up", &index{book: book{name: "d", files: 40}}},
	} {
		st := storetest.NewMemory()
		skips(t, st, "old", rows)
		r, err := letters(t, st).Replay(t.Context(), dead.Filter{}, from(tt.src), false, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		for i, n := range rows {
			if n%3 != 2 && n != 13 && n != 4999 {
				want[replay.Place{Lane: i % lanes, Seq: uint64(i / lanes)}.String()] = fmt.Sprint("row ", n)
			}
		}
		if diff := cmp.Diff(want, replayed(t, st)); diff != "" {
			t.Errorf("%s: samples in the lists (-want +got):\n%s", tt.name, diff)
		}
		wantReport := dead.Report{Skips: 11, Unreadable: 5, Added: int64(len(want)), NoSource: map[string]int64{}, NotFound: map[string]int64{"old": 2}}
		if diff := cmp.Diff(wantReport, r); diff != "" {
			t.Errorf("%s: report (-want +got):\n%s", tt.name, diff)
		}
		if b, ok := tt.src.(*index); ok && (b.read > 300 || b.finds == 0) {
			t.Errorf("%d rows read and %d looked up to find %d", b.read, b.finds, len(rows))
		}
	}
}

// Only files whose fingerprints stand in the skips are read.
func TestReplayReadsAffectedFiles(t *testing.T) {
	st := storetest.NewMemory()
	skips(t, st, "old", []int{100, 101, 112, 390})
	src := &book{name: "d", files: 40}
	r, err := letters(t, st).Replay(t.Context(), dead.Filter{}, from(src), false, nil)
	if err != nil || r.Added != 3 {
		t.Fatalf("Replay = %+v, %v", r, err)
	}
	if diff := cmp.Diff([]pipeline.Cursor{{File: 10}, {File: 39}}, src.opens); diff != "" || src.read > 25 {
		t.Errorf("%d rows read, opened (-want +got):\n%s", src.read, diff)
	}
}

func TestReplayWithoutTheSource(t *testing.T) {
	st := storetest.NewMemory()
	skips(t, st, "gone", upTo(12))
	r, err := letters(t, st).Replay(t.Context(), dead.Filter{}, from(&book{}), false, nil)
	if err != nil || r.Added != 0 || r.NoSource["gone"] != 8 || r.Unreadable != 4 {
		t.Errorf("Replay = %+v, %v", r, err)
	}
}

func TestStories(t *testing.T) {
	st := storetest.NewMemory()
	skips(t, st, "old", upTo(40))
	l := letters(t, st)
	story, err := l.At(t.Context(), replay.Place{Lane: 1, Seq: 3}, nil)
	if err != nil || len(story.Skips) != 1 || story.Skips[0].Row.Origin.Source.Key != "7" || story.Skips[0].Fate != dead.NotReplayed {
		t.Fatalf("At = %+v, %v", story, err)
	}
	if again, err := l.Of(t.Context(), [16]byte(id(7)), nil); err != nil || again.ID != story.ID || again.Skips[0].Place != story.Skips[0].Place {
		t.Errorf("Of = %+v, %v", again, err)
	}
	for _, at := range []replay.Place{{Lane: 1, Seq: 20}, {Lane: 9}} {
		if _, err := l.At(t.Context(), at, nil); !errors.Is(err, dead.ErrNoSkip) {
			t.Errorf("At(%v): %v", at, err)
		}
	}
	if _, err := l.Of(t.Context(), [16]byte(id(41)), nil); !errors.Is(err, dead.ErrNoSkip) {
		t.Errorf("Of a sample that was not skipped: %v", err)
	}
}
