package shards

import (
	"context"
	"errors"

	"github.com/imglish/imglish/store"
)

// Owner is the line that the folder belongs to, a UUID; ok is false if it belongs to none yet.
func (f Folder) Owner(ctx context.Context) (line string, ok bool, err error) {
	l, err := setting[Line](ctx, f, lineKey)
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	return l.Line, err == nil, err
}

// Forget gives the folder to a line, a UUID, and removes all commits of others, the manifest and what the shards were
// pinned to: ranges and tokenizers are free to choose again. From its first step on no commit of another line counts,
// also none that a process which has not heard of it still writes. Doing it again, behind a crash, finishes it. Files
// stay until gc removes what no commit names.
func (f Folder) Forget(ctx context.Context, line string) error {
	if err := f.putJSON(ctx, lineKey, Line{Schema: Schema, Line: line}); err != nil {
		return err
	}
	found, err := f.commits(ctx, "")
	if err != nil {
		return err
	}
	for _, info := range found {
		if err := f.Store.Delete(ctx, info.Key); err != nil {
			return err
		}
	}
	for _, key := range []string{ManifestKey, visualKey, textualKey} {
		if err := f.Store.Delete(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
