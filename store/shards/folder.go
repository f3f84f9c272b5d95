package shards

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imglish/imglish/store"
)

// Folder is the place of one line's shards: a store, in which they lie beside the blobs.
type Folder struct {
	Store store.Store
}

// In is the folder of shards in a store; it need not hold any yet.
func In(st store.Store) Folder { return Folder{Store: st} }

// Find is the folder of a store that holds shards. The error wraps ErrNoShards if it holds none.
func Find(ctx context.Context, st store.Store) (Folder, error) {
	_, err := st.Stat(ctx, lineKey)
	if errors.Is(err, store.ErrNotFound) {
		return Folder{}, &hinted{fmt.Errorf("%s: %w", st.URL(), ErrNoShards), "give the data folder of a line that has run"}
	}
	if err != nil {
		return Folder{}, err
	}
	return In(st), nil
}

// URL says where the folder is.
func (f Folder) URL() string { return f.Store.URL() }

// Put stores a finished file. Doing it again changes nothing.
func (f Folder) Put(ctx context.Context, file File, content io.Reader) error {
	info, err := f.Store.Put(ctx, file.Key, content)
	if err != nil {
		return err
	}
	if info.Size != file.Bytes {
		return fmt.Errorf("put %s: %d bytes arrived, want %d", file.Key, info.Size, file.Bytes)
	}
	return nil
}

// Commit makes a range count. The first commit of a range wins: won says whether it was this one, and the commit that
// stands is returned.
func (f Folder) Commit(ctx context.Context, c Commit) (stands *Commit, won bool, err error) {
	c.Schema = Schema
	key := c.Key()
	if err := c.check(key); err != nil {
		return nil, false, fmt.Errorf("commit %s: %w", key, err)
	}
	won, err = f.Store.PutIfAbsent(ctx, key, c.encode())
	if err != nil || won {
		return &c, won, err
	}
	if stands, err = f.readCommit(ctx, key); err != nil || stands.Line == c.Line {
		return stands, false, err
	}
	if owner, ok, err := f.Owner(ctx); err != nil || !ok || owner != c.Line {
		return stands, false, err
	}
	// A process has written it that has not heard of a reset. It counts for nobody.
	_, err = f.Store.Put(ctx, key, bytes.NewReader(c.encode()))
	return &c, err == nil, err
}

func (f Folder) readCommit(ctx context.Context, key string) (*Commit, error) {
	data, err := f.getSmall(ctx, key, maxCommitBytes)
	if err != nil {
		return nil, err
	}
	return DecodeCommit(key, data)
}

// getSmall reads an object that is not larger than it may be.
func (f Folder) getSmall(ctx context.Context, key string, most int64) ([]byte, error) {
	info, err := f.Store.Stat(ctx, key)
	if err != nil {
		return nil, err
	}
	if info.Size > most {
		return nil, fmt.Errorf("%s/%s: %d bytes, at most %d are taken: %w", f.URL(), key, info.Size, most, ErrDamaged)
	}
	return f.Store.Get(ctx, key)
}

// Keys of the settings that a line's shards were begun with.
const (
	lineKey    = "line.json"
	visualKey  = "visual.json"
	textualKey = "text.json"

	maxSettingBytes = 64 << 10
)

// Line are the settings that make ranges the same on every run. A range ends behind Range seq, behind the last record of
// a source file, and behind the sample with which it passes Bytes.
type Line struct {
	Schema int    `json:"schema"`
	Line   string `json:"line"`  // UUID
	Range  int    `json:"range"` // seq a range
	Bytes  int64  `json:"bytes"` // of samples a range, as the log holds them; 0 for no limit
}

// Pin holds the folder to a line and its tokenizers: the first caller's are written down, later ones are compared. A
// tokenizer with an empty fingerprint is not used and not compared. The error wraps ErrMismatch if one differs.
//
// Bytes is different: it follows from how much a log may hold, and that may grow. The first one stands and is returned;
// a smaller one is a mismatch.
func (f Folder) Pin(ctx context.Context, line Line, visual Visual, text Textual) (bytes int64, err error) {
	line.Schema = Schema
	stands, err := pin(ctx, f, lineKey, line)
	if err != nil {
		return 0, err
	}
	if stands == (Line{Schema: Schema, Line: line.Line}) { // as Forget leaves it
		if err := f.putJSON(ctx, lineKey, line); err != nil {
			return 0, err
		}
		stands = line
	}
	bytes = stands.Bytes
	if line.Bytes == 0 || bytes > 0 && bytes < line.Bytes {
		line.Bytes = bytes
	}
	if err := same(f, lineKey, stands, line, "a line's shards are its own: take another data folder, or the settings that it was begun with"); err != nil {
		return 0, err
	}
	const hint = "use the tokenizer that the shards were made with, or another data folder"
	if visual.Fingerprint != "" {
		stands, err := pin(ctx, f, visualKey, visual)
		if err == nil {
			err = same(f, visualKey, stands, visual, hint)
		}
		if err != nil {
			return 0, err
		}
	}
	if text.Fingerprint != "" {
		stands, err := pin(ctx, f, textualKey, text)
		if err == nil {
			err = same(f, textualKey, stands, text, hint)
		}
		if err != nil {
			return 0, err
		}
	}
	return bytes, nil
}

// pin writes a setting down unless it is there, and returns the one that stands.
func pin[T any](ctx context.Context, f Folder, key string, want T) (stands T, err error) {
	data, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		return stands, fmt.Errorf("marshal %s: %w", key, err)
	}
	created, err := f.Store.PutIfAbsent(ctx, key, append(data, '\n'))
	if err != nil || created {
		return want, err
	}
	return setting[T](ctx, f, key)
}

// putJSON writes a setting over the one that is there.
func (f Folder) putJSON(ctx context.Context, key string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err == nil {
		_, err = f.Store.Put(ctx, key, bytes.NewReader(append(data, '\n')))
	}
	return err
}

func same[T comparable](f Folder, key string, stands, want T, hint string) error {
	if stands == want {
		return nil
	}
	return &hinted{fmt.Errorf("%s/%s has %+v, this run has %+v: %w", f.URL(), key, stands, want, ErrMismatch), hint}
}

func setting[T any](ctx context.Context, f Folder, key string) (T, error) {
	var v T
	data, err := f.getSmall(ctx, key, maxSettingBytes)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%s/%s: %w: %w", f.URL(), key, ErrDamaged, err)
	}
	return v, nil
}

// Settings reads what Pin wrote. Tokenizers that were never used are zero.
func (f Folder) Settings(ctx context.Context) (line Line, visual Visual, text Textual, err error) {
	if line, err = setting[Line](ctx, f, lineKey); err != nil {
		return line, visual, text, err
	}
	if line.Schema != Schema {
		return line, visual, text, fmt.Errorf("%s/%s: schema %d, this program reads %d", f.URL(), lineKey, line.Schema, Schema)
	}
	if visual, err = setting[Visual](ctx, f, visualKey); err != nil && !errors.Is(err, store.ErrNotFound) {
		return line, visual, text, err
	}
	if text, err = setting[Textual](ctx, f, textualKey); err != nil && !errors.Is(err, store.ErrNotFound) {
		return line, visual, text, err
	}
	return line, visual, text, nil
}
