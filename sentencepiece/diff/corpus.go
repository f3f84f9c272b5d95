package main

import (
	"compress/bzip2"
	"errors"
	"fmt"
	"html"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// corpus is real text, a line each.
type corpus struct {
	prose  []string // English
	markup []string // the same as it stands in a Wikipedia dump
	code   []string // Go
}

var (
	links = regexp.MustCompile(`\[\[(?:[^|\]]*\|)?([^\]]*)\]\]`)
	tags  = regexp.MustCompile(`<ref[^>]*/>|<ref.*?</ref>|<[^>]*>|\{\{[^}]*\}\}|'''?`)
)

// readCorpus reads a Wikipedia dump, the text that the SentencePiece package ships, and Go's own sources.
func readCorpus(dump, lib string) (*corpus, error) {
	c := &corpus{}
	f, err := os.Open(dump)
	if err != nil {
		return nil, fmt.Errorf("the Wikipedia excerpt that build/demo-data.sh fetches: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(bzip2.NewReader(f))
	if err != nil {
		return nil, err
	}
	for l := range strings.Lines(string(data)) {
		l = html.UnescapeString(strings.TrimRight(l, "\n"))
		c.markup = append(c.markup, l)
		if len(l) > 80 && !strings.ContainsAny(l[:1], "{|!<*#:; ") {
			c.prose = append(c.prose, tags.ReplaceAllString(links.ReplaceAllString(l, "$1"), ""))
		}
	}
	novel, err := os.ReadFile(filepath.Join(lib, "share/test/botchan.txt"))
	if err != nil {
		return nil, err
	}
	c.prose = append(c.prose, strings.Split(string(novel), "\n")...)
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("ask go where its sources are: %w", err)
	}
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || len(c.code) > 400_000 {
			return err
		}
		src, err := os.ReadFile(path)
		c.code = append(c.code, strings.Split(string(src), "\n")...)
		return err
	})
	if len(c.prose) < 5000 || len(c.code) < 100_000 {
		return nil, errors.New("the texts to compare with are not what was expected: too few lines")
	}
	return c, err
}

// trainingTexts writes what models are trained on and returns the paths by name: prose, and mixed: also code and made-up
// words of many scripts.
func (c *corpus) trainingTexts(dir string) (map[string]string, error) {
	g := newGenerator(c, nil, 7)
	mixed := append([]string(nil), c.prose...)
	mixed = append(mixed, c.code[:min(len(c.code), 20_000)]...)
	for range 15_000 {
		mixed = append(mixed, strings.ToValidUTF8(g.script(), ""))
	}
	paths := map[string]string{}
	for name, lines := range map[string][]string{"prose": c.prose, "mixed": mixed} {
		paths[name] = filepath.Join(dir, name+".txt")
		if err := os.WriteFile(paths[name], []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
			return nil, err
		}
	}
	return paths, nil
}
