package shards_test

import (
	"io"
	"testing"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// A commit comes out of a folder that may be foreign: what DecodeCommit lets through names files inside the folder, is
// where it says that it is, and accounts for each seq.
func FuzzDecodeCommit(f *testing.F) {
	key := "commits/lane003-0000000000-0000000001.json"
	good := `{"schema":1,"line":"l","source":"s","lane":3,"from":0,"to":1,"files":[{"kind":"text",
"key":"text/lane003-0000000000-0000000001-00000000.parquet","rows":3,"samples":2,"bytes":9,
"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}],"skips":{},
"input_offset":7,"input_writer":"00","writer":"00"}`
	f.Add(key, []byte(good))
	f.Add(key, []byte(good[:100]))
	f.Add(key, append([]byte(good), '}'))
	f.Add("commits/lane003-0000000000-18446744073709551615.json", []byte(`{"schema":1,"lane":3,"to":18446744073709551615}`))
	f.Add("../x", []byte(`{"schema":1,"files":[{"kind":"text","key":"../../etc/passwd"}]}`))
	if _, err := shards.DecodeCommit(key, []byte(good)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key string, data []byte) {
		c, err := shards.DecodeCommit(key, data)
		if err != nil {
			return
		}
		samples := uint64(0)
		for _, file := range c.Files {
			if err := store.ValidKey(file.Key); err != nil {
				t.Error(err)
			}
			samples += uint64(file.Samples)
		}
		if c.Key() != key || samples != c.To-c.From+1 || c.To-c.From > 1<<24 {
			t.Errorf("took %+v at %q", c, key)
		}
	})
}

// A file's bytes may be damaged anywhere: opening and reading it gives rows or an error, never a panic.
func FuzzOpenParquet(f *testing.F) {
	w, err := shards.NewWriter[shards.TextRow](f.TempDir(), 4, meta(shards.Text))
	if err != nil {
		f.Fatal(err)
	}
	defer w.Close()
	for seq := range 3 {
		if err := w.Write(int64(seq), shards.TextRow{Origin: origin(seq), Part: shards.Part{Text: "a text", IDs: []int32{5, 6}}}); err != nil {
			f.Fatal(err)
		}
	}
	if _, err := w.Finish(0, 0, 2); err != nil {
		f.Fatal(err)
	}
	whole, err := io.ReadAll(w.Content())
	if err != nil {
		f.Fatal(err)
	}
	if rows, err := readAll(whole); err != nil || len(rows) != 3 {
		f.Fatalf("%d rows, %v, want 3", len(rows), err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-9])
	f.Add(append(whole[:len(whole):len(whole)], "PAR1"...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := readAll(data); err == nil && len(data) < 12 {
			t.Errorf("%d bytes were taken for a file", len(data))
		}
	})
}
