package filelist_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

func write(t *testing.T, dir, name, content string) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFingerprintChangesWithTheFile(t *testing.T) {
	dir := t.TempDir()
	base := strings.Repeat("x", 100<<10)
	seen := map[string]string{}
	for name, content := range map[string]string{
		"base":   base,
		"head":   "y" + base[1:],
		"tail":   base[1:] + "y",
		"longer": base + "x",
		"cut":    base[1:],
		"empty":  "",
		"short":  "x",
	} {
		f, err := filelist.Describe(write(t, dir, name, content))
		if err != nil {
			t.Fatal(err)
		}
		if f.Name != name || f.Size != int64(len(content)) || len(f.Fingerprint) != 32 {
			t.Errorf("Describe(%s) = %+v", name, f)
		}
		if other, same := seen[f.Fingerprint]; same {
			t.Errorf("%s and %s have one fingerprint", other, name)
		}
		seen[f.Fingerprint] = name
	}
	again, err := filelist.Describe(write(t, t.TempDir(), "other-name", base))
	if err != nil || seen[again.Fingerprint] != "base" {
		t.Errorf("the same bytes elsewhere: %+v, %v", again, err)
	}
}

func TestExpandKeepsTheOrderGiven(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b1", "b2", "a", "[odd]"} {
		write(t, dir, n, n)
	}
	got, err := filelist.Expand([]string{dir + "/b*", dir + "/a", dir + "/[odd]"})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range got {
		names = append(names, filepath.Base(p))
	}
	if strings.Join(names, " ") != "b1 b2 a [odd]" {
		t.Errorf("Expand = %v", names)
	}
	for _, bad := range [][]string{{dir + "/none*"}, {dir + "/a", dir + "/a"}, {dir + "/["}} {
		if got, err := filelist.Expand(bad); err == nil && len(got) != 1 {
			t.Errorf("Expand(%v) = %v, want an error", bad, got)
		}
	}
}

func TestDescribeSeesAChangedFile(t *testing.T) {
	dir := t.TempDir()
	p := write(t, dir, "list", "one")
	var l filelist.List
	first, err := l.Describe(t.Context(), []string{p}, filelist.Describe)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "list", "another")
	second, err := l.Describe(t.Context(), []string{p}, filelist.Describe)
	if err != nil || first[0].Fingerprint == second[0].Fingerprint {
		t.Errorf("the fingerprint of a changed file stays %s (%v)", second[0].Fingerprint, err)
	}
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Describe(t.Context(), []string{p, write(t, sub, "list", "x")}, filelist.Describe); err == nil {
		t.Error("two files of one name are taken")
	}
	if err := filelist.Distinct([]pipeline.File{second[0], {Name: "copy", Size: 7, Fingerprint: second[0].Fingerprint}}); err == nil {
		t.Error("two files of the same content are taken")
	}
}
