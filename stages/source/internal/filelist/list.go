package filelist

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sourcegraph/conc/pool"

	"github.com/imglish/imglish/pipeline"
)

// describers bounds how many files are looked at together: enough to hide the latency of a network disk.
const describers = 8

// Expand turns paths and glob patterns into paths. The order is the given one; what a pattern matches is sorted. A
// pattern that matches nothing and a path that comes twice are errors.
func Expand(patterns []string) ([]string, error) {
	var out []string
	for _, p := range patterns {
		matches := []string{p}
		if strings.ContainsAny(p, "*?[") {
			if _, err := os.Lstat(p); err != nil { // a file may be named like a pattern
				if matches, err = filepath.Glob(p); err != nil {
					return nil, fmt.Errorf("pattern %q: %w", p, err)
				}
				if len(matches) == 0 {
					return nil, Hint(fmt.Errorf("no file matches %q", p), "check the path, and the folder that imglish runs in")
				}
				slices.Sort(matches)
			}
		}
		for _, m := range matches {
			m, err := filepath.Abs(m)
			if err != nil {
				return nil, err
			}
			if slices.Contains(out, m) {
				return nil, fmt.Errorf("%s is listed twice", m)
			}
			out = append(out, m)
		}
	}
	return out, nil
}

// List describes files and remembers what it saw, so that looking again costs one stat a file. The zero value is ready.
type List struct {
	mu   sync.Mutex
	seen map[string]seen
}

type seen struct {
	size int64
	mod  time.Time
	file pipeline.File
}

// Describe takes all files' fingerprints, in order. Two files of one name are refused, since a name is what people
// know a file by.
func (l *List) Describe(ctx context.Context, paths []string, describe func(path string) (pipeline.File, error)) ([]pipeline.File, error) {
	names := make(map[string]string, len(paths))
	for _, p := range paths {
		if other, twice := names[filepath.Base(p)]; twice {
			return nil, fmt.Errorf("%s and %s have the same name", other, p)
		}
		names[filepath.Base(p)] = p
	}
	out := make([]pipeline.File, len(paths))
	work := pool.New().WithMaxGoroutines(describers).WithContext(ctx).WithCancelOnError().WithFirstError()
	for i, p := range paths {
		work.Go(func(ctx context.Context) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			f, err := l.one(p, describe)
			out[i] = f
			return err
		})
	}
	if err := work.Wait(); err != nil {
		return nil, err
	}
	return out, nil
}

func (l *List) one(path string, describe func(string) (pipeline.File, error)) (pipeline.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return pipeline.File{}, err
	}
	l.mu.Lock()
	s, ok := l.seen[path]
	l.mu.Unlock()
	if ok && s.size == st.Size() && s.mod.Equal(st.ModTime()) {
		return s.file, nil
	}
	f, err := describe(path)
	if err != nil {
		return pipeline.File{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]seen{}
	}
	l.seen[path] = seen{st.Size(), st.ModTime(), f}
	return f, nil
}

// Distinct refuses two files of the same content, which would give the same rows twice.
func Distinct(list []pipeline.File) error {
	first := make(map[string]string, len(list))
	for _, f := range list {
		if f.Size == 0 {
			continue
		}
		if other, twice := first[f.Fingerprint]; twice {
			return fmt.Errorf("%s and %s are the same file", other, f.Name)
		}
		first[f.Fingerprint] = f.Name
	}
	return nil
}
