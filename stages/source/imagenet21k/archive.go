package imagenet21k

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

const block = 512 // a tar's unit, bytes

// maxName bounds a member's name: it becomes part of a key.
const maxName = 512

// archive reads the members of a tar, and of the tars in it.
type archive struct {
	f     *os.File
	path  string
	file  pipeline.File
	cfg   Config
	outer listing
	inner *listing // the archive in the archive, nil outside of one
	holds int64    // offset of the outer header that inner belongs to
	own   string   // the synset by the archive's own name, or ""
}

// listing walks the headers of one tar that lies at [at, end) of a file. All offsets count from the file's start.
type listing struct {
	r       io.ReaderAt
	at, end int64
	synset  string
}

// member is one header of a tar and where its bytes lie.
type member struct {
	*tar.Header
	from int64 // of the first data byte
}

// next reads one header and steps over its data. Each header is read by a reader of its own, which makes every offset
// behind a member a place to resume at.
func (l *listing) next() (member, error) {
	section := io.NewSectionReader(l.r, l.at, l.end-l.at)
	h, err := tar.NewReader(section).Next()
	if err != nil {
		return member{}, err
	}
	used, err := section.Seek(0, io.SeekCurrent)
	if err != nil {
		return member{}, err
	}
	m := member{Header: h, from: l.at + used}
	if h.Typeflag != tar.TypeReg {
		// Only regular files and GNU's sparse ones have data; the header's size of a link means nothing.
		if h.Typeflag == tar.TypeGNUSparse {
			return m, errSparse
		}
		l.at = m.from
		return m, nil
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return m, errSparse
		}
	}
	if h.Size < 0 || h.Size > l.end-m.from {
		return m, fmt.Errorf("%q has %d bytes, but the archive ends %d bytes behind its header: %w",
			clip(h.Name), h.Size, l.end-m.from, io.ErrUnexpectedEOF)
	}
	l.at = min(m.from+(h.Size+block-1)/block*block, l.end)
	return m, nil
}

// errSparse ends a listing: how long a sparse member lies in the archive is not told by its header.
var errSparse = errors.New("the archive has a sparse member, which no image is")

