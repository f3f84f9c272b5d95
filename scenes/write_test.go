package scenes_test

import (
	"archive/tar"
	"bufio"
	"compress/bzip2"
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/scenes"
)

func small() scenes.Config {
	c := scenes.Defaults()
	c.Pairs, c.Images, c.Articles, c.Side, c.Masks = 20, 16, 30, 96, true
	return c
}

// tree sums all files of a folder.
func tree(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	sums := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		sums[name] = sha256.Sum256(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func compare(t *testing.T, got, want map[string][32]byte) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s has other bytes", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s is too many", name)
		}
	}
}

func TestWriteIsDeterministic(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	c := small()
	c.Workers = 1
	if err := scenes.Write(t.Context(), a, c, nil); err != nil {
		t.Fatal(err)
	}
	c.Workers = 5
	calls, last := 0, int64(0)
	err := scenes.Write(t.Context(), b, c, func(done, total int64, _ string) {
		calls++
		if done != last+1 || total != 66 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil || calls != 66 {
		t.Fatalf("%d calls of progress, want 66; error %v", calls, err)
	}
	compare(t, tree(t, b), tree(t, a))
}

func TestWriteGoesOn(t *testing.T) {
	whole, broken := t.TempDir(), t.TempDir()
	c := small()
	if err := scenes.Write(t.Context(), whole, c, nil); err != nil {
		t.Fatal(err)
	}
	for _, stop := range []int64{1, 25, 50} {
		ctx, cancel := context.WithCancel(t.Context())
		err := scenes.Write(ctx, broken, c, func(done, _ int64, _ string) {
			if done == stop {
				cancel()
			}
		})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at %d: error %v", stop, err)
		}
		if _, err := os.Stat(filepath.Join(broken, scenes.MarkFile)); err == nil {
			t.Fatalf("stopped at %d: the mark is there", stop)
		}
	}
	c.Seed++
	if err := scenes.Write(t.Context(), broken, c, nil); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("half a folder of another seed: error %v", err)
	}
	c.Seed--
	if err := scenes.Write(t.Context(), broken, c, nil); err != nil {
		t.Fatal(err)
	}
	compare(t, tree(t, broken), tree(t, whole))

	called := false
	if err := scenes.Write(t.Context(), whole, c, func(int64, int64, string) { called = true }); err != nil || called {
		t.Errorf("a whole folder is written again (error %v)", err)
	}
	c.Seed++
	if err := scenes.Write(t.Context(), whole, c, nil); err == nil || !strings.Contains(err.Error(), "other settings") {
		t.Errorf("a folder of another seed: error %v", err)
	}
}

// What is written must be readable by the rules of the formats, and agree with truth.jsonl.
func TestFormats(t *testing.T) {
	dir := t.TempDir()
	c := small()
	if err := scenes.Write(t.Context(), dir, c, nil); err != nil {
		t.Fatal(err)
	}
	truth := map[string]scenes.Truth{}
	f, err := os.Open(filepath.Join(dir, scenes.TruthFile))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var x scenes.Truth
		if err := json.Unmarshal(s.Bytes(), &x); err != nil {
			t.Fatal(err)
		}
		truth[x.File] = x
	}
	if len(truth) != c.Pairs+c.Images {
		t.Errorf("%d lines of truth, want %d", len(truth), c.Pairs+c.Images)
	}

	list, err := os.ReadFile(filepath.Join(dir, scenes.ListFile))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(list), "\n"), "\n")
	if len(lines) != c.Pairs {
		t.Errorf("%d lines in the list, want %d", len(lines), c.Pairs)
	}
	for _, l := range lines {
		url, caption, ok := strings.Cut(l, "\t")
		name, under := strings.CutPrefix(url, c.BaseURL)
		if !ok || !under || truth[name].Caption != caption {
			t.Errorf("line %q, truth %q", l, truth[name].Caption)
			continue
		}
		checkPicture(t, filepath.Join(dir, name), nil, c.Side)
		for _, o := range truth[name].Objects {
			checkPicture(t, filepath.Join(dir, o.Mask), nil, c.Side)
		}
	}

	members := 0
	for k, shape := range scenes.Shapes {
		f, err := os.Open(filepath.Join(dir, scenes.SynsetsDir, scenes.Synset(k)+".tar"))
		if err != nil {
			t.Fatal(err)
		}
		for r := tar.NewReader(f); ; members++ {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			name := "synsets/" + scenes.Synset(k) + ".tar/" + h.Name
			if x := truth[name]; len(x.Objects) != 1 || x.Objects[0].Shape != shape || x.Synset != scenes.Synset(k) {
				t.Errorf("%s: truth %+v", name, x)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			checkPicture(t, name, data, c.Side)
		}
		f.Close()
	}
	if members != c.Images {
		t.Errorf("%d members of archives, want %d", members, c.Images)
	}
	checkDump(t, filepath.Join(dir, scenes.DumpFile), c)
}

func checkPicture(t *testing.T, name string, data []byte, side int) {
	t.Helper()
	if data == nil {
		var err error
		if data, err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	im, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil || im.W != side || im.H != side {
		t.Errorf("%s: %v", name, err)
	}
}

func checkDump(t *testing.T, path string, c scenes.Config) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var dump struct {
		Pages []struct {
			Title    string `xml:"title"`
			NS       int    `xml:"ns"`
			Redirect *struct {
				Title string `xml:"title,attr"`
			} `xml:"redirect"`
			Text struct {
				Bytes int    `xml:"bytes,attr"`
				Body  string `xml:",chardata"`
			} `xml:"revision>text"`
		} `xml:"page"`
	}
	if err := xml.NewDecoder(bzip2.NewReader(f)).Decode(&dump); err != nil {
		t.Fatal(err)
	}
	articles, redirects := 0, 0
	for _, p := range dump.Pages {
		if len(p.Text.Body) != p.Text.Bytes {
			t.Errorf("page %q: %d bytes, says %d", p.Title, len(p.Text.Body), p.Text.Bytes)
		}
		switch {
		case p.Redirect != nil:
			redirects++
		case p.NS == 0:
			if want := scenes.NewArticle(c.Seed, articles); p.Title != want.Title || p.Text.Body != want.Text {
				t.Errorf("page %q is not article %d", p.Title, articles)
			}
			articles++
		}
	}
	if articles != c.Articles || redirects != c.Articles/25 {
		t.Errorf("%d articles and %d redirects, want %d and %d", articles, redirects, c.Articles, c.Articles/25)
	}
}

func TestValidate(t *testing.T) {
	for _, change := range []func(*scenes.Config){
		func(c *scenes.Config) { c.Pairs = -1 },
		func(c *scenes.Config) { c.Side = 16 },
		func(c *scenes.Config) { c.Quality = 0 },
		func(c *scenes.Config) { c.BaseURL = "ftp://x/" },
		func(c *scenes.Config) { c.BaseURL = "http://x/\ty" },
	} {
		c := scenes.Defaults()
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if err := scenes.Defaults().Validate(); err != nil {
		t.Error(err)
	}
}
