// Package replay is the source of samples that were skipped and are to be taken once more: the lists that
// store/replay keeps. A line whose store has such lists gets this source, with lanes of its own at the end, without a
// word in its graph file.
//
// In: the lists, which are the source's files. Out: the samples as their own source once gave them, with their id, kind
// and reference, in the order of the lists. Start with New. A Source may be used by several goroutines, its rows by one.
package replay

import (
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"sync"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/source/internal/filelist"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
)

// Name is both the kind and the name of the source in a line.
const Name = replay.Source

// Lanes of the source, for ever. It is no setting, since the source stands in no file.
const Lanes = 4

// Config has no settings.
type Config struct{}

// Validate finds nothing wrong.
func (Config) Validate() error { return nil }

// Source reads lists of samples. It is a pipeline.Source.
type Source struct {
	lists replay.Lists

	mu    sync.Mutex
	known []pipeline.File // lists never change
}

// New makes the source over a store.
func New(st store.Store) pipeline.Source { return &Source{lists: replay.Open(st)} }

// Dataset is the source's own name; samples carry that of the data set that they come from.
func (s *Source) Dataset() string { return Name }

// Files describes the lists in their order.
func (s *Source) Files(ctx context.Context) ([]pipeline.File, error) {
	keys, err := s.lists.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys[min(len(s.known), len(keys)):] {
		list, err := s.lists.Read(ctx, key)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", Name, err)
		}
		s.known = append(s.known, pipeline.File{Name: path.Base(key), Size: list.Size, Fingerprint: list.Fingerprint})
	}
	return append([]pipeline.File{}, s.known[:len(keys)]...), nil
}

// Open reads on behind a cursor, whose place is the number of samples read of a list.
func (s *Source) Open(ctx context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	files, err := s.Files(ctx)
	if err != nil {
		return nil, err
	}
	return filelist.Walk(files, after, func(file int, place string) (filelist.Reader, error) {
		return s.open(ctx, files[file], place)
	})
}

// rows reads the samples of one list, which it holds in memory: a few MB.
type rows struct {
	samples []*pipeline.Sample
	next    int
	size    int64
}

func (s *Source) open(ctx context.Context, file pipeline.File, place string) (*rows, error) {
	list, err := s.lists.Read(ctx, "replay/"+file.Name)
	if err != nil {
		return nil, err
	}
	r := &rows{size: list.Size}
	if place != "" {
		if r.next, err = strconv.Atoi(place); err != nil || r.next < 0 || r.next > len(list.Rows) {
			return nil, fmt.Errorf("cursor place %q is no row in a list of %d", place, len(list.Rows))
		}
	}
	if r.samples, err = s.lists.Samples(ctx, list); err != nil {
		return nil, err
	}
	for i, row := range list.Rows {
		replay.Mark(r.samples[i], list.Number, row.Stage)
	}
	return r, nil
}

func (r *rows) Next(context.Context) (pipeline.Result, string, error) {
	if r.next == len(r.samples) {
		return pipeline.Result{}, "", io.EOF
	}
	r.next++
	return pipeline.Keep(r.samples[r.next-1]), strconv.Itoa(r.next), nil
}

// Done is what the samples read so far are of the list's bytes, as if all were of one length.
func (r *rows) Done() int64 { return r.size * int64(r.next) / int64(max(1, len(r.samples))) }

func (r *rows) Close() error { return nil }
