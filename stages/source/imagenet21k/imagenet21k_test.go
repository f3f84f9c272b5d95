package imagenet21k_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/imagenet21k"
	"github.com/imglish/imglish/stages/source/internal/sourcetest"
)

// file is one member of a test archive.
type file struct {
	name string
	body string
	flag byte // 0: a regular file
	pax  map[string]string
}

func tarOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.body)), Typeflag: tar.TypeReg, PAXRecords: f.pax}
		if f.flag != 0 {
			h.Typeflag = f.flag
		}
		if h.Typeflag != tar.TypeReg {
			h.Size = 0
			h.Linkname = "/etc/passwd"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			io.WriteString(w, f.body)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func put(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// run reads a source, checks that each member's byte range holds what was written, and returns a line a row.
func run(t *testing.T, path string) []string {
	t.Helper()
	cfg := imagenet21k.Defaults()
	cfg.Path = path
	var out []string
	for _, r := range sourcetest.Run(t, func() (pipeline.Source, error) { return imagenet21k.New(cfg) }) {
		if r.Skip != nil {
			out = append(out, fmt.Sprintf("%s %v skip %s", r.Skip.Source.Key, r.Skip.Source.Labels, r.Skip.Reason))
			continue
		}
		s := r.Sample
		if s.Kind != pipeline.Kind_IMAGE || s.Source.Revision == "" || !filepath.IsAbs(s.Image.Member.Path) {
			t.Errorf("row %v", s)
		}
		data, err := os.ReadFile(s.Image.Member.Path)
		if err != nil {
			t.Fatal(err)
		}
		m := s.Image.Member
		out = append(out, fmt.Sprintf("%s %v %q", s.Source.Key, s.Source.Labels, data[m.Offset:m.Offset+m.Size]))
	}
	return out
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestFolderOfArchives(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "n00000002.tar", tarOf(t, file{name: "n00000002_1.JPEG", body: "two-1"}, file{name: "n00000002_9.JPEG", body: strings.Repeat("x", 600)}))
	put(t, dir, "n00000001.tar", tarOf(t, file{name: "./n00000001_1.JPEG", body: "one-1"}))
	put(t, dir, "n00000003.tar", tarOf(t))
	put(t, dir, "README", []byte("not an archive"))
	put(t, dir, "other.tar", tarOf(t, file{name: "x.JPEG", body: "x"}))
	check(t, run(t, dir),
		`n00000001/n00000001_1.JPEG [n00000001] "one-1"`,
		`n00000002/n00000002_1.JPEG [n00000002] "two-1"`,
		`n00000002/n00000002_9.JPEG [n00000002] "`+strings.Repeat("x", 600)+`"`)
}

func TestArchiveOfArchives(t *testing.T) {
	a := tarOf(t, file{name: "n00000001_1.JPEG", body: "one-1"}, file{name: "n00000001_2.JPEG", body: "one-2"})
	b := tarOf(t, file{name: "n00000002_1.JPEG", body: "two-1"})
	whole := tarOf(t, file{name: "winter21/", flag: tar.TypeDir}, file{name: "winter21/n00000001.tar", body: string(a)},
		file{name: "winter21/words.txt", body: "entity"}, file{name: "winter21/n00000002.tar", body: string(b)})
	p := put(t, t.TempDir(), "winter21_whole.tar", whole)
	check(t, run(t, p),
		`n00000001/n00000001_1.JPEG [n00000001] "one-1"`,
		`n00000001/n00000001_2.JPEG [n00000001] "one-2"`,
		`@`+fmt.Sprint(bytes.Index(whole, []byte("entity")))+` [] skip no-synset`,
		`n00000002/n00000002_1.JPEG [n00000002] "two-1"`)
}

func TestOtherForms(t *testing.T) {
	dir := t.TempDir()
	t.Run("one synset archive", func(t *testing.T) {
		p := put(t, dir, "n00000001.tar", tarOf(t, file{name: "a.JPEG", body: "a"}))
		check(t, run(t, p), `n00000001/a.JPEG [n00000001] "a"`)
	})
	t.Run("a tar of folders", func(t *testing.T) {
		p := put(t, dir, "all.tar", tarOf(t, file{name: "x/n00000007/", flag: tar.TypeDir}, file{name: "x/n00000007/a.JPEG", body: "a"}))
		check(t, run(t, p), `n00000007/a.JPEG [n00000007] "a"`)
	})
	t.Run("folders of images", func(t *testing.T) {
		root := filepath.Join(dir, "folders")
		put(t, root, "n00000002/b.JPEG", []byte("b"))
		put(t, root, "n00000001/a 1.JPEG", []byte("a1"))
		put(t, root, "n00000001/a0.JPEG", nil)
		put(t, root, "n00000001/deeper/c.JPEG", []byte("c"))
		put(t, root, "notes/d.JPEG", []byte("d"))
		secret := put(t, dir, "secret", []byte("secret"))
		if err := os.Symlink(secret, filepath.Join(root, "n00000002", "link.JPEG")); err != nil {
			t.Fatal(err)
		}
		check(t, run(t, root),
			`n00000001/a 1.JPEG [n00000001] "a1"`,
			`n00000001/a0.JPEG [n00000001] skip empty`,
			`n00000002/b.JPEG [n00000002] "b"`,
			`n00000002/link.JPEG [n00000002] skip not-a-file`)
	})
}

func TestHostileMembers(t *testing.T) {
	files := []file{
		{name: "ok.JPEG", body: "ok"},
		{name: "../../etc/passwd", body: "x"},
		{name: "/etc/passwd", body: "x"},
		{name: "a/../../b", body: "x"},
		{name: "link", flag: tar.TypeSymlink},
		{name: "hard", flag: tar.TypeLink},
		{name: "pipe", flag: tar.TypeFifo},
		{name: "\xff\xfe.JPEG", body: "x"},
		{name: strings.Repeat("long", 200), body: "x"},
		{name: "empty.JPEG"},
		{name: "last.JPEG", body: "last"},
	}
	var reasons []string
	for _, line := range run(t, put(t, t.TempDir(), "n00000001.tar", tarOf(t, files...))) {
		_, after, _ := strings.Cut(line, "] ")
		reasons = append(reasons, after)
	}
	check(t, reasons, `"ok"`, "skip bad-name", "skip bad-name", "skip bad-name", "skip not-a-file", "skip not-a-file", "skip not-a-file",
		"skip bad-name", "skip bad-name", "skip empty", `"last"`)
}

func TestDamagedArchives(t *testing.T) {
	good := tarOf(t, file{name: "a.JPEG", body: "aaaa"}, file{name: "b.JPEG", body: strings.Repeat("b", 2000)})
	t.Run("cut in a member", func(t *testing.T) {
		dir := t.TempDir()
		put(t, dir, "n00000001.tar", good[:1024+512+700])
		put(t, dir, "n00000002.tar", good[:1024])
		check(t, run(t, dir), `n00000001/a.JPEG [n00000001] "aaaa"`, `n00000001/@1024 [n00000001] skip damaged-archive`, `n00000002/a.JPEG [n00000002] "aaaa"`)
	})
	t.Run("cut in a header", func(t *testing.T) {
		check(t, run(t, put(t, t.TempDir(), "n00000001.tar", good[:1024+100])),
			`n00000001/a.JPEG [n00000001] "aaaa"`, `n00000001/@1024 [n00000001] skip damaged-archive`)
	})
	t.Run("no tar at all", func(t *testing.T) {
		check(t, run(t, put(t, t.TempDir(), "n00000001.tar", []byte(strings.Repeat("hello ", 200)))), `n00000001/@0 [n00000001] skip damaged-archive`)
	})
	t.Run("an inner archive", func(t *testing.T) {
		bad := append([]byte(nil), good...)
		bad[1024+150] ^= 0x55 // the second header's checksum
		p := put(t, t.TempDir(), "whole.tar", tarOf(t, file{name: "n00000001.tar", body: string(bad)},
			file{name: "n00000002.tar", body: string(tarOf(t, file{name: "c.JPEG", body: "c"}))}))
		check(t, run(t, p), `n00000001/a.JPEG [n00000001] "aaaa"`, fmt.Sprintf(`n00000001/@%d [n00000001] skip damaged-archive`, 512+1024),
			`n00000002/c.JPEG [n00000002] "c"`)
	})
	t.Run("a size beyond the end", func(t *testing.T) {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		w.WriteHeader(&tar.Header{Name: "huge.JPEG", Size: 1 << 40, Typeflag: tar.TypeReg, Format: tar.FormatGNU})
		check(t, run(t, put(t, t.TempDir(), "n00000001.tar", b.Bytes())), `n00000001/@0 [n00000001] skip damaged-archive`)
	})
}

func TestRefuses(t *testing.T) {
	dir := t.TempDir()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(tarOf(t))
	w.Close()
	put(t, dir, "twice/n00000001.tar", tarOf(t))
	put(t, dir, "twice/n00000001/a.JPEG", []byte("a"))
	put(t, dir, "nothing/README", nil)
	for name, path := range map[string]string{
		"compressed":      put(t, dir, "winter21_whole.tar.gz", z.Bytes()),
		"both forms":      filepath.Join(dir, "twice"),
		"no synset in it": filepath.Join(dir, "nothing"),
		"missing":         filepath.Join(dir, "missing"),
	} {
		src, err := imagenet21k.New(imagenet21k.Config{Dataset: "imagenet21k", Path: path})
		if err != nil {
			t.Fatal(err)
		}
		_, err = src.Files(t.Context())
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		t.Logf("%s: %v", name, err)
	}
	if _, err := imagenet21k.New(imagenet21k.Defaults()); err == nil {
		t.Error("no path is no error")
	}
}

func TestAFolderThatGrewIsAnotherFile(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "n00000001/a.JPEG", []byte("a"))
	src, err := imagenet21k.New(imagenet21k.Config{Dataset: "imagenet21k", Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	before, err := src.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "n00000001/b.JPEG", []byte("b"))
	src, _ = imagenet21k.New(imagenet21k.Config{Dataset: "imagenet21k", Path: dir})
	after, err := src.Files(t.Context())
	if err != nil || before[0].Fingerprint == after[0].Fingerprint {
		t.Errorf("fingerprints %v, %v (%v)", before, after, err)
	}
}

// FuzzArchive: any bytes are rows that resume behind each cursor, and no member's range leaves the archive.
func FuzzArchive(f *testing.F) {
	inner := tarOf(f, file{name: "a.JPEG", body: "a"}, file{name: "b.JPEG", body: "b"})
	for _, s := range [][]byte{
		nil, inner, inner[:700], tarOf(f, file{name: "n00000001.tar", body: string(inner)}), tarOf(f, file{name: "n00000001/x", body: "x"}),
		tarOf(f, file{name: strings.Repeat("l", 200), body: "x"}), tarOf(f, file{name: "x", body: "y", pax: map[string]string{"IMG.a": "b"}}),
		append(bytes.Clone(inner), "garbage"...), bytes.Repeat([]byte{0}, 2048),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p := put(t, t.TempDir(), "whole.tar", data)
		src, err := imagenet21k.New(imagenet21k.Config{Dataset: "imagenet21k", Path: p})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.Files(t.Context()); err != nil {
			return // compressed
		}
		rows := sourcetest.Read(t, src, pipeline.Cursor{})
		for i, r := range rows {
			if s := r.Sample; s != nil {
				m := s.Image.Member
				if m.Path != p || m.Offset < 512 || m.Size <= 0 || m.Offset+m.Size > int64(len(data)) || strings.Contains(s.Source.Key, "..") && strings.Contains(s.Source.Key, "../") {
					t.Fatalf("row %d: %v", i, s)
				}
			}
			if got := sourcetest.Read(t, src, r.After); len(got) != len(rows)-i-1 {
				t.Fatalf("behind row %d: %d rows, want %d", i, len(got), len(rows)-i-1)
			}
		}
	})
}
