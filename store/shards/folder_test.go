package shards_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

const line = "5c4e9f0e-0000-4000-8000-000000000001"

// folder makes an empty folder of shards, pinned, and says where it is on disk.
func folder(t testing.TB) (shards.Folder, string) {
	t.Helper()
	root := t.TempDir()
	st, err := store.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	f := shards.In(st)
	if _, err := f.Pin(t.Context(), shards.Line{Line: line, Range: 8, Bytes: 1000}, visual, textual); err != nil {
		t.Fatal(err)
	}
	return f, root
}

// commit writes a range: every third seq is skipped, the others are texts of two parts.
func commit(t testing.TB, f shards.Folder, lane int, from, to uint64) shards.Commit {
	t.Helper()
	w, err := shards.NewWriter[shards.TextRow](t.TempDir(), 4, meta(shards.Text))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	d, err := shards.NewWriter[shards.DroppedRow](t.TempDir(), 4, meta(shards.Dropped))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := shards.Commit{Line: line, Source: "cc12m", Lane: lane, From: from, To: to, Skips: map[string]int{},
		InputOffset: int64(to) * 2, InputWriter: "00ff", Writer: "aa"}
	for seq := int(from); seq <= int(to); seq++ {
		o := origin(seq)
		if seq%3 == 2 {
			err = d.Write(int64(seq), shards.DroppedRow{Origin: o, Kind: "text", Stage: "fetch", Reason: "http-404"})
			c.Skips["fetch/http-404"]++
		} else {
			err = w.Write(int64(seq), shards.TextRow{Origin: o, Part: part(seq, 0)}, shards.TextRow{Origin: o, Part: part(seq, 1)})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(file shards.File, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if file.Kind == shards.Text {
			err = f.Put(t.Context(), file, w.Content())
		} else {
			err = f.Put(t.Context(), file, d.Content())
		}
		if err != nil {
			t.Fatal(err)
		}
		c.Files = append(c.Files, file)
	}
	put(w.Finish(lane, from, to))
	if len(c.Skips) > 0 {
		put(d.Finish(lane, from, to))
	}
	if _, _, err := f.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCommitFirstWins(t *testing.T) {
	f, _ := folder(t)
	c := commit(t, f, 0, 0, 7)
	late := c
	late.Writer = "bb"
	stands, won, err := f.Commit(t.Context(), late)
	if err != nil || won || stands.Writer != "aa" {
		t.Errorf("the second commit of a range: %+v, won %v, %v, want the first's", stands, won, err)
	}
}

func TestLastAndLoad(t *testing.T) {
	f, _ := folder(t)
	if last, err := f.Last(t.Context(), 0); last != nil || err != nil {
		t.Errorf("Last of an empty lane = %v, %v", last, err)
	}
	commit(t, f, 0, 0, 7)
	commit(t, f, 0, 8, 9)
	before, err := f.Load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, f, 0, 10, 17)
	commit(t, f, 0, 20, 27) // 18 and 19 are missing, so this one does not count yet
	commit(t, f, 11, 0, 7)
	commit(t, f, 1000, 0, 7) // a number wider than the padding

	last, err := f.Last(t.Context(), 0)
	if err != nil || last.To != 17 || last.InputOffset != 34 || last.InputWriter != "00ff" {
		t.Errorf("Last = %+v, %v, want the range that ends at 17", last, err)
	}
	set, err := f.Load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(shards.Through{0: 17, 11: 7, 1000: 7}, set.Through()); diff != "" {
		t.Errorf("Through (-want +got):\n%s", diff)
	}
	frozen, err := f.Load(t.Context(), before.Through())
	if err != nil || frozen.Hash() != before.Hash() || frozen.Hash() == set.Hash() {
		t.Errorf("the set through %v is not what it was: %v", before.Through(), err)
	}
	if _, err := f.Load(t.Context(), shards.Through{0: 27}); !errors.Is(err, shards.ErrMismatch) {
		t.Errorf("a set with a missing range: %v, want ErrMismatch", err)
	}
	if _, err := f.WriteManifest(t.Context()); err != nil {
		t.Fatal(err)
	}
	listing, err := f.Store.Get(t.Context(), shards.ManifestKey)
	if n := bytes.Count(listing, []byte("\n")); err != nil || n != 10 {
		t.Errorf("the manifest has %d lines, %v, want a text and a dropped file for each of 5 ranges:\n%s", n, err, listing)
	}
}

func TestPin(t *testing.T) {
	f, _ := folder(t)
	own := shards.Line{Line: line, Range: 8, Bytes: 1000}
	other := visual
	other.Fingerprint = "visual-2"
	special := textual
	special.Special.Mask++
	for _, tt := range []struct {
		name    string
		line    shards.Line
		visual  shards.Visual
		text    shards.Textual
		differs bool
	}{
		{"the same", own, visual, textual, false},
		{"without tokenizers", own, shards.Visual{}, shards.Textual{}, false},
		{"another line", shards.Line{Line: "other", Range: 8, Bytes: 1000}, visual, textual, true},
		{"another range", shards.Line{Line: line, Range: 9, Bytes: 1000}, visual, textual, true},
		{"more bytes a range", shards.Line{Line: line, Range: 8, Bytes: 1001}, visual, textual, false},
		{"no limit of bytes", shards.Line{Line: line, Range: 8}, visual, textual, false},
		{"fewer bytes a range", shards.Line{Line: line, Range: 8, Bytes: 999}, visual, textual, true},
		{"another visual tokenizer", own, other, textual, true},
		{"other special ids", own, visual, special, true},
	} {
		bytes, err := f.Pin(t.Context(), tt.line, tt.visual, tt.text)
		if err == nil && bytes != 1000 {
			t.Errorf("%s: %d bytes a range, want the first 1000", tt.name, bytes)
		}
		if errors.Is(err, shards.ErrMismatch) != tt.differs || !tt.differs && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		var h interface{ Hint() string }
		if tt.differs && (!errors.As(err, &h) || h.Hint() == "") {
			t.Errorf("%s: %v has no hint", tt.name, err)
		}
	}
}

func TestFind(t *testing.T) {
	f, _ := folder(t)
	found, err := shards.Find(t.Context(), f.Store)
	if err != nil {
		t.Fatal(err)
	}
	if l, v, x, err := found.Settings(t.Context()); err != nil || l.Line != line || v != visual || x != textual {
		t.Errorf("Settings of %s = %v, %v, %v, %v", found.URL(), l, v, x, err)
	}
	empty, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shards.Find(t.Context(), empty); !errors.Is(err, shards.ErrNoShards) {
		t.Errorf("Find in an empty folder: %v, want ErrNoShards", err)
	}
}

// Each way of damaging the shards is found, named with its file or lane, and nothing else is.
func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(t *testing.T, f shards.Folder, root string)
		where  string
		what   string
	}{
		{"nothing", func(*testing.T, shards.Folder, string) {}, "", ""},
		{"a file is gone", func(t *testing.T, f shards.Folder, root string) { remove(t, glob(t, root, "text/lane001-*0007-*")) },
			"text/lane001-", "missing"},
		{"a bit is flipped", func(t *testing.T, f shards.Folder, root string) {
			edit(t, glob(t, root, "text/lane000-*0007-*"), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, "text/lane000-", "SHA-256"},
		{"a file is cut", func(t *testing.T, f shards.Folder, root string) {
			edit(t, glob(t, root, "dropped/lane000-*0007-*"), func(b []byte) []byte { return b[:len(b)-1] })
		}, "dropped/lane000-", "bytes"},
		{"a commit is gone", func(t *testing.T, f shards.Folder, root string) {
			remove(t, glob(t, root, "commits/lane000-0000000000-*"))
		},
			"lane 0", "seq 0 to 7 has no commit"},
		{"a commit is no JSON", func(t *testing.T, f shards.Folder, root string) {
			edit(t, glob(t, root, "commits/lane000-0000000000-*"), func(b []byte) []byte { return b[:len(b)/2] })
		}, "commits/lane000-", "unexpected end"},
		{"a commit counts wrongly", func(t *testing.T, f shards.Folder, root string) {
			edit(t, glob(t, root, "commits/lane000-0000000000-*"), func(b []byte) []byte {
				return bytes.Replace(b, []byte(`"fetch/http-404": 2`), []byte(`"fetch/http-404": 1`), 1)
			})
		}, "dropped/lane000-", "skips are"},
		{"a commit was renamed", func(t *testing.T, f shards.Folder, root string) {
			os.Rename(glob(t, root, "commits/lane001-0000000008-*"), filepath.Join(root, "commits/lane001-0000000008-0000000019.json"))
		}, "commits/lane001-", "it says that it is"},
		{"ranges overlap", func(t *testing.T, f shards.Folder, root string) { commit(t, f, 1, 5, 9) }, "commits/lane001-", "begins inside"},
		{"a foreign file", func(t *testing.T, f shards.Folder, root string) {
			os.WriteFile(filepath.Join(root, "commits", "notes.txt"), nil, 0o666)
		}, "commits/notes.txt", "not a commit's name"},
		{"another tokenizer", func(t *testing.T, f shards.Folder, root string) {
			edit(t, filepath.Join(root, "text.json"), func(b []byte) []byte { return bytes.Replace(b, []byte("text-1"), []byte("text-2"), 1) })
		}, "text/lane00", "text tokenizer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, root := folder(t)
			for lane := range 2 {
				commit(t, f, lane, 0, 7)
				commit(t, f, lane, 8, 10)
			}
			tt.damage(t, f, root)
			report, err := f.Verify(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.what == "" {
				if len(report.Faults) != 0 || report.Commits != 4 || report.Seq != 22 || report.Files != 8 || report.Loose != 0 {
					t.Errorf("sound shards: %+v", report)
				}
				return
			}
			if len(report.Faults) == 0 {
				t.Fatal("no fault was found")
			}
			for _, fault := range report.Faults {
				if !strings.HasPrefix(fault.Where, tt.where) || !strings.Contains(fault.What, tt.what) || fault.Do == "" {
					t.Errorf("fault %q, want one at %s… with %q", fault, tt.where, tt.what)
				}
			}
		})
	}
}

// What a crash between file and commit leaves behind is counted and harmless.
func TestVerifyLoose(t *testing.T) {
	f, root := folder(t)
	commit(t, f, 0, 0, 7)
	commit(t, f, 0, 8, 10)
	remove(t, glob(t, root, "commits/lane000-0000000008-*"))
	report, err := f.Verify(t.Context(), nil)
	if err != nil || len(report.Faults) != 0 || report.Loose != 2 {
		t.Errorf("files without a commit: %+v, %v, want 2 loose and no fault", report, err)
	}
}

// Bad text files: a flip at any place, or a cut at any length, of a small file is either seen when it is read or
// leaves the rows as they were. Nothing panics.
func TestDamagedFileNeverPanics(t *testing.T) {
	f, root := folder(t)
	c := commit(t, f, 0, 0, 7)
	path := filepath.Join(root, filepath.FromSlash(c.Files[0].Key))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	step := max(1, len(whole)/120)
	for i := 0; i < len(whole); i += step {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1 << (i % 8)
		readAll(flipped)
		readAll(whole[:i])
		edit(t, path, func([]byte) []byte { return flipped })
		report, err := f.Verify(t.Context(), nil)
		if err != nil || len(report.Faults) == 0 {
			t.Fatalf("a flipped bit at byte %d was not found: %v", i, err)
		}
	}
}

func readAll(data []byte) ([]shards.TextRow, error) {
	r, err := shards.OpenParquet[shards.TextRow]("damaged", bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	rows := make([]shards.TextRow, min(r.Len(), 1000))
	return rows, r.At(0, rows)
}

func glob(t *testing.T, root, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%s: %q, %v, want one", pattern, paths, err)
	}
	return paths[0]
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
}
