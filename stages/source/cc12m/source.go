package cc12m

import (
	"context"
	"fmt"
	"strconv"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// Source reads lists of image URLs and captions. It is a pipeline.Source.
type Source struct {
	cfg  Config
	list filelist.List
}

// New checks the settings. Files are first looked at by Files or Open.
func New(cfg Config) (pipeline.Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source cc12m: %w", err)
	}
	return &Source{cfg: cfg}, nil
}

// Dataset is the name that samples carry.
func (s *Source) Dataset() string { return s.cfg.Dataset }

// Files describes the lists in their order.
func (s *Source) Files(ctx context.Context) ([]pipeline.File, error) {
	_, files, err := s.files(ctx)
	return files, err
}

func (s *Source) files(ctx context.Context) ([]string, []pipeline.File, error) {
	patterns := s.cfg.Lists
	if s.cfg.List != "" {
		patterns = []string{s.cfg.List}
	}
	paths, err := filelist.Expand(patterns)
	if err != nil {
		return nil, nil, fmt.Errorf("source cc12m: %w", err)
	}
	files, err := s.list.Describe(ctx, paths, filelist.Describe)
	if err == nil {
		err = filelist.Distinct(files)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("source cc12m: %w", err)
	}
	return paths, files, nil
}

// Open reads on behind a cursor whose place is a byte offset.
func (s *Source) Open(ctx context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	paths, files, err := s.files(ctx)
	if err != nil {
		return nil, err
	}
	return filelist.Walk(files, after, func(file int, place string) (filelist.Reader, error) {
		return openList(paths[file], files[file], place, s.cfg)
	})
}

// Find returns the place of a row: its key is a byte offset, its revision the list's fingerprint.
func (s *Source) Find(ctx context.Context, from *pipeline.Origin) (pipeline.Cursor, bool, error) {
	_, files, err := s.files(ctx)
	if err != nil {
		return pipeline.Cursor{}, false, err
	}
	for i, f := range files {
		offset, err := strconv.ParseInt(from.GetKey(), 10, 64)
		if f.Fingerprint == from.GetRevision() && err == nil && offset >= 0 && offset < f.Size {
			return pipeline.Cursor{File: i, Place: from.GetKey()}, true, nil
		}
	}
	return pipeline.Cursor{}, false, nil
}
