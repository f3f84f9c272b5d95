package imagenet21k

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// New checks the settings and makes the source, which reads synset archives. Files are first looked at by its Files or
// Open. The place of its cursors is a byte offset in an archive, the offsets in both with a slash between them in an
// archive of archives, and the number of files read in a folder.
func New(cfg Config) (pipeline.Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source imagenet21k: %w", err)
	}
	return &filelist.Source{
		Kind: "imagenet21k", Name: cfg.Dataset, Paths: cfg.paths, Fingerprint: describe,
		Rows: func(path string, file pipeline.File, place string) (filelist.Reader, error) {
			if st, err := os.Stat(path); err == nil && st.IsDir() {
				return openFolder(path, file, place, cfg)
			}
			return openArchive(path, file, place, cfg)
		},
	}, nil
}

// paths lists the archives and folders of images, sorted by name.
func (c Config) paths() ([]string, error) {
	root, err := filepath.Abs(c.Path) // fetch may run in another folder
	if err != nil {
		return nil, err
	}
	st, err := os.Stat(root)
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return []string{root}, nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	var out []string
	taken := map[string]string{}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".tar")
		if !isSynset(name) || (e.IsDir() && name != e.Name()) {
			continue
		}
		if other, twice := taken[name]; twice {
			return nil, fmt.Errorf("%s holds %s and %s: which of the two is meant?", root, other, e.Name())
		}
		taken[name] = e.Name()
		out = append(out, filepath.Join(root, e.Name()))
	}
	if len(out) == 0 {
		if isSynset(filepath.Base(root)) { // a single folder of images
			return []string{root}, nil
		}
		return nil, filelist.Hint(fmt.Errorf("%s holds no nXXXXXXXX.tar and no folder nXXXXXXXX", root),
			"path: must name the folder that directly holds the synset archives")
	}
	return out, nil
}

// describe refuses files of which ranges cannot be read.
func describe(path string) (pipeline.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return pipeline.File{}, err
	}
	if st.IsDir() {
		return describeFolder(path)
	}
	if err := refuseCompressed(path); err != nil {
		return pipeline.File{}, err
	}
	return filelist.Describe(path)
}

func refuseCompressed(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var head [6]byte
	if _, err := io.ReadFull(f, head[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil // too short to be anything; the rows will tell
		}
		return err
	}
	for magic, how := range map[string]string{
		"\x1f\x8b":         "gunzip",
		"BZh":              "bunzip2",
		"\xfd7zXZ\x00":     "unxz",
		"\x28\xb5\x2f\xfd": "unzstd",
		"PK\x03\x04":       "unzip",
	} {
		if strings.HasPrefix(string(head[:]), magic) {
			return filelist.Hint(fmt.Errorf("%s is compressed: byte ranges of it cannot be read", path),
				"unpack the outer layer once ("+how+"); JPEGs hardly shrink, so the tar is about as large")
		}
	}
	return nil
}

// isSynset tells a WordNet noun id, such as n01440764.
func isSynset(name string) bool {
	if len(name) != 9 || name[0] != 'n' {
		return false
	}
	for _, c := range name[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
