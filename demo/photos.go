package demo

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// photoList names the demo's photos, the packages they come out of, and their captions, which are our own words.
//
//go:embed photos.tsv
var photoList string

// Photo is a real photo with a caption.
type Photo struct {
	Name    string // file name
	Package string // where it comes from
	Licence string
	Caption string
}

// Photos lists the photos that build/demo-data.sh knows of, in the order of photos.tsv.
func Photos() ([]Photo, error) {
	var out []Photo
	for line := range strings.Lines(photoList) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			return nil, fmt.Errorf("photos.tsv: %d fields in %q, want 7", len(f), line)
		}
		out = append(out, Photo{Name: f[3], Package: f[1], Licence: f[5], Caption: f[6]})
	}
	return out, nil
}

// present returns those photos that lie in dir.
func present(photos []Photo, dir string) []Photo {
	var out []Photo
	for _, p := range photos {
		if _, err := os.Stat(filepath.Join(dir, p.Name)); err == nil {
			out = append(out, p)
		}
	}
	return out
}
