package demo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDataIsMadeOnce(t *testing.T) {
	photos := t.TempDir()
	for _, name := range []string{"cardinal.jpg", "dice.png", wikiName} {
		if err := os.WriteFile(filepath.Join(photos, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	cfg := Config{Seed: 1, Pairs: 20, Images: 3, Articles: 3, Photos: photos}
	const base = "http://127.0.0.1:9/"
	made, err := makeData(t.Context(), dir, cfg, base, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(made.photos) != 2 || !made.wiki {
		t.Errorf("made %+v, want two photos and the excerpt", made)
	}
	path := filepath.Join(dir, "data", listFile)
	list, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSuffix(string(list), "\n"), "\n")
	if want := 20 + 2 + len(traps); len(rows) != want {
		t.Errorf("%d rows, want %d", len(rows), want)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		url, caption, ok := strings.Cut(r, "\t")
		if !ok || caption == "" || seen[url] {
			t.Errorf("row %q: want an own URL, a tab and a caption", r)
		}
		seen[url] = true
	}
	for _, want := range []string{base + "gone.jpg", base + realDir + "/cardinal.jpg", "file:///etc/passwd"} {
		if !seen[want] {
			t.Errorf("no row for %s", want)
		}
	}
	// A photo that turns up later changes no list that a line has begun to read.
	if err := os.WriteFile(filepath.Join(photos, "leaf.jpg"), []byte("leaf"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := makeData(t.Context(), dir, cfg, base, nil); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(path); string(again) != string(list) {
		t.Error("the list changed when the data was made again")
	}
}
