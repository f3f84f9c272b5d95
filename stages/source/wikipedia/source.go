package wikipedia

import (
	"context"
	"fmt"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// Source reads dumps. It is a pipeline.Source.
type Source struct {
	cfg  Config
	list filelist.List
}

// New checks the settings. Files are first looked at by Files or Open.
func New(cfg Config) (pipeline.Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source wikipedia: %w", err)
	}
	return &Source{cfg: cfg}, nil
}

// Dataset is the name that samples carry.
func (s *Source) Dataset() string { return s.cfg.Dataset }

// Files describes the dump files in their order.
func (s *Source) Files(ctx context.Context) ([]pipeline.File, error) {
	_, files, err := s.files(ctx)
	return files, err
}

func (s *Source) files(ctx context.Context) ([]string, []pipeline.File, error) {
	patterns := s.cfg.Dumps
	if s.cfg.Dump != "" {
		patterns = []string{s.cfg.Dump}
	}
	paths, err := filelist.Expand(patterns)
	if err != nil {
		return nil, nil, fmt.Errorf("source wikipedia: %w", err)
	}
	files, err := s.list.Describe(ctx, paths, filelist.Describe)
	if err == nil {
		err = filelist.Distinct(files)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("source wikipedia: %w", err)
	}
	return paths, files, nil
}

// Open reads on behind a cursor. Its place is the offset of a compressed stream in the file, a plus sign, and how many
// decompressed bytes behind that stream's start the last row ended.
func (s *Source) Open(ctx context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	paths, files, err := s.files(ctx)
	if err != nil {
		return nil, err
	}
	return filelist.Walk(files, after, func(file int, place string) (filelist.Reader, error) {
		return openDump(paths[file], files[file], place, s.cfg)
	})
}
