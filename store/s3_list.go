package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// List yields the objects under a prefix in key order, a thousand a request. Behind a failed request it goes on behind
// the last key that came.
func (s *S3) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := errors.Join(ctx.Err(), s.reach(ctx)); err != nil {
			yield(Info{}, s.fail("list", prefix, err))
			return
		}
		for last, more := "", true; more; {
			err := s.try(ctx, func(int) (err error) {
				before := last
				last, more, err = s.listFrom(ctx, prefix, last, yield)
				if err != nil && transient(err) && last > before {
					more, err = true, nil // patience begins anew with every key
				}
				return err
			})
			if err != nil {
				yield(Info{}, s.fail("list", prefix, err))
				return
			}
		}
	}
}

// listFrom yields what is behind a key ("" for all) until an error. more is false when there is no more to do.
func (s *S3) listFrom(ctx context.Context, prefix, last string, yield func(Info, error) bool) (_ string, more bool, err error) {
	o := minio.ListObjectsOptions{Prefix: s.prefix + prefix, Recursive: true, StartAfter: last}
	for object := range s.api.ListObjectsIter(ctx, s.bucket, o) {
		if object.Err != nil {
			return last, true, object.Err
		}
		// Directory buckets and a few servers list as it comes; ranges would seem to be missing.
		if object.Key < last {
			return last, true, fmt.Errorf("%w: %q behind %q", errOrder, object.Key, last)
		}
		last = object.Key
		key := strings.TrimPrefix(object.Key, s.prefix)
		if ValidKey(key) != nil {
			continue // the store's own, or of a program that makes folders
		}
		if !yield(Info{Key: key, Size: object.Size, Modified: object.LastModified}, nil) {
			return last, false, nil
		}
	}
	return last, false, ctx.Err()
}

// Remains are what a write that was broken off has left: parts of an upload that nobody sees and somebody pays for.
type Remains struct {
	Key   string    // of the object that it was to become
	Since time.Time // when the upload began
	Bytes int64     // of its parts
	id    string
}

// Remains lists the uploads under the store's prefix that are not finished, those under way included.
func (s *S3) Remains(ctx context.Context) ([]Remains, error) {
	if err := s.reach(ctx); err != nil {
		return nil, s.fail("list uploads", "", err)
	}
	var out []Remains
	var key, id string
	for {
		var page minio.ListMultipartUploadsResult
		err := s.try(ctx, func(int) (err error) {
			page, err = s.api.ListMultipartUploads(ctx, s.bucket, s.prefix, key, id, "", 1000)
			return err
		})
		if err != nil {
			return nil, s.fail("list uploads", "", err)
		}
		for _, u := range page.Uploads {
			if name, ours := strings.CutPrefix(u.Key, s.prefix); ours && ValidKey(name) == nil {
				r := Remains{Key: name, Since: u.Initiated, id: u.UploadID}
				if r.Bytes, err = s.uploaded(ctx, u.Key, u.UploadID); err != nil {
					return nil, s.fail("list parts", name, err)
				}
				out = append(out, r)
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == key && page.NextUploadIDMarker == id {
			return out, nil
		}
		key, id = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// uploaded is how many bytes the parts of an upload have; none if it is finished meanwhile.
func (s *S3) uploaded(ctx context.Context, object, id string) (size int64, err error) {
	for part := 0; ; {
		var page minio.ListObjectPartsResult
		err := s.try(ctx, func(int) (err error) {
			page, err = s.api.ListObjectParts(ctx, s.bucket, object, id, part, 1000)
			return err
		})
		if code(err) == "NoSuchUpload" {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		for _, p := range page.ObjectParts {
			size += p.Size
		}
		if !page.IsTruncated || page.NextPartNumberMarker <= part {
			return size, nil
		}
		part = page.NextPartNumberMarker
	}
}

// Clear removes such remains. An upload that is under way fails by it.
func (s *S3) Clear(ctx context.Context, r Remains) error {
	if err := s.abort(ctx, s.prefix+r.Key, r.id); err != nil {
		return s.fail("abort upload", r.Key, err)
	}
	return nil
}
