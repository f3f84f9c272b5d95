package shards_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/sourcetest"
	source "github.com/imglish/imglish/stages/source/shards"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/store/storetest"
)

const line = "5c4e9f0e-5d0e-4c57-a2c4-0f3cf3a3b9d1"

func open(t *testing.T, dir string) store.Store {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// dataSet begins an empty data set.
func dataSet(t *testing.T) (store.Store, shards.Folder) {
	t.Helper()
	st := open(t, t.TempDir())
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: line, Range: 8}, shards.Visual{}, shards.Textual{}); err != nil {
		t.Fatal(err)
	}
	return st, f
}

func origin(lane, seq int) shards.Origin {
	o := shards.Origin{Seq: int64(seq), URL: "http://example.org/", Title: "T", Licence: "L", Labels: []string{"n1"},
		Source: shards.Source{Dataset: "shards", Key: fmt.Sprintf("%d:%d", lane, seq), Revision: "r"}}
	o.ID = [16]byte(pipeline.SampleID(o.Source.Dataset, o.Source.Key, o.Source.Revision))
	return o
}

func view(lane, seq, n int) shards.View {
	return shards.View{View: int32(n), Crop: shards.Crop{Left: 1, Top: 2, Width: 3, Height: 4}, Flip: n == 1, Jitter: []float32{1, 2},
		Encoded: fmt.Appendf(nil, "view %d of %d:%d", n, lane, seq), Codes: []uint16{1, 2, 3, 4}, SHA256: [32]byte{byte(seq)},
		Width: 10, Height: 20, Format: "jpeg", Phash: 77}
}

func part(seq, n int) shards.Part {
	return shards.Part{Part: int32(n), Text: fmt.Sprintf("part %d of %d.", n, seq), IDs: []int32{5, 6}, Minhash: []uint32{8, 9}}
}

