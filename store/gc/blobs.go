package gc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

// blobs collects old blobs that committed rows name. It holds the hashes of all old blobs in memory, about 100 bytes
// each.
func (c *collector) blobs() error {
	if c.config.Blobs == 0 {
		return nil
	}
	old := map[[sha256.Size]byte]int64{} // bytes
	listed := int64(0)
	for info, err := range c.st.List(c.ctx, "blobs/") {
		if err != nil {
			return fmt.Errorf("list blobs: %w", err)
		}
		var sum [sha256.Size]byte
		name := path.Base(info.Key)
		if n, err := hex.Decode(sum[:], []byte(name[:min(len(name), 2*len(sum))])); n != len(sum) || err != nil || store.BlobKey(sum) != info.Key {
			continue // not a blob's name
		}
		if !c.young(info.Modified, c.config.Blobs) {
			old[sum] = info.Size
		}
		listed++
		c.progress(listed, 0, "blobs listed")
	}
	if len(old) == 0 {
		return nil
	}
	files := int64(0)
	for commit, err := range c.folder.Each(c.ctx) {
		if err != nil {
			return err
		}
		for _, file := range commit.Files {
			if file.Kind != shards.Image && file.Kind != shards.Pair {
				continue
			}
			if err := c.committed(file, old); err != nil {
				return fmt.Errorf("read which blobs %s names: %w", file.Key, err)
			}
			files++
			c.progress(files, 0, "files read for the blobs that they name")
		}
	}
	return nil
}

// committed collects the old blobs that the rows of a file name, and takes them out of old.
func (c *collector) committed(file shards.File, old map[[sha256.Size]byte]int64) error {
	type column struct {
		SHA256 [sha256.Size]byte `parquet:"sha256"`
	}
	r, err := shards.OpenFile[column](c.ctx, c.folder, file)
	if err != nil {
		return err
	}
	defer r.Close()
	rows := make([]column, shards.DefaultRowGroup)
	for at := 0; at < r.Len(); at += len(rows) {
		rows = rows[:min(len(rows), r.Len()-at)]
		if err := r.At(at, rows); err != nil {
			return err
		}
		for _, row := range rows {
			size, isOld := old[row.SHA256]
			if !isOld {
				continue
			}
			delete(old, row.SHA256)
			if c.remove {
				key := store.BlobKey(row.SHA256)
				// A sample that shares it may have come since the list, and has written it anew.
				info, err := c.st.Stat(c.ctx, key)
				if err != nil || c.young(info.Modified, c.config.Blobs) {
					if err = ignoreMissing(err); err != nil {
						return err
					}
					continue
				}
				if err := c.st.Delete(c.ctx, key); err != nil {
					return err
				}
			}
			c.count(Blobs, false, size)
		}
	}
	return nil
}