func openArchive(path string, file pipeline.File, place string, cfg Config) (*archive, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	a := &archive{f: f, path: path, file: file, cfg: cfg, outer: listing{r: f, end: file.Size}}
	if own := strings.TrimSuffix(filepath.Base(path), ".tar"); isSynset(own) {
		a.own = own
	}
	if err := a.seek(place); err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

// seek goes to a place: the offset of an outer header, and behind a slash that of a header in the archive there.
func (a *archive) seek(place string) error {
	if place == "" {
		return nil
	}
	first, second, nested := strings.Cut(place, "/")
	at, err := strconv.ParseInt(first, 10, 64)
	if err != nil || at < 0 || at > a.file.Size {
		return fmt.Errorf("cursor place %q is no offset in an archive of %d bytes", place, a.file.Size)
	}
	a.outer.at = at
	if !nested {
		return nil
	}
	m, err := a.outer.next()
	if err != nil {
		return fmt.Errorf("cursor place %q: %w", place, err)
	}
	a.enter(m, at)
	in, err := strconv.ParseInt(second, 10, 64)
	if err != nil || in < a.inner.at || in > a.inner.end {
		return fmt.Errorf("cursor place %q lies outside of the archive %s", place, clip(m.Name))
	}
	a.inner.at = in
	return nil
}

func (a *archive) enter(m member, header int64) {
	a.inner = &listing{r: a.f, at: m.from, end: m.from + m.Size, synset: nestedSynset(m.Name)}
	a.holds = header
}

// nestedSynset tells a synset archive by a member's name.
func nestedSynset(name string) string {
	if synset, ok := strings.CutSuffix(path.Base(name), ".tar"); ok && isSynset(synset) {
		return synset
	}
	return ""
}

func (a *archive) Done() int64 {
	if a.inner != nil {
		return a.inner.at
	}
	return a.outer.at
}

func (a *archive) Close() error { return a.f.Close() }

func (a *archive) place() string {
	if a.inner != nil {
		return fmt.Sprintf("%d/%d", a.holds, a.inner.at)
	}
	return strconv.FormatInt(a.outer.at, 10)
}

func (a *archive) Next(ctx context.Context) (pipeline.Result, string, error) {
	for {
		if err := ctx.Err(); err != nil { // an archive may hold a million directories
			return pipeline.Result{}, "", err
		}
		l, synset := &a.outer, a.own
		if a.inner != nil {
			l, synset = a.inner, a.inner.synset
		}
		header := l.at
		m, err := l.next()
		switch {
		case errors.Is(err, io.EOF) && a.inner != nil: // io.ErrUnexpectedEOF is another error
			a.inner = nil
			continue
		case errors.Is(err, io.EOF):
			return pipeline.Result{}, "", io.EOF
		case err != nil:
			if failed := new(fs.PathError); errors.As(err, &failed) {
				return pipeline.Result{}, "", err // the disk's fault, which may pass, is no property of the archive
			}
			l.at = l.end
			row := a.damaged(synset, header, err)
			return row, a.place(), nil
		case m.Typeflag == tar.TypeDir || m.Typeflag == tar.TypeXGlobalHeader:
			continue
		case a.inner == nil && m.Typeflag == tar.TypeReg && nestedSynset(m.Name) != "":
			a.enter(m, header)
			continue
		}
		row := a.row(m, synset)
		return row, a.place(), nil
	}
}

func (a *archive) origin(synset, name string) *pipeline.Origin {
	from := &pipeline.Origin{
		Dataset:  a.cfg.Dataset,
		Key:      path.Join(synset, clip(name)),
		Revision: a.file.Fingerprint,
		Licence:  a.cfg.Licence,
	}
	if synset != "" {
		from.Labels = []string{synset}
	}
	return from
}

// damaged skips the rest of an archive as one row.
func (a *archive) damaged(synset string, at int64, err error) pipeline.Result {
	row := pipeline.Drop("damaged-archive", fmt.Sprintf("%s at byte %d: %v", a.file.Name, at, err))
	return filelist.Reference(row, pipeline.Kind_IMAGE, a.origin(synset, fmt.Sprintf("@%d", at)))
}

func (a *archive) row(m member, synset string) pipeline.Result {
	name := strings.TrimPrefix(path.Clean(m.Name), "./")
	if synset == "" { // a tar of folders
		if dir := path.Base(path.Dir(name)); isSynset(dir) {
			synset, name = dir, path.Base(name)
		}
	}
	from := a.origin(synset, name)
	skip := func(reason, detail string) pipeline.Result { // where the name is no good, the offset is the key
		from := a.origin(synset, fmt.Sprintf("@%d", m.from))
		return filelist.Reference(pipeline.Drop(reason, detail), pipeline.Kind_IMAGE, from)
	}
	switch {
	case m.Typeflag != tar.TypeReg:
		return skip("not-a-file", fmt.Sprintf("%q is a link or a device", clip(m.Name)))
	case len(name) > maxName || !fs.ValidPath(name) || !fs.ValidPath(strings.TrimPrefix(m.Name, "./")):
		return skip("bad-name", fmt.Sprintf("%q", clip(m.Name)))
	case synset == "":
		return skip("no-synset", fmt.Sprintf("%q lies in no nXXXXXXXX.tar and no folder nXXXXXXXX", clip(m.Name)))
	case m.Size == 0:
		return filelist.Reference(pipeline.Drop("empty", "the member has no bytes"), pipeline.Kind_IMAGE, from)
	}
	s := filelist.Sample(pipeline.Kind_IMAGE, from)
	s.Image = &pipeline.Image{Member: &pipeline.Member{Path: a.path, Offset: m.from, Size: m.Size}}
	return pipeline.Keep(s)
}

// clip shortens a name for messages and keys, and makes it valid UTF-8.
func clip(name string) string {
	if len(name) > maxName {
		name = name[:maxName]
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}
