package scenes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imglish/imglish/durable"
)

// Progress is told how far Write is; nil is allowed.
type Progress func(done, total int64, note string)

// Files of a folder of scenes.
const (
	ListFile   = "list.tsv"
	DumpFile   = "pages-articles.xml.bz2"
	TruthFile  = "truth.jsonl"
	MarkFile   = "scenes.json" // written last: a folder without it is not whole
	PhotosDir  = "photos"
	SynsetsDir = "synsets"
	MasksDir   = "masks"

	startFile = "scenes.json.started" // as MarkFile, while the folder is being filled
)

// Write fills a folder with scenes: photos with list.tsv, synset archives, an articles dump, truth.jsonl, and a README.
// A folder that already holds the same is left as it is; one that holds part of it is completed by writing it anew. A
// folder made with other settings is an error. Files appear whole: they are written under another name and renamed.
func Write(ctx context.Context, dir string, c Config, progress Progress) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if progress == nil {
		progress = func(int64, int64, string) {}
	}
	mark, err := c.mark()
	if err != nil {
		return err
	}
	whole, err := sameSettings(dir, MarkFile, mark)
	if err != nil || whole {
		return err
	}
	started, err := sameSettings(dir, startFile, mark)
	if err != nil {
		return err
	}
	for _, sub := range []string{PhotosDir, SynsetsDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o777); err != nil {
			return fmt.Errorf("scenes: %w", err)
		}
	}
	if c.Masks {
		if err := os.MkdirAll(filepath.Join(dir, MasksDir), 0o777); err != nil {
			return fmt.Errorf("scenes: %w", err)
		}
	}
	if !started {
		err := writeFile(filepath.Join(dir, startFile), func(w io.Writer) error { _, err := w.Write(mark); return err })
		if err != nil {
			return fmt.Errorf("scenes: %w", err)
		}
	}
	total := int64(c.Pairs + c.Images + c.Articles)
	done := int64(0)
	step := func(note string) {
		done++
		progress(done, total, note)
	}
	err = writeFile(filepath.Join(dir, TruthFile), func(truth io.Writer) error {
		if err := writePairs(ctx, dir, c, truth, step); err != nil {
			return err
		}
		return writeSynsets(ctx, dir, c, truth, step)
	})
	if err == nil {
		err = writeFile(filepath.Join(dir, DumpFile), func(w io.Writer) error { return writeDump(ctx, w, c, step) })
	}
	if err == nil {
		err = writeFile(filepath.Join(dir, "README.md"), func(w io.Writer) error { return writeReadme(w, c) })
	}
	if err == nil {
		err = writeFile(filepath.Join(dir, MarkFile), func(w io.Writer) error { _, err := w.Write(mark); return err })
	}
	if err == nil {
		err = os.Remove(filepath.Join(dir, startFile))
	}
	if err != nil {
		return fmt.Errorf("scenes: %w", err)
	}
	return nil
}

// sameSettings tells whether a file of settings is there. If it is and they are others, that is an error.
func sameSettings(dir, name string, mark []byte) (bool, error) {
	old, err := os.ReadFile(filepath.Join(dir, name))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("scenes: %w", err)
	case !bytes.Equal(old, mark):
		return false, &otherSettingsError{dir}
	}
	return true, nil
}

// otherSettingsError: writing here would mix two sets of scenes.
type otherSettingsError struct{ dir string }

func (e *otherSettingsError) Error() string {
	return "scenes: " + e.dir + " holds scenes of other settings"
}

// Hint says what to do about it.
func (e *otherSettingsError) Hint() string { return "choose another folder, or delete this one" }

// mark is what MarkFile holds: all that the folder's bytes depend on.
func (c Config) mark() ([]byte, error) {
	b, err := json.MarshalIndent(struct {
		Version  string `json:"version"`
		Seed     uint64 `json:"seed"`
		Pairs    int    `json:"pairs"`
		Images   int    `json:"images"`
		Articles int    `json:"articles"`
		Side     int    `json:"side"`
		Quality  int    `json:"quality"`
		BaseURL  string `json:"base_url"`
		Masks    bool   `json:"masks"`
	}{Version, c.Seed, c.Pairs, c.Images, c.Articles, c.Side, c.Quality, c.BaseURL, c.Masks}, "", "  ")
	return append(b, '\n'), err
}

// writeFile writes a file that appears when it is whole and on the disk.
func writeFile(path string, fill func(io.Writer) error) error {
	f, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := fill(f); err != nil {
		return err
	}
	return f.Commit()
}
