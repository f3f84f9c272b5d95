package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"time"
)

// ErrDamaged is returned for an object whose bytes are not those that were written.
var ErrDamaged = errors.New("the bytes do not match their SHA-256")

// BlobKey is the key of the blob with this SHA-256: blobs/ab/cd/<64 hex digits>. Two levels of 256 folders keep each
// small at tens of millions of blobs.
func BlobKey(sum [sha256.Size]byte) string {
	name := hex.EncodeToString(sum[:])
	return "blobs/" + name[:2] + "/" + name[2:4] + "/" + name
}

// blobHash is the SHA-256 in a blob's key, 64 hex digits.
func blobHash(key string) (string, bool) {
	sum, err := hex.DecodeString(path.Base(key))
	if err != nil || len(sum) != sha256.Size || BlobKey([sha256.Size]byte(sum)) != key {
		return "", false
	}
	return path.Base(key), true
}

// BlobAge is how old a blob may be when somebody begins to use it. An older one is written anew, so that gc, which goes
// by age, leaves it to a sample that has just come and whose bytes another one brought long ago.
const BlobAge = 24 * time.Hour

// PutBlob keeps data under the name of its SHA-256. Putting the same bytes again within BlobAge does nothing.
func PutBlob(ctx context.Context, st Store, data []byte) (key string, sum [sha256.Size]byte, err error) {
	sum = sha256.Sum256(data)
	key = BlobKey(sum)
	created, err := st.PutIfAbsent(ctx, key, data)
	if err != nil || created {
		return key, sum, err
	}
	switch info, err := st.Stat(ctx, key); {
	case err != nil && !errors.Is(err, ErrNotFound):
		return key, sum, err
	case err == nil && time.Since(info.Modified) < BlobAge:
		return key, sum, nil
	}
	_, err = st.Put(ctx, key, bytes.NewReader(data)) // the same bytes: who reads it meanwhile reads one or the other
	return key, sum, err
}

// UseBlob says whether a blob is there to be used, writing it anew if it is older than BlobAge. It compares no bytes.
func UseBlob(ctx context.Context, st Store, key string) (there bool, err error) {
	info, err := st.Stat(ctx, key)
	if err == nil && time.Since(info.Modified) >= BlobAge {
		var data []byte
		if data, err = GetBlob(ctx, st, key); err == nil {
			_, err = st.Put(ctx, key, bytes.NewReader(data))
		}
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrDamaged) {
		return false, nil
	}
	return err == nil, err
}

// GetBlob reads a blob and compares it with the SHA-256 in its key. The error wraps ErrNotFound or ErrDamaged.
func GetBlob(ctx context.Context, st Store, key string) ([]byte, error) {
	want, ok := blobHash(key)
	if !ok {
		return nil, &Error{Op: "get blob", URL: st.URL(), Key: key, Err: errors.New("not a blob's key")}
	}
	data, err := st.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != want {
		return nil, &Error{Op: "get blob", URL: st.URL(), Key: key, Err: fmt.Errorf("%w (they have %x)", ErrDamaged, got)}
	}
	return data, nil
}
