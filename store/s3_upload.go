package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/sourcegraph/conc"
)

const (
	partsAtOnce = 3     // of an upload: in memory, and on the line
	maxParts    = 10000 // what S3 takes
)

var errTooLarge = errors.New("the object is larger than an upload of 10,000 parts: set a larger part_mb in the store's URL")

// upload puts an object in parts. Until it is completed, and if it never is, nobody sees it; it is aborted on an error,
// and gc aborts those whose process died.
func (s *S3) upload(ctx context.Context, key string, first []byte, rest io.Reader) (size int64, err error) {
	mark := newMark()
	id, err := s.beginUpload(ctx, key, mark)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err == nil {
			return
		}
		// Also when ctx is done, and not for long: what stays costs room, not correctness.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = s.abort(ctx, s.prefix+key, id)
	}()
	parts, crc, size, err := s.sendParts(ctx, key, id, first, rest)
	if err != nil {
		return 0, err
	}
	return size, s.complete(ctx, key, id, mark, parts, crc)
}

func (s *S3) beginUpload(ctx context.Context, key, mark string) (id string, err error) {
	err = s.try(ctx, func(int) (err error) {
		o := minio.PutObjectOptions{UserMetadata: map[string]string{markHeader: mark}}
		if !s.plainUploads.Load() {
			o.UserMetadata["x-amz-checksum-algorithm"], o.UserMetadata["x-amz-checksum-type"] = "CRC32C", "FULL_OBJECT"
		}
		id, err = s.api.NewMultipartUpload(ctx, s.bucket, s.prefix+key, o)
		var answer minio.ErrorResponse
		if errors.As(err, &answer) && (answer.StatusCode == http.StatusBadRequest || answer.StatusCode == http.StatusNotImplemented) && !s.plainUploads.Swap(true) {
			// A server that knows no checksum of the whole. Its parts are still compared, by their SHA-256.
			delete(o.UserMetadata, "x-amz-checksum-algorithm")
			delete(o.UserMetadata, "x-amz-checksum-type")
			id, err = s.api.NewMultipartUpload(ctx, s.bucket, s.prefix+key, o)
		}
		return err
	})
	return id, err
}

// sendParts reads and sends parts, partsAtOnce side by side, and returns the CRC32C of the whole.
func (s *S3) sendParts(ctx context.Context, key, id string, part []byte, rest io.Reader) (parts []minio.CompletePart, crc uint32, size int64, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var (
		mu   sync.Mutex
		wg   conc.WaitGroup
		room = make(chan struct{}, partsAtOnce) // a part is read when one of those before is through
	)
	for n := 1; ; n++ {
		if n > maxParts {
			stop(errTooLarge)
			break
		}
		room <- struct{}{}
		crc, size = crc32.Update(crc, castagnoli, part), size+int64(len(part))
		mu.Lock()
		parts = append(parts, minio.CompletePart{})
		mu.Unlock()
		data := part
		wg.Go(func() {
			defer func() { <-room }()
			sent, err := s.sendPart(ctx, key, id, n, data)
			if err != nil {
				stop(err) // the first cause counts
				return
			}
			mu.Lock()
			parts[n-1] = sent
			mu.Unlock()
		})
		if int64(len(part)) < s.part {
			break
		}
		if part, err = readPart(contextReader{ctx, rest}, s.part, s.part); err != nil {
			stop(err)
			break
		}
		if len(part) == 0 {
			break
		}
	}
	wg.Wait()
	return parts, crc, size, context.Cause(ctx)
}

func (s *S3) sendPart(ctx context.Context, key, id string, number int, data []byte) (minio.CompletePart, error) {
	sum, crc := sha256.Sum256(data), checksum(crc32.Checksum(data, castagnoli))
	sent := minio.CompletePart{PartNumber: number}
	err := s.try(ctx, func(int) error {
		o := minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:]), DisableContentSha256: true, CustomHeader: http.Header{}}
		if !s.plainUploads.Load() {
			o.CustomHeader.Set(checksumHeader, crc)
			sent.ChecksumCRC32C = crc
		}
		part, err := s.api.PutObjectPart(ctx, s.bucket, s.prefix+key, id, number, bytes.NewReader(data), int64(len(data)), o)
		sent.ETag = part.ETag
		return err
	})
	return sent, err
}

// complete makes the object appear. If the answer is lost, the upload is gone at the next attempt, and the mark of what
// stands says whether it became the object.
func (s *S3) complete(ctx context.Context, key, id, mark string, parts []minio.CompletePart, crc uint32) error {
	return s.try(ctx, func(attempt int) error {
		o := minio.PutObjectOptions{}
		if !s.plainUploads.Load() {
			o.UserMetadata = map[string]string{checksumHeader: checksum(crc), "x-amz-checksum-type": "FULL_OBJECT"}
		}
		_, err := s.api.CompleteMultipartUpload(ctx, s.bucket, s.prefix+key, id, parts, o)
		if attempt == 0 || code(err) != "NoSuchUpload" {
			return err
		}
		stands, statErr := s.head(ctx, key)
		if statErr == nil && stands.UserMetadata[markName] == mark {
			return nil
		}
		return errors.Join(err, statErr)
	})
}

// abort gives the parts of an upload back. object is the whole key, prefix included.
func (s *S3) abort(ctx context.Context, object, id string) error {
	return s.try(ctx, func(int) error {
		err := s.api.AbortMultipartUpload(ctx, s.bucket, object, id)
		if code(err) == "NoSuchUpload" {
			return nil
		}
		return err
	})
}
