package gc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// Config says what may go.
type Config struct {
	Grace time.Duration // nothing younger goes
	Blobs time.Duration // blobs of committed samples go when they are older; 0 keeps them for ever
}

// Defaults are a day of grace, and blobs for ever.
func Defaults() Config { return Config{Grace: 24 * time.Hour} }

// MinBlobs is the shortest retention of blobs: a sample under way may rest on a blob that is a day older than itself.
const MinBlobs = 2 * store.BlobAge

// Validate tells what cannot be meant.
func (c Config) Validate() error {
	switch {
	case c.Grace < 0:
		return fmt.Errorf("a grace of %s: want a time such as 24h", c.Grace)
	case c.Blobs != 0 && c.Blobs < MinBlobs:
		return fmt.Errorf("blobs kept for %s: want at least %s, or 0 to keep them for ever: samples under way need theirs", c.Blobs, MinBlobs)
	}
	return nil
}

// Kind is what was collected.
type Kind string

const (
	Files   Kind = "shard files" // that no commit names
	Uploads Kind = "uploads"     // that nobody finished
	Blobs   Kind = "blobs"       // of committed samples
)

// Kinds lists them in the order of the report.
var Kinds = []Kind{Files, Uploads, Blobs}

// Count is how many objects, with how many bytes.
type Count struct {
	Objects int64 `json:"objects"`
	Bytes   int64 `json:"bytes"`
}

func (c *Count) add(size int64) { c.Objects, c.Bytes = c.Objects+1, c.Bytes+size }

// Report is what Collect found, and removed if it was told to.
type Report struct {
	URL     string         `json:"url"`
	Removed bool           `json:"removed"` // false: a dry run
	Free    map[Kind]Count `json:"free"`    // what goes
	Young   map[Kind]Count `json:"young"`   // what would go if it were older
}

// uploads is what a store has whose writes can break off half done elsewhere than on this machine.
type uploads interface {
	Remains(ctx context.Context) ([]store.Remains, error)
	Clear(ctx context.Context, r store.Remains) error
}

type collector struct {
	ctx      context.Context
	st       store.Store
	folder   shards.Folder
	config   Config
	remove   bool
	now      time.Time
	progress func(done, total int64, note string)
	report   *Report
}

// Collect finds what a store holds for nothing and, if remove is set, removes it. progress may be nil. Broken off, it has
// removed some of it and nothing else; the report says what so far.
func Collect(ctx context.Context, st store.Store, config Config, remove bool, progress func(done, total int64, note string)) (*Report, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(int64, int64, string) {}
	}
	c := &collector{ctx: ctx, st: st, config: config, remove: remove, now: time.Now(), progress: progress,
		report: &Report{URL: st.URL(), Removed: remove, Free: map[Kind]Count{}, Young: map[Kind]Count{}}}
	// A folder that is not a line's might be anybody's.
	var err error
	if c.folder, err = shards.Find(ctx, st); err != nil {
		return nil, err
	}
	for _, step := range []func() error{c.files, c.uploads, c.blobs} {
		if err := step(); err != nil {
			return c.report, err
		}
	}
	return c.report, nil
}

func (c *collector) count(kind Kind, young bool, size int64) {
	into := c.report.Free
	if young {
		into = c.report.Young
	}
	n := into[kind]
	n.add(size)
	into[kind] = n
}

func (c *collector) young(at time.Time, age time.Duration) bool { return c.now.Sub(at) < age }

// files collects the files that no commit names.
func (c *collector) files() error {
	for info, err := range c.folder.Loose(c.ctx, c.progress) {
		if err != nil {
			return fmt.Errorf("look for files that no commit names: %w", err)
		}
		young := c.young(info.Modified, c.config.Grace)
		if !young && c.remove {
			gone, err := c.removeFile(info.Key)
			if err != nil {
				return fmt.Errorf("remove %s: %w", info.Key, err)
			}
			if !gone {
				continue
			}
		}
		c.count(Files, young, info.Size)
		c.progress(c.report.Free[Files].Objects, 0, "files that no commit names")
	}
	return nil
}

// removeFile removes a file, unless its writer is at work again or its commit has come meanwhile.
func (c *collector) removeFile(key string) (gone bool, err error) {
	data, err := c.st.Get(c.ctx, key)
	if err != nil {
		return false, ignoreMissing(err)
	}
	info, err := c.st.Stat(c.ctx, key)
	if err != nil || c.young(info.Modified, c.config.Grace) {
		return false, ignoreMissing(err)
	}
	if named, err := c.folder.Names(c.ctx, key); err != nil || named {
		return false, err
	}
	if err := c.st.Delete(c.ctx, key); err != nil {
		return false, err
	}
	// From here on the file is gone and a writer may have committed it in between: not even Ctrl-C may come first.
	ctx := context.WithoutCancel(c.ctx)
	named, err := c.folder.Names(ctx, key)
	if err == nil && !named {
		return true, nil
	}
	_, back := c.st.Put(ctx, key, bytes.NewReader(data))
	return false, errors.Join(err, back)
}

func ignoreMissing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// uploads collects uploads that nobody finished.
func (c *collector) uploads() error {
	u, ok := store.As[uploads](c.st)
	if !ok {
		return nil
	}
	left, err := u.Remains(c.ctx)
	if err != nil {
		return err
	}
	for i, r := range left {
		young := c.young(r.Since, c.config.Grace)
		if !young && c.remove {
			if err := u.Clear(c.ctx, r); err != nil {
				return err
			}
		}
		c.count(Uploads, young, r.Bytes)
		c.progress(int64(i+1), int64(len(left)), "unfinished uploads")
	}
	return nil
}
