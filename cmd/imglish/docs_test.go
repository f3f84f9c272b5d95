package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files again")

// docs/ARCHITECTURE.md shows the plan of docs/line.yaml; it must be the one that is printed.
func TestArchitectureShowsThePlan(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // the number of processors is in the plan
	var out, errs bytes.Buffer
	if code := execute(t.Context(), []string{"plan", filepath.Join("..", "..", "docs", "line.yaml")}, &out, &errs); code != 0 {
		t.Fatalf("plan: exit code %d\n%s", code, errs.String())
	}
	_, plan, ok := strings.Cut(out.String(), "\n\n") // the first line holds the folder
	if !ok {
		t.Fatalf("plan: %q", out.String())
	}
	const path = "../../docs/ARCHITECTURE.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)(<!-- plan -->\n```\n).*?(```\n)")
	if !block.Match(page) {
		t.Fatalf("%s has no block behind <!-- plan -->", path)
	}
	want := block.ReplaceAllFunc(page, func([]byte) []byte { return []byte("<!-- plan -->\n```\n" + plan + "```\n") })
	if bytes.Equal(want, page) {
		return
	}
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s shows another plan than imglish plan docs/line.yaml; run make golden", path)
}

// The README's graph file is docs/line.yaml, without its comments.
func TestReadmeShowsTheLine(t *testing.T) {
	plain := func(s string) string {
		var b strings.Builder
		for line := range strings.Lines(s) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" {
				b.WriteString(line + "\n")
			}
		}
		return b.String()
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	line, err := os.ReadFile("../../docs/line.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```yaml\n")
	shown, _, _ := strings.Cut(rest, "```")
	if plain(shown) != plain(string(line)) {
		t.Errorf("README shows\n%s\nand docs/line.yaml is\n%s", plain(shown), plain(string(line)))
	}
}
