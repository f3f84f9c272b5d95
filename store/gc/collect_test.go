package gc_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/gc"
	"github.com/imglish/imglish/store/s3test"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/store/storetest"
)

const line = "5c4e9f0e-0000-4000-8000-000000000001"

// aged is a store whose objects were written long ago, unless they are written again.
type aged struct {
	store.Store
	age      map[string]time.Duration
	onDelete func(key string) // just before
}

func (a *aged) Put(ctx context.Context, key string, r io.Reader) (store.Info, error) {
	delete(a.age, key)
	return a.Store.Put(ctx, key, r)
}

func (a *aged) Stat(ctx context.Context, key string) (store.Info, error) {
	info, err := a.Store.Stat(ctx, key)
	info.Modified = info.Modified.Add(-a.age[key])
	return info, err
}

func (a *aged) List(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for info, err := range a.Store.List(ctx, prefix) {
			info.Modified = info.Modified.Add(-a.age[info.Key])
			if !yield(info, err) {
				return
			}
		}
	}
}

func (a *aged) Delete(ctx context.Context, key string) error {
	if a.onDelete != nil {
		a.onDelete(key)
	}
	return a.Store.Delete(ctx, key)
}

func (a *aged) old(key string) { a.age[key] = 1000 * time.Hour }

// newLine is a store with a line that has done nothing yet.
func newLine(t *testing.T) (*aged, shards.Folder) {
	t.Helper()
	st := &aged{Store: storetest.NewMemory(), age: map[string]time.Duration{}}
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: line, Range: 8}, shards.Visual{}, shards.Textual{}); err != nil {
		t.Fatal(err)
	}
	return st, f
}

// image is a row of an image whose blob has these bytes.
func image(seq int, blob []byte) shards.ImageRow {
	var r shards.ImageRow
	r.Source = shards.Source{Dataset: "d", Key: fmt.Sprint(seq), Revision: "r"}
	id := sha256.Sum256([]byte("d\x00" + r.Source.Key + "\x00r"))
	r.ID, r.Seq, r.SHA256, r.Encoded = [16]byte(id[:16]), int64(seq), sha256.Sum256(blob), []byte("pixels")
	return r
}

// put writes the file of a range of images, without its commit.
func put(t *testing.T, f shards.Folder, lane int, from uint64, blobs ...string) (shards.Commit, shards.File) {
	t.Helper()
	w, err := shards.NewWriter[shards.ImageRow](t.TempDir(), 4, shards.Meta{Kind: shards.Image, Grid: 2, Side: 32, Encoding: "jpeg-q95-444"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	to := from + uint64(len(blobs)) - 1
	for i, b := range blobs {
		if err := w.Write(int64(from)+int64(i), image(int(from)+i, []byte(b))); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.Finish(lane, from, to)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), file, w.Content()); err != nil {
		t.Fatal(err)
	}
	return shards.Commit{Line: line, Source: "d", Lane: lane, From: from, To: to, Files: []shards.File{file}, InputWriter: "00", Writer: "aa"}, file
}

func commit(t *testing.T, f shards.Folder, c shards.Commit) {
	t.Helper()
	if _, _, err := f.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, st store.Store, prefix string) (out []string) {
	t.Helper()
	for info, err := range st.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.Key)
	}
	return out
}

