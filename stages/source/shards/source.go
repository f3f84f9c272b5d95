package shards

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// Source reads a data set's shards. It is a pipeline.Source.
type Source struct {
	cfg  Config
	data store.Store
	own  store.Store

	mu      sync.Mutex
	imports *imports
}

// New makes the source. data is where the shards are, own is the new line's store.
func New(cfg Config, data, own store.Store) (pipeline.Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source shards: %w", err)
	}
	if data.URL() == own.URL() {
		return nil, fmt.Errorf("source shards: %s is this line's own store: give the new line a data folder of its own", data.URL())
	}
	return &Source{cfg: cfg, data: data, own: own}, nil
}

// Dataset is the source's own name; samples carry that of the data set that they come from.
func (s *Source) Dataset() string { return "shards" }

// Files describes the runs of commits.
func (s *Source) Files(ctx context.Context) ([]pipeline.File, error) {
	runs, err := s.runs(ctx)
	if err != nil {
		return nil, err
	}
	return files(runs), nil
}

func files(runs []run) []pipeline.File {
	out := make([]pipeline.File, len(runs))
	for i, r := range runs {
		out[i] = pipeline.File{Name: r.Name, Size: r.Size, Fingerprint: r.Fingerprint}
	}
	return out
}

func (s *Source) runs(ctx context.Context) ([]run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.imports == nil {
		folder, err := shards.Find(ctx, s.data)
		if err != nil {
			return nil, fmt.Errorf("source shards: %w", err)
		}
		line, _, _, err := folder.Settings(ctx)
		if err != nil {
			return nil, fmt.Errorf("source shards: %w", err)
		}
		s.imports = &imports{folder: folder, line: line.Line, own: s.own}
	}
	runs, err := s.imports.runs(ctx)
	if err != nil {
		return nil, fmt.Errorf("source shards: %w", err)
	}
	return runs, nil
}

// Open reads on behind a cursor. Its place is the number of a commit in its run, a slash, and the seq that comes next.
func (s *Source) Open(ctx context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	runs, err := s.runs(ctx)
	if err != nil {
		return nil, err
	}
	return filelist.Walk(files(runs), after, func(file int, place string) (filelist.Reader, error) {
		return s.open(ctx, runs[file], place)
	})
}

// place is where a run is read on.
type place struct {
	commit int
	seq    int64
}

func (p place) String() string { return fmt.Sprintf("%d/%d", p.commit, p.seq) }

func parsePlace(s string) (p place, err error) {
	if s == "" {
		return place{}, nil
	}
	a, b, ok := strings.Cut(s, "/")
	var err1, err2 error
	p.commit, err1 = strconv.Atoi(a)
	p.seq, err2 = strconv.ParseInt(b, 10, 64)
	if !ok || err1 != nil || err2 != nil || p.commit < 0 || p.seq < 0 {
		return p, fmt.Errorf("cursor place %q is not of the form commit/seq", s)
	}
	return p, nil
}

// damaged is an error that names a shard and what to do.
func damaged(folder shards.Folder, file string, format string, args ...any) error {
	err := fmt.Errorf("%s/%s: %w: %s", folder.URL(), file, shards.ErrDamaged, fmt.Sprintf(format, args...))
	return advise(folder, err)
}

func advise(folder shards.Folder, err error) error {
	if err == nil || !errors.Is(err, shards.ErrDamaged) && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return filelist.Hint(err, "imglish shards verify "+folder.URL()+" says what is wrong with the data set and what to do")
}
