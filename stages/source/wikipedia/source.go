package wikipedia

import (
	"fmt"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
)

// New checks the settings and makes the source, which reads dumps. Files are first looked at by its Files or Open. The
// place of its cursors is the offset of a compressed stream in the file, a plus sign, and how many decompressed bytes
// behind that stream's start the last row ended.
func New(cfg Config) (pipeline.Source, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source wikipedia: %w", err)
	}
	return &filelist.Source{
		Kind: "wikipedia", Name: cfg.Dataset, Distinct: true,
		Paths: func() ([]string, error) { return filelist.Expand(cfg.dumps()) },
		Rows: func(path string, file pipeline.File, place string) (filelist.Reader, error) {
			return openDump(path, file, place, cfg)
		},
	}, nil
}
