package cc12m_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/cc12m"
	"github.com/imglish/imglish/stages/source/internal/sourcetest"
)

func lists(t testing.TB, contents ...string) cc12m.Config {
	t.Helper()
	dir := t.TempDir()
	cfg := cc12m.Defaults()
	for i, c := range contents {
		p := filepath.Join(dir, fmt.Sprintf("list%d.tsv", i))
		if err := os.WriteFile(p, []byte(c), 0o644); err != nil {
			t.Fatal(err)
		}
		cfg.Lists = append(cfg.Lists, p)
	}
	return cfg
}

func run(t *testing.T, cfg cc12m.Config) []string {
	t.Helper()
	rows := sourcetest.Run(t, func() (pipeline.Source, error) { return cc12m.New(cfg) })
	var out []string
	for _, r := range rows {
		if r.Skip != nil {
			out = append(out, fmt.Sprintf("%s: skip %s %s", r.Skip.Source.Key, r.Skip.Reason, r.Skip.Source.Url))
			continue
		}
		s := r.Sample
		if s.Kind != pipeline.Kind_PAIR || s.Image == nil || len(s.Parts) != 1 || s.Source.Revision == "" {
			t.Errorf("row %v", s)
		}
		out = append(out, fmt.Sprintf("%s: %s | %s", s.Source.Key, s.Source.Url, s.Parts[0].Text))
	}
	return out
}

func TestRows(t *testing.T) {
	for _, tt := range []struct {
		name, list string
		want       []string
	}{
		{"empty", "", nil},
		{"rows", "http://a/1.jpg\tA red ball.\nhttp://a/2.jpg\tEin Ööl, 木\n", []string{"0: http://a/1.jpg | A red ball.", "27: http://a/2.jpg | Ein Ööl, 木"}},
		{"no newline at the end", "http://a/1.jpg\tx\nhttp://a/2.jpg\ty", []string{"0: http://a/1.jpg | x", "17: http://a/2.jpg | y"}},
		{"CR LF", "http://a/1.jpg\tx\r\nhttp://a/2.jpg\ty\r\n", []string{"0: http://a/1.jpg | x", "18: http://a/2.jpg | y"}},
		{"byte order mark", "\xef\xbb\xbfhttp://a/1.jpg\tx\n", []string{"0: http://a/1.jpg | x"}},
		{"the same URL twice", "http://a\tx\nhttp://a\tx\n", []string{"0: http://a | x", "11: http://a | x"}},
		{"quotes and names stay", "http://a\t\"<PERSON>\" & co\n", []string{`0: http://a | "<PERSON>" & co`}},
		{"an empty line is a row", "http://a\tx\n\nhttp://b\ty\n", []string{"0: http://a | x", "11: skip malformed-row ", "12: http://b | y"}},
		{"no tab", "http://a x\n", []string{"0: skip malformed-row "}},
		{"three fields", "http://a\tx\ty\n", []string{"0: skip malformed-row "}},
		{"no URL", "\tx\n", []string{"0: skip malformed-row "}},
		{"no caption", "http://a\t \n", []string{"0: skip no-caption http://a"}},
		{"not UTF-8", "http://a\t\xff\n", []string{"0: skip malformed-row "}},
		{"only a newline", "\n", []string{"0: skip malformed-row "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, run(t, lists(t, tt.list))); diff != "" {
				t.Errorf("rows of %q (-want +got):\n%s", tt.list, diff)
			}
		})
	}
}

func TestLongLines(t *testing.T) {
	for _, ending := range []string{"\n", "\r\n", ""} {
		for _, more := range []int{-1, 0, 1, 2, 3, 1000, 300 << 10} {
			cfg := cc12m.Defaults()
			head := "http://a\t"
			list := head + strings.Repeat("x", cfg.MaxRow-len(head)+more) + ending
			if ending != "" {
				list += "http://b\ty" + ending
			}
			cfg.Lists = lists(t, list).Lists
			got := run(t, cfg)
			want := "http://a | x"
			if more > 0 {
				want = "skip row-too-long"
			}
			if !strings.Contains(got[0], want) {
				t.Errorf("a row of %+d bytes, ending %q: %.60s, want %s", more, ending, got[0], want)
			}
			if ending != "" && (len(got) != 2 || !strings.HasSuffix(got[1], "http://b | y")) {
				t.Errorf("behind a row of %+d bytes: %.100v", more, got[1:])
			}
		}
	}
}

