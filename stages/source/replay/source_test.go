package replay_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/sourcetest"
	source "github.com/imglish/imglish/stages/source/replay"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
)

func sample(n int) *pipeline.Sample {
	o := &pipeline.Origin{Dataset: source.Name, Key: fmt.Sprint(n), Revision: "r"}
	return &pipeline.Sample{Id: pipeline.SampleID(o.Dataset, o.Key, o.Revision), Kind: pipeline.Kind_TEXT, Source: o,
		Parts: []*pipeline.Part{{Text: fmt.Sprintf("text %d", n)}}}
}

func add(t *testing.T, st store.Store, from, to int) {
	t.Helper()
	w, err := replay.Open(st).Writer(t.Context(), "line")
	if err != nil {
		t.Fatal(err)
	}
	for n := from; n < to; n++ {
		if err := w.Add(t.Context(), replay.Place{Lane: 2, Seq: uint64(n)}, "fetch", sample(n)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// The source keeps the rules of all sources, over several lists, and reads lists that are appended behind the others.
func TestSource(t *testing.T) {
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	add(t, st, 0, 7)
	add(t, st, 7, 8)
	src := source.New(st)
	if files, err := src.Files(t.Context()); err != nil || len(files) != 2 {
		t.Fatalf("Files = %v, %v", files, err)
	}
	add(t, st, 8, 60)
	files, err := src.Files(t.Context())
	if err != nil || len(files) != 3 || files[2].Name != "list-0000000003" {
		t.Fatalf("Files = %v, %v", files, err)
	}
	rows := sourcetest.Run(t, func() (pipeline.Source, error) { return source.New(st), nil })
	if len(rows) != 60 {
		t.Fatalf("%d rows, want 60", len(rows))
	}
	for n, r := range rows {
		want := sample(n)
		replay.Mark(want, r.File+1, "fetch")
		if !proto.Equal(r.Sample, want) {
			t.Errorf("row %d is %v, want %v", n, r.Sample, want)
		}
	}
	if rows[6].File != 0 || rows[7].File != 1 || rows[8].File != 2 {
		t.Errorf("rows 6 to 8 are of files %d, %d, %d", rows[6].File, rows[7].File, rows[8].File)
	}
}
