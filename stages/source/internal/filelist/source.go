package filelist

import (
	"context"
	"fmt"

	"github.com/imglish/imglish/pipeline"
)

// Source is a pipeline.Source of local files: which paths, how one is described, and how its rows are read.
type Source struct {
	Kind string // for messages
	Name string // that samples carry
	// Paths lists the files and folders in their fixed order.
	Paths func() ([]string, error)
	// Fingerprint describes one of them; nil stands for Describe.
	Fingerprint func(path string) (pipeline.File, error)
	// Distinct refuses two files of the same content.
	Distinct bool
	// Rows reads one file behind a place in the source's own notation; an empty place is its start.
	Rows func(path string, file pipeline.File, place string) (Reader, error)

	list List
}

// Dataset is the name that samples carry.
func (s *Source) Dataset() string { return s.Name }

// Files describes the files in their order.
func (s *Source) Files(ctx context.Context) ([]pipeline.File, error) {
	_, files, err := s.describe(ctx)
	return files, err
}

func (s *Source) describe(ctx context.Context) ([]string, []pipeline.File, error) {
	fingerprint := s.Fingerprint
	if fingerprint == nil {
		fingerprint = Describe
	}
	paths, err := s.Paths()
	if err != nil {
		return nil, nil, fmt.Errorf("source %s: %w", s.Kind, err)
	}
	files, err := s.list.Describe(ctx, paths, fingerprint)
	if err == nil && s.Distinct {
		err = Distinct(files)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("source %s: %w", s.Kind, err)
	}
	return paths, files, nil
}

// Open reads rows from behind a cursor.
func (s *Source) Open(ctx context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	paths, files, err := s.describe(ctx)
	if err != nil {
		return nil, err
	}
	return Walk(files, after, func(i int, place string) (Reader, error) { return s.Rows(paths[i], files[i], place) })
}
