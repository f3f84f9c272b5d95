package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/imglish/imglish/store"
)

// record is the object that leads from a URL to the blob that was fetched for it.
type record struct {
	URL    string   `json:"url"`
	Blob   string   `json:"blob"`
	Bytes  int      `json:"bytes"`
	OptOut []string `json:"opt_out,omitempty"` // the words of the site's headers, if the settings ignore them
}

// recordKey is fetched/ab/cd/<SHA-256 of the URL>.
func recordKey(url string) string {
	sum := sha256.Sum256([]byte(url))
	name := hex.EncodeToString(sum[:])
	return "fetched/" + name[:2] + "/" + name[2:4] + "/" + name
}

// lookup finds what was fetched for a URL, or nil. A record that cannot be read, or whose blob is gone, counts as none.
func lookup(ctx context.Context, st store.Store, url string) (*record, error) {
	data, err := st.Get(ctx, recordKey(url))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r record
	if json.Unmarshal(data, &r) != nil || r.URL != url {
		return nil, nil
	}
	if _, err := r.sum(); err != nil {
		return nil, nil
	}
	if there, err := store.UseBlob(ctx, st, r.Blob); err != nil || !there {
		return nil, err
	}
	return &r, nil
}

// remember stores bytes and the record of them. If another process was first, its record counts.
func remember(ctx context.Context, st store.Store, url string, got answer) (*record, error) {
	key, _, err := store.PutBlob(ctx, st, got.data)
	if err != nil {
		return nil, err
	}
	mine := &record{URL: url, Blob: key, Bytes: len(got.data), OptOut: got.optOut}
	data, err := json.Marshal(mine)
	if err != nil {
		return nil, err
	}
	created, err := st.PutIfAbsent(ctx, recordKey(url), data)
	if err != nil || created {
		return mine, err
	}
	first, err := lookup(ctx, st, url)
	if err != nil || first != nil {
		return first, err
	}
	// The record that is there leads nowhere: its blob was removed.
	_, err = st.Put(ctx, recordKey(url), strings.NewReader(string(data)))
	return mine, err
}

// sum is the SHA-256 in the blob's key.
func (r *record) sum() ([]byte, error) {
	name := r.Blob[strings.LastIndexByte(r.Blob, '/')+1:]
	sum, err := hex.DecodeString(name)
	if err != nil || len(sum) != sha256.Size || store.BlobKey([32]byte(sum)) != r.Blob {
		return nil, fmt.Errorf("%q is no blob's key", r.Blob)
	}
	return sum, nil
}
