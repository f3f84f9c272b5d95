package store

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// List yields the objects under a prefix in key order, reading one folder at a time.
func (l *Local) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		folder := prefix[:strings.LastIndexByte(prefix, '/')+1] // "" or with its slash
		if folder != "" {
			if err := ValidKey(strings.TrimSuffix(folder, "/")); err != nil {
				yield(Info{}, l.fail("list", prefix, err))
				return
			}
		}
		l.walk(ctx, folder, prefix, yield)
	}
}

// walk yields the objects in a folder ("" or ending in a slash) that begin with prefix. It returns false when done.
func (l *Local) walk(ctx context.Context, folder, prefix string, yield func(Info, error) bool) bool {
	if err := ctx.Err(); err != nil {
		yield(Info{}, l.fail("list", folder, err))
		return false
	}
	entries, err := os.ReadDir(filepath.Join(l.root, filepath.FromSlash(folder)))
	if errors.Is(missing(err), fs.ErrNotExist) {
		return true
	}
	if err != nil {
		yield(Info{}, l.fail("list", folder, err))
		return false
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, ".") {
			continue // the store's own
		}
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 { // a folder may be moved to another disk and linked
			info, err := os.Stat(filepath.Join(l.root, filepath.FromSlash(folder), name))
			if err != nil {
				continue
			}
			mode = info.Mode().Type()
		}
		switch {
		case mode.IsDir():
			names = append(names, name+"/")
		case mode.IsRegular():
			names = append(names, name)
		}
	}
	slices.Sort(names) // with the slash, since "a-b" comes before "a/c" as a key
	for _, name := range names {
		key := folder + name
		if strings.HasSuffix(name, "/") {
			if strings.HasPrefix(key, prefix) || strings.HasPrefix(prefix, key) {
				if !l.walk(ctx, key, prefix, yield) {
					return false
				}
			}
			continue
		}
		if !strings.HasPrefix(key, prefix) || ValidKey(key) != nil {
			continue
		}
		info, err := l.Stat(ctx, key)
		if errors.Is(err, ErrNotFound) {
			continue // it went meanwhile
		}
		if !yield(info, err) || err != nil {
			return false
		}
	}
	return true
}
