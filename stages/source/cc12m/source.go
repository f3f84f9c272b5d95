package cc12m

import (
	"context"
	"fmt"
	"strconv"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// Source reads lists of image URLs and captions. It is a pipeline.Source. The place of its cursors is a byte offset.
type Source struct {
	*filelist.Source
}

// New checks the settings. Files are first looked at by Files or Open.
func New(cfg Config) (pipeline.Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source cc12m: %w", err)
	}
	return &Source{&filelist.Source{
		Kind: "cc12m", Name: cfg.Dataset, Distinct: true,
		Paths: func() ([]string, error) { return filelist.Expand(cfg.lists()) },
		Rows: func(path string, file pipeline.File, place string) (filelist.Reader, error) {
			return openList(path, file, place, cfg)
		},
	}}, nil
}

// Find returns the place of a row: its key is a byte offset, its revision the list's fingerprint.
func (s *Source) Find(ctx context.Context, from *pipeline.Origin) (pipeline.Cursor, bool, error) {
	files, err := s.Files(ctx)
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
