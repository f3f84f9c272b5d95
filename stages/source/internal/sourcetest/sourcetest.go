// Package sourcetest holds the rules that every source keeps: rows without gaps, the same on every reading, and the
// same behind every cursor.
package sourcetest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
)

// Run reads a source through, checks the rules, and returns its rows. make builds the source anew, as a process that
// starts again does.
func Run(t *testing.T, newSource func() (pipeline.Source, error)) []pipeline.Row {
	t.Helper()
	src := must(t, newSource)
	files, err := src.Files(t.Context())
	if err != nil {
		t.Fatalf("Files: %v", err)
	}
	rows := Read(t, src, pipeline.Cursor{})
	ids := map[string]int{}
	for i, r := range rows {
		if r.After.Row != int64(i+1) {
			t.Fatalf("row %d: its cursor counts %d rows", i, r.After.Row)
		}
		if r.File != r.After.File || r.File >= len(files) {
			t.Fatalf("row %d: file %d, cursor %+v, of %d files", i, r.File, r.After, len(files))
		}
		from, id, kind := reference(t, i, r)
		if from.Dataset != src.Dataset() || from.Key == "" {
			t.Fatalf("row %d: origin %v", i, from)
		}
		if kind == pipeline.Kind_KIND_UNSPECIFIED {
			t.Fatalf("row %d has no kind", i)
		}
		if other, twice := ids[string(id)]; twice {
			t.Fatalf("rows %d and %d have one id: key %q", other, i, from.Key)
		}
		ids[string(id)] = i
	}
	step := max(1, len(rows)/40)
	for i := 0; i <= len(rows); i += step {
		var after pipeline.Cursor
		if i > 0 {
			after = throughJSON(t, rows[i-1].After)
		}
		same(t, i, Read(t, must(t, newSource), after), rows[i:])
	}
	found(t, src, rows)
	cancelled(t, src)
	refuses(t, src, len(files))
	return rows
}

// Read reads a source behind a cursor to its end.
func Read(t *testing.T, src pipeline.Source, after pipeline.Cursor) []pipeline.Row {
	t.Helper()
	rows, err := src.Open(t.Context(), after)
	if err != nil {
		t.Fatalf("Open(%+v): %v", after, err)
	}
	defer rows.Close()
	var out []pipeline.Row
	var last int64
	for {
		r, err := rows.Next(t.Context())
		done, total, unit := rows.Left()
		if unit == "" || done < last || done > total {
			t.Fatalf("Left = %d of %d %q, before it was %d", done, total, unit, last)
		}
		last = done
		if errors.Is(err, io.EOF) {
			if done != total {
				t.Fatalf("Left at the end = %d of %d", done, total)
			}
			return out
		}
		if err != nil {
			t.Fatalf("Next behind %d rows: %v", len(out), err)
		}
		out = append(out, r)
	}
}

func must(t *testing.T, newSource func() (pipeline.Source, error)) pipeline.Source {
	t.Helper()
	src, err := newSource()
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func reference(t *testing.T, i int, r pipeline.Row) (*pipeline.Origin, []byte, pipeline.Kind) {
	t.Helper()
	if (r.Sample == nil) == (r.Skip == nil) {
		t.Fatalf("row %d: sample and skip are both set or both missing", i)
	}
	from, id, kind := r.Sample.GetSource(), r.Sample.GetId(), r.Sample.GetKind()
	if r.Skip != nil {
		from, id, kind = r.Skip.Source, r.Skip.Id, r.Skip.Kind
		if r.Skip.Reason == "" {
			t.Fatalf("row %d: a skip without a reason", i)
		}
	}
	if from == nil {
		t.Fatalf("row %d has no origin", i)
	}
	if want := pipeline.SampleID(from.Dataset, from.Key, from.Revision); string(id) != string(want) {
		t.Fatalf("row %d: id %x, want %x", i, id, want)
	}
	return from, id, kind
}

func throughJSON(t *testing.T, c pipeline.Cursor) pipeline.Cursor {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var out pipeline.Cursor
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func same(t *testing.T, from int, got, want []pipeline.Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("behind row %d: %d rows, want %d", from, len(got), len(want))
	}
	for i := range got {
		if got[i].After != want[i].After || got[i].File != want[i].File ||
			!proto.Equal(got[i].Sample, want[i].Sample) || !proto.Equal(got[i].Skip, want[i].Skip) {
			t.Fatalf("behind row %d: row %d is\n%+v\nwant\n%+v", from, from+i, got[i], want[i])
		}
	}
}

// found looks rows up by their references, where the source can.
func found(t *testing.T, src pipeline.Source, rows []pipeline.Row) {
	t.Helper()
	f, ok := src.(pipeline.Finder)
	if !ok {
		return
	}
	for i := 0; i < len(rows); i += max(1, len(rows)/40) {
		from, _, _ := reference(t, i, rows[i])
		at, ok, err := f.Find(t.Context(), from)
		if err != nil || !ok {
			t.Fatalf("Find(%v) = %v, %v, want row %d", from, ok, err, i)
		}
		got := Read(t, src, at)
		if len(got) != len(rows)-i || !proto.Equal(got[0].Sample, rows[i].Sample) || !proto.Equal(got[0].Skip, rows[i].Skip) {
			t.Fatalf("Find(%v) leads to %d rows, the first %+v, want row %d", from, len(got), got, i)
		}
	}
	if at, ok, err := f.Find(t.Context(), &pipeline.Origin{Dataset: src.Dataset(), Key: "0", Revision: "of another file"}); ok || err != nil {
		t.Errorf("Find of a row of another file = %+v, %v, %v", at, ok, err)
	}
}

func cancelled(t *testing.T, src pipeline.Source) {
	t.Helper()
	rows, err := src.Open(t.Context(), pipeline.Cursor{})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rows.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Next with a cancelled context: %v", err)
	}
}

func refuses(t *testing.T, src pipeline.Source, files int) {
	t.Helper()
	for _, c := range []pipeline.Cursor{
		{Row: -1}, {File: -1}, {File: files + 1}, {File: files, Place: "0"}, {Place: "nonsense"}, {Place: "-1"},
		{Place: "99999999999999999"}, {Place: "1/2/3"},
	} {
		if rows, err := src.Open(context.Background(), c); err == nil {
			rows.Close()
			t.Errorf("Open(%+v) = nil error", c)
		}
	}
}