func collect(t *testing.T, st store.Store, c gc.Config, remove bool) *gc.Report {
	t.Helper()
	r, err := gc.Collect(t.Context(), st, c, remove, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFiles(t *testing.T) {
	st, f := newLine(t)
	c, kept := put(t, f, 0, 0, "a", "b")
	commit(t, f, c)
	_, loser := put(t, f, 0, 0, "a", "c") // another writer of the same range, who came second
	_, crashed := put(t, f, 1, 0, "d")    // nobody came back for this one
	_, young := put(t, f, 2, 0, "e")      // its commit may come any moment
	strange := []string{"image/notes.txt", "image/lane000-0000000000-0000000001.parquet", "image/lane0-0-1-00000000.parquet",
		"text/sub/lane000-0000000000-0000000001-00000000.parquet", "my/lane000-0000000000-0000000001-00000000.parquet", "manifest.jsonl", "README"}
	for _, key := range strange {
		if _, err := st.Put(t.Context(), key, strings.NewReader("mine")); err != nil {
			t.Fatal(err)
		}
		st.old(key)
	}
	for _, file := range []shards.File{kept, loser, crashed} {
		st.old(file.Key)
	}
	before := keys(t, st, "")
	want := gc.Count{Objects: 2, Bytes: loser.Bytes + crashed.Bytes}
	dry := collect(t, st, gc.Defaults(), false)
	if dry.Removed || dry.Free[gc.Files] != want || dry.Young[gc.Files] != (gc.Count{Objects: 1, Bytes: young.Bytes}) {
		t.Errorf("dry run: %+v, want %v to free and one too young", dry, want)
	}
	if after := keys(t, st, ""); !slices.Equal(before, after) {
		t.Errorf("a dry run left %q of %q", after, before)
	}
	if wet := collect(t, st, gc.Defaults(), true); !wet.Removed || wet.Free[gc.Files] != want {
		t.Errorf("removed %+v, want %v", wet, want)
	}
	wantKeys := slices.DeleteFunc(before, func(k string) bool { return k == loser.Key || k == crashed.Key })
	if after := keys(t, st, ""); !slices.Equal(after, wantKeys) {
		t.Errorf("left %q, want %q", after, wantKeys)
	}
	report, err := f.Verify(t.Context(), nil)
	if err != nil || report.Loose != 5 || len(report.Faults) != 0 { // the young one, and four strange ones
		t.Errorf("Verify: %+v, %v", report, err)
	}
}

// A writer that comes back at the worst moments keeps its file.
func TestCommitAppears(t *testing.T) {
	t.Run("before the removal", func(t *testing.T) {
		st, f := newLine(t)
		c, file := put(t, f, 0, 0, "a")
		st.old(file.Key)
		st.onDelete = func(string) { t.Error("the file was removed") }
		// The writer writes the file again just when its age has been read from the list.
		once := &afterGet{aged: st, do: func() { put(t, f, 0, 0, "a"); commit(t, f, c) }}
		collect(t, once, gc.Defaults(), true)
		if !slices.Contains(keys(t, st, ""), file.Key) {
			t.Error("the file is gone")
		}
	})
	t.Run("between the last look and the removal", func(t *testing.T) {
		st, f := newLine(t)
		c, file := put(t, f, 0, 0, "a")
		want, err := st.Get(t.Context(), file.Key)
		if err != nil {
			t.Fatal(err)
		}
		st.old(file.Key)
		st.onDelete = func(key string) { commit(t, f, c) }
		report := collect(t, st, gc.Defaults(), true)
		if got, err := st.Get(t.Context(), file.Key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the file of a commit that came at the removal: %d bytes, %v, want them back", len(got), err)
		}
		if n := report.Free[gc.Files]; n.Objects != 0 {
			t.Errorf("reported as freed: %v", n)
		}
	})
}

// afterGet does something once, behind the first Get.
type afterGet struct {
	*aged
	do func()
}

func (a *afterGet) Get(ctx context.Context, key string) ([]byte, error) {
	data, err := a.aged.Get(ctx, key)
	if do := a.do; do != nil && strings.HasPrefix(key, "image/") {
		a.do = nil
		do()
	}
	return data, err
}

// A commit that cannot be read may name any file: none goes.
func TestDamagedCommitKeepsFiles(t *testing.T) {
	st, f := newLine(t)
	c, file := put(t, f, 0, 0, "a")
	if _, err := st.Put(t.Context(), c.Key(), strings.NewReader("{")); err != nil {
		t.Fatal(err)
	}
	_, other := put(t, f, 1, 0, "b")
	st.old(file.Key)
	st.old(other.Key)
	if _, err := gc.Collect(t.Context(), st, gc.Defaults(), true, nil); err == nil || !strings.Contains(err.Error(), c.Key()) {
		t.Errorf("Collect: %v, want an error that names %s", err, c.Key())
	}
	if got := keys(t, st, "image/"); len(got) != 2 {
		t.Errorf("left %q", got)
	}
}

func TestNoLine(t *testing.T) {
	st := storetest.NewMemory()
	if _, err := gc.Collect(t.Context(), st, gc.Defaults(), true, nil); !errors.Is(err, shards.ErrNoShards) {
		t.Errorf("Collect of a store that no line has used: %v, want ErrNoShards", err)
	}
}

func TestBlobs(t *testing.T) {
	st, f := newLine(t)
	blob := func(text string) string {
		key, _, err := store.PutBlob(t.Context(), st, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		st.old(key)
		return key
	}
	first, shared, waiting, fresh, skipped := blob("first"), blob("shared"), blob("waiting"), blob("fresh"), blob("skipped")
	delete(st.age, fresh)
	c, _ := put(t, f, 0, 0, "first", "shared", "fresh", "first")
	commit(t, f, c)
	put(t, f, 0, 4, "waiting") // no commit yet
	// A new sample with the bytes of an old one: its fetch writes the blob anew.
	if _, _, err := store.PutBlob(t.Context(), st, []byte("shared")); err != nil {
		t.Fatal(err)
	}
	odd := "blobs/ab/cd/abcd"
	if _, err := st.Put(t.Context(), odd, strings.NewReader("mine")); err != nil {
		t.Fatal(err)
	}
	st.old(odd)
	if r := collect(t, st, gc.Defaults(), true); r.Free[gc.Blobs].Objects != 0 || len(keys(t, st, "blobs/")) != 6 {
		t.Errorf("without a retention blobs went: %+v", r)
	}
	config := gc.Config{Grace: 24 * time.Hour, Blobs: 720 * time.Hour}
	if r := collect(t, st, config, false); r.Free[gc.Blobs] != (gc.Count{Objects: 1, Bytes: int64(len("first"))}) {
		t.Errorf("dry run: %+v, want the first blob", r.Free)
	}
	if r := collect(t, st, config, true); r.Free[gc.Blobs].Objects != 1 {
		t.Errorf("removed %+v, want the first blob", r.Free)
	}
	want := []string{shared, waiting, fresh, skipped, odd}
	slices.Sort(want)
	if got := keys(t, st, "blobs/"); !slices.Equal(got, want) {
		t.Errorf("left %q, want all but %s", got, first)
	}
	if err := (gc.Config{Blobs: time.Hour}).Validate(); err == nil {
		t.Error("a retention of an hour was taken")
	}
}

// Uploads that nobody finished are found on a real server and removed once they are old.
func TestUploads(t *testing.T) {
	server := s3test.Start(t)
	st, err := store.Open(server.URL("set", ""), store.WithEnv(server.Getenv))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shards.In(st).Pin(t.Context(), shards.Line{Line: line, Range: 8}, shards.Visual{}, shards.Textual{}); err != nil {
		t.Fatal(err)
	}
	core := server.Client()
	for _, key := range []string{"set/image/half", "another/half"} {
		id, err := core.NewMultipartUpload(t.Context(), s3test.Bucket, key, minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		part := bytes.Repeat([]byte("x"), 5<<20)
		if _, err := core.PutObjectPart(t.Context(), s3test.Bucket, key, id, 1, bytes.NewReader(part), int64(len(part)), minio.PutObjectPartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if got := keys(t, st, "image/"); len(got) != 0 {
		t.Errorf("an unfinished upload is listed: %q", got)
	}
	want := gc.Count{Objects: 1, Bytes: 5 << 20}
	if r := collect(t, st, gc.Defaults(), true); r.Young[gc.Uploads] != want || r.Free[gc.Uploads].Objects != 0 || len(server.Uploads()) != 2 {
		t.Errorf("young uploads: %+v, %q left, want them left alone", r, server.Uploads())
	}
	if r := collect(t, st, gc.Config{}, false); r.Free[gc.Uploads] != want || len(server.Uploads()) != 2 {
		t.Errorf("dry run without grace: %+v, %q left", r, server.Uploads())
	}
	if r := collect(t, st, gc.Config{}, true); r.Free[gc.Uploads] != want || !slices.Equal(server.Uploads(), []string{"another/half"}) {
		t.Errorf("without grace: %+v, %q left, want only another data set's", r, server.Uploads())
	}
}
