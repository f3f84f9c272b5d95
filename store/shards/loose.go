package shards

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/imglish/imglish/store"
)

// Loose yields the files of shards that no commit names, whoever the commit's line is. A file whose range has no commit
// yet may be one of a range that is being written. A commit that cannot be read is an error: it may name any of them.
// progress may be nil; it is told of commits.
func (f Folder) Loose(ctx context.Context, progress func(done, total int64, note string)) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		named, err := f.named(ctx, progress)
		if err != nil {
			yield(store.Info{}, err)
			return
		}
		for _, kind := range Kinds {
			for info, err := range f.Store.List(ctx, string(kind)+"/") {
				if err != nil {
					yield(store.Info{}, err)
					return
				}
				if _, ours := commitOf(info.Key); ours && !named[info.Key] && !yield(info, nil) {
					return
				}
			}
		}
	}
}

// named are the keys that commits name.
func (f Folder) named(ctx context.Context, progress func(done, total int64, note string)) (map[string]bool, error) {
	found, err := f.commits(ctx, "")
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	read := f.ahead(ctx, found, func(store.Info) bool { return true })
	for i := range found {
		c, err := read(i)
		if err != nil {
			return nil, err
		}
		for _, file := range c.Files {
			named[file.Key] = true
		}
		if progress != nil {
			progress(int64(i+1), int64(len(found)), "commits")
		}
	}
	return named, nil
}

// Names reports whether the commit of a file's range is there and names the file.
func (f Folder) Names(ctx context.Context, file string) (bool, error) {
	key, ours := commitOf(file)
	if !ours {
		return false, fmt.Errorf("%s/%s is no file of shards", f.URL(), file)
	}
	c, err := f.readCommit(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, named := range c.Files {
		if named.Key == file {
			return true, nil
		}
	}
	return false, nil
}

// commitOf is the key of the commit of a file's range; ok is false for what is not a name that a Writer gives.
func commitOf(file string) (commit string, ok bool) {
	kind, rest, _ := strings.Cut(file, "/")
	base, isFile := strings.CutSuffix(rest, ".parquet")
	at := strings.LastIndexByte(base, '-')
	if !isFile || at < 0 || strings.ContainsRune(rest, '/') {
		return "", false
	}
	lane, from, to, ok := parseRange(base[:at], "")
	if !ok || len(base)-at-1 != 8 || fileKey(Kind(kind), lane, from, to, base[at+1:]) != file {
		return "", false
	}
	c := Commit{Lane: lane, From: from, To: to}
	return c.Key(), true
}