func TestSeveralLists(t *testing.T) {
	cfg := lists(t, "http://a\tx\n", "", "http://a\ty\nhttp://b\tz")
	if got := run(t, cfg); len(got) != 3 {
		t.Errorf("rows = %v", got)
	}
	dir := filepath.Dir(cfg.Lists[0])
	cfg.Lists, cfg.List = nil, filepath.Join(dir, "*.tsv")
	if got := run(t, cfg); len(got) != 3 {
		t.Errorf("rows by a pattern = %v", got)
	}
}

func TestRefusesTheSameListTwice(t *testing.T) {
	src, err := cc12m.New(lists(t, "http://a\tx\n", "http://a\tx\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Files(t.Context()); err == nil {
		t.Error("two lists of the same rows are taken")
	}
}

func TestRefusesAPlaceInsideOfALine(t *testing.T) {
	src, err := cc12m.New(lists(t, "http://a\tx\nhttp://b\ty\n"))
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := src.Open(t.Context(), pipeline.Cursor{Row: 1, Place: "5"}); err == nil {
		rows.Close()
		t.Error("Open in the middle of a line = nil error")
	}
}

func TestValidate(t *testing.T) {
	for _, change := range []func(*cc12m.Config){
		func(c *cc12m.Config) {},
		func(c *cc12m.Config) { c.List, c.Dataset = "x", "" },
		func(c *cc12m.Config) { c.List, c.Lists = "x", []string{"y"} },
		func(c *cc12m.Config) { c.List, c.MaxRow = "x", 0 },
	} {
		c := cc12m.Defaults()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("Validate(%+v) = nil", c)
		}
	}
	c := cc12m.Defaults()
	c.List = filepath.Join(t.TempDir(), "missing.tsv")
	src, err := cc12m.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := src.Files(t.Context()); err == nil {
		t.Error("a missing list is no error")
	}
}

// FuzzRows: any bytes are rows without gaps, as many as there are lines, and the same behind each cursor.
func FuzzRows(f *testing.F) {
	for _, s := range []string{"", "a\tb\n", "a\tb", "\n\n", "a\r\n\tb\r", "\xef\xbb\xbfa\tb\n", strings.Repeat("x", 70) + "\ty\n", "a\tb\tc\n\xff\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, list []byte) {
		cfg := lists(t, string(list))
		cfg.MaxRow = 64
		rows := sourcetest.Run(t, func() (pipeline.Source, error) { return cc12m.New(cfg) })
		want := strings.Count(string(list), "\n")
		if len(list) > 0 && list[len(list)-1] != '\n' {
			want++
		}
		if len(rows) != want {
			t.Fatalf("%d rows of %d lines", len(rows), want)
		}
	})
}

func Example() {
	dir, err := os.MkdirTemp("", "cc12m")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	cfg := cc12m.Defaults()
	cfg.List = filepath.Join(dir, "cc12m.tsv")
	if err := os.WriteFile(cfg.List, []byte("https://example.org/ball.jpg\tA red ball on the grass.\n"), 0o644); err != nil {
		panic(err)
	}
	src, err := cc12m.New(cfg)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	rows, err := src.Open(ctx, pipeline.Cursor{})
	if err != nil {
		panic(err)
	}
	defer rows.Close()
	row, err := rows.Next(ctx)
	if err != nil {
		panic(err)
	}
	fmt.Println(row.Sample.Kind, row.Sample.Source.Url)
	fmt.Println(row.Sample.Parts[0].Text)
	fmt.Println(row.After)
	// Output:
	// PAIR https://example.org/ball.jpg
	// A red ball on the grass.
	// {1 0 54}
}