// commit writes a range of a lane: image, text, pair and skip by turns, of two views or parts each.
func commit(t *testing.T, f shards.Folder, lane, from, to int) {
	t.Helper()
	meta := shards.Meta{Grid: 2, Side: 8, Encoding: "jpeg-q95-444", Visual: shards.Visual{Fingerprint: "v", Grid: 2, Side: 8, Codes: 10}, Text: shards.Textual{Fingerprint: "t"}}
	c := shards.Commit{Line: line, Source: "old", Lane: lane, From: uint64(from), To: uint64(to), Skips: map[string]int{}}
	var images, texts, pairs, skips []int
	for seq := from; seq <= to; seq++ {
		kind := []*[]int{&images, &texts, &pairs, &skips}[(seq+lane)%4]
		*kind = append(*kind, seq)
	}
	put(t, f, &c, meta, shards.Image, images, func(seq int) []shards.ImageRow {
		return []shards.ImageRow{{Origin: origin(lane, seq), View: view(lane, seq, 0)}, {Origin: origin(lane, seq), View: view(lane, seq, 1)}}
	})
	put(t, f, &c, meta, shards.Text, texts, func(seq int) []shards.TextRow {
		return []shards.TextRow{{Origin: origin(lane, seq), Part: part(seq, 0)}, {Origin: origin(lane, seq), Part: part(seq, 1)}}
	})
	put(t, f, &c, meta, shards.Pair, pairs, func(seq int) []shards.PairRow {
		return []shards.PairRow{{Origin: origin(lane, seq), View: view(lane, seq, 0), Part: part(seq, 0)}, {Origin: origin(lane, seq), View: view(lane, seq, 1), Part: part(seq, 0)}}
	})
	put(t, f, &c, shards.Meta{}, shards.Dropped, skips, func(seq int) []shards.DroppedRow {
		return []shards.DroppedRow{{Origin: origin(lane, seq), Stage: "fetch", Reason: "http-404"}}
	})
	if _, _, err := f.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func put[T shards.ImageRow | shards.TextRow | shards.PairRow | shards.DroppedRow](t *testing.T, f shards.Folder, c *shards.Commit, m shards.Meta, kind shards.Kind, seqs []int, rows func(seq int) []T) {
	t.Helper()
	if len(seqs) == 0 {
		return
	}
	m.Kind = kind
	w, err := shards.NewWriter[T](t.TempDir(), 5, m)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, seq := range seqs {
		if err := w.Write(int64(seq), rows(seq)...); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Finish(c.Lane, c.From, c.To)
	if err == nil {
		err = f.Put(t.Context(), file, w.Content())
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Files = append(c.Files, file)
}

func newSource(t *testing.T, c source.Config, data, own store.Store) pipeline.Source {
	t.Helper()
	c.Data = "x"
	src, err := source.New(c, data, own)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func keys(rows []pipeline.Row) (out []string) {
	for _, r := range rows {
		out = append(out, r.Sample.Source.Key)
	}
	return out
}

// The source keeps the rules of all sources, over three lanes of which one has no commit from its start.
func TestSource(t *testing.T) {
	data, f := dataSet(t)
	for lane := range 2 {
		for from := range 70 {
			commit(t, f, lane, 8*from, 8*from+7)
		}
	}
	commit(t, f, 2, 8, 15) // seq 0 to 7 are missing: not part of the set
	own := storetest.NewMemory()
	rows := sourcetest.Run(t, func() (pipeline.Source, error) { return newSource(t, source.Config{}, data, own), nil })
	var want []string
	for lane := range 2 {
		for seq := range 560 {
			if (seq+lane)%4 != 3 {
				want = append(want, fmt.Sprintf("%d:%d", lane, seq))
			}
		}
	}
	if diff := cmp.Diff(want, keys(rows)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if last := rows[len(rows)-1].File; last != 2 {
		t.Errorf("140 commits are %d files, want 3", last+1)
	}
	image, text, pair := rows[0].Sample, rows[1].Sample, rows[2].Sample
	for _, s := range []*pipeline.Sample{image, text, pair} {
		if o := s.Source; o.Url != "http://example.org/" || o.Title != "T" || o.Licence != "L" || !slices.Equal(o.Labels, []string{"n1"}) {
			t.Errorf("origin %v", o)
		}
	}
	for _, s := range []*pipeline.Sample{image, pair} {
		if len(s.Views) != 2 || s.Views[1].Number != 1 || !s.Views[1].Flip || s.Views[1].Height != 4 || len(s.Views[1].Jitter) != 2 ||
			s.Views[1].Side != 8 || s.Views[1].Encoding != "jpeg-q95-444" || s.Views[1].Codes != nil || !bytes.HasPrefix(s.Views[1].Encoded, []byte("view 1 of 0:")) {
			t.Errorf("views %v", s.Views)
		}
		if s.Signatures.Phash != 77 || s.Image.Width != 10 || s.Image.Format != "jpeg" || len(s.Image.Sha256) != 32 {
			t.Errorf("image %v, %v", s.Image, s.Signatures)
		}
	}
	if image.Kind != pipeline.Kind_IMAGE || text.Kind != pipeline.Kind_TEXT || pair.Kind != pipeline.Kind_PAIR || len(image.Parts) != 0 || len(pair.Parts) != 1 {
		t.Errorf("kinds %v %v %v", image.Kind, text.Kind, pair.Kind)
	}
	if len(text.Parts) != 2 || text.Parts[1].Text != "part 1 of 1." || text.Parts[1].Ids != nil || len(text.Signatures.Minhash) != 2 {
		t.Errorf("text %v", text)
	}
	joined := sourcetest.Read(t, newSource(t, source.Config{Join: true}, data, own), pipeline.Cursor{})
	if p := joined[1].Sample.Parts; len(p) != 1 || p[0].Text != "part 0 of 1.\npart 1 of 1." {
		t.Errorf("joined parts %v", p)
	}
}

// Commits that come later, of whatever lane, are files behind those that are known, for every process of the line.
func TestGrowingDataSet(t *testing.T) {
	data, f := dataSet(t)
	own := storetest.NewMemory()
	commit(t, f, 0, 0, 7)
	commit(t, f, 1, 0, 7)
	names := func() (out []string) {
		t.Helper()
		files, err := newSource(t, source.Config{}, data, own).Files(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			out = append(out, f.Name)
		}
		return out
	}
	before := names()
	commit(t, f, 0, 8, 15)
	after := names()
	if len(before) != 1 || len(after) != 2 || after[0] != before[0] || after[1] != "lane000-0000000008-0000000015" {
		t.Fatalf("files %v, then %v", before, after)
	}
	rows := sourcetest.Read(t, newSource(t, source.Config{}, data, own), pipeline.Cursor{})
	if got := keys(rows); len(got) != 18 || got[6] != "1:0" || got[12] != "0:8" {
		t.Errorf("rows %v", got)
	}
}

func TestBadDataIsNamed(t *testing.T) {
	read := func(data store.Store) error {
		src := newSource(t, source.Config{}, data, storetest.NewMemory())
		rows, err := src.Open(t.Context(), pipeline.Cursor{})
		for err == nil {
			_, err = rows.Next(context.Background())
		}
		return err
	}
	if err := read(open(t, t.TempDir())); !errors.Is(err, shards.ErrNoShards) {
		t.Errorf("a folder without shards: %v", err)
	}
	for _, tt := range []struct {
		name, pattern string
		damage        func(path string) error
	}{
		{"a file that is gone", "pair/*.parquet", os.Remove},
		{"a file that is cut", "image/*.parquet", func(p string) error { return os.Truncate(p, 100) }},
		{"a file of rubbish", "text/*.parquet", func(p string) error {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			return os.WriteFile(p, bytes.Repeat([]byte{'x'}, int(info.Size())), 0o666)
		}},
	} {
		data, f := dataSet(t)
		commit(t, f, 0, 0, 15)
		root := strings.TrimPrefix(data.URL(), "file://")
		paths, err := filepath.Glob(filepath.Join(root, tt.pattern))
		if err != nil || len(paths) != 1 {
			t.Fatal(paths, err)
		}
		if err := tt.damage(paths[0]); err != nil {
			t.Fatal(err)
		}
		err = read(data)
		var hint interface{ Hint() string }
		if err == nil || !strings.Contains(err.Error(), filepath.Base(paths[0])) || !errors.As(err, &hint) || !strings.Contains(hint.Hint(), "shards verify") {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// A commit that is another one than when reading began.
	data, f := dataSet(t)
	commit(t, f, 0, 0, 15)
	own := storetest.NewMemory()
	if _, err := newSource(t, source.Config{}, data, own).Files(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := "commits/lane000-0000000000-0000000015.json"
	text, err := data.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := data.Put(t.Context(), key, strings.NewReader(strings.Replace(string(text), `"rows": 8`, `"rows": 9`, 1))); err != nil {
		t.Fatal(err)
	}
	rows, err := newSource(t, source.Config{}, data, own).Open(t.Context(), pipeline.Cursor{})
	if err == nil {
		_, err = rows.Next(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "not what they were") {
		t.Errorf("a changed commit: %v", err)
	}
	if _, err := source.New(source.Config{Data: "x"}, data, data); err == nil {
		t.Error("a line may not read its own shards")
	}
}
