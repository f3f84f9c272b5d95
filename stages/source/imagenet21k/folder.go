package imagenet21k

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"unicode/utf8"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// entry is one thing in a folder of images.
type entry struct {
	name string
	size int64
	file bool // a regular file; links are not followed, so nothing outside of the folder is read
}

// readFolder lists a folder by name, without what is no row: folders.
func readFolder(path string) ([]entry, error) {
	list, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, e := range list {
		if e.IsDir() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		out = append(out, entry{e.Name(), info.Size(), info.Mode().IsRegular()})
	}
	return out, nil
}

// describeFolder takes a fingerprint over the names and sizes of a folder.
func describeFolder(path string) (pipeline.File, error) {
	list, err := readFolder(path)
	if err != nil {
		return pipeline.File{}, err
	}
	f := pipeline.File{Name: filepath.Base(path)}
	h := sha256.New()
	for _, e := range list {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(e.name))))
		io.WriteString(h, e.name)
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(e.size)))
		f.Size += e.size
	}
	f.Fingerprint = filelist.Hex(h.Sum(nil))
	return f, nil
}

// folder reads a folder of image files by name.
type folder struct {
	path string
	file pipeline.File
	cfg  Config
	list []entry
	next int // index into list: the cursor's place
	done int64
}

func openFolder(path string, file pipeline.File, place string, cfg Config) (*folder, error) {
	list, err := readFolder(path)
	if err != nil {
		return nil, err
	}
	f := &folder{path: path, file: file, cfg: cfg, list: list}
	if place == "" {
		return f, nil
	}
	if f.next, err = strconv.Atoi(place); err != nil || f.next < 0 || f.next > len(list) {
		return nil, fmt.Errorf("cursor place %q is no number in a folder of %d files", place, len(list))
	}
	for _, e := range list[:f.next] {
		f.done += e.size
	}
	return f, nil
}

func (f *folder) Done() int64  { return f.done }
func (f *folder) Close() error { return nil }

func (f *folder) Next(context.Context) (pipeline.Result, string, error) {
	if f.next == len(f.list) {
		return pipeline.Result{}, "", io.EOF
	}
	e := f.list[f.next]
	f.next++
	f.done += e.size
	synset := filepath.Base(f.path)
	from := &pipeline.Origin{
		Dataset:  f.cfg.Dataset,
		Key:      synset + "/" + clip(e.name),
		Revision: f.file.Fingerprint,
		Licence:  f.cfg.Licence,
		Labels:   []string{synset},
	}
	skip := func(reason, detail string) (pipeline.Result, string, error) {
		return filelist.Reference(pipeline.Drop(reason, detail), pipeline.Kind_IMAGE, from), strconv.Itoa(f.next), nil
	}
	switch {
	case !e.file:
		return skip("not-a-file", "a link or a device")
	case !utf8.ValidString(e.name):
		return skip("bad-name", fmt.Sprintf("%q is not UTF-8", e.name))
	case e.size == 0:
		return skip("empty", "the file has no bytes")
	}
	s := filelist.Sample(pipeline.Kind_IMAGE, from)
	s.Image = &pipeline.Image{Member: &pipeline.Member{Path: filepath.Join(f.path, e.name), Size: e.size}}
	return pipeline.Keep(s), strconv.Itoa(f.next), nil
}
