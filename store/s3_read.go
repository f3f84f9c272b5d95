package store

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
)

// Get reads a whole object and compares it with the CRC32C that the server keeps of it, if it keeps one.
func (s *S3) Get(ctx context.Context, key string) ([]byte, error) {
	if err := s.begin(ctx, key); err != nil {
		return nil, s.fail("read", key, err)
	}
	var data []byte
	err := s.try(ctx, func(int) (err error) {
		o := minio.GetObjectOptions{}
		o.Set("x-amz-checksum-mode", "ENABLED")
		body, info, _, err := s.api.GetObject(ctx, s.bucket, s.prefix+key, o)
		if err != nil {
			return err
		}
		defer body.Close()
		data = make([]byte, info.Size)
		if _, err := io.ReadFull(body, data); err != nil {
			return torn(err)
		}
		return compare(info.ChecksumCRC32C, data)
	})
	if err != nil {
		return nil, s.fail("read", key, err)
	}
	return data, nil
}

// torn names what an answer that ends too soon is.
func torn(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// compare holds bytes to the checksum that came with them. A checksum of checksums (abc=-3) says nothing of the whole.
func compare(want string, data []byte) error {
	if want == "" || strings.Contains(want, "-") {
		return nil
	}
	if got := checksum(crc32.Checksum(data, castagnoli)); got != want {
		return fmt.Errorf("%w: they have CRC32C %s, the server keeps %s", ErrDamaged, got, want)
	}
	return nil
}

// Stat describes an object.
func (s *S3) Stat(ctx context.Context, key string) (Info, error) {
	if err := s.begin(ctx, key); err != nil {
		return Info{}, s.fail("stat", key, err)
	}
	var info minio.ObjectInfo
	err := s.try(ctx, func(int) (err error) {
		info, err = s.head(ctx, key)
		return err
	})
	if err != nil {
		return Info{}, s.fail("stat", key, err)
	}
	return Info{Key: key, Size: info.Size, Modified: info.LastModified}, nil
}

// Delete removes an object.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := s.begin(ctx, key); err != nil {
		return s.fail("delete", key, err)
	}
	err := s.try(ctx, func(int) error {
		return s.api.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{})
	})
	if err != nil && code(err) != "NoSuchKey" {
		return s.fail("delete", key, err)
	}
	return nil
}

// tailBytes are read when an object is opened: its size comes with them, and a Parquet file's footer is there.
const tailBytes = 64 << 10

// Open opens an object for reading, by reading its end.
func (s *S3) Open(ctx context.Context, key string) (Object, error) {
	if err := s.begin(ctx, key); err != nil {
		return nil, s.fail("open", key, err)
	}
	// The object outlives ctx, as an open file does: what waits for the server then ends at Close.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	o := &s3Object{s: s, key: key, ctx: life, cancel: cancel}
	err := s.try(ctx, func(int) error { return o.readTail(ctx) })
	if err != nil {
		cancel()
		return nil, s.fail("open", key, err)
	}
	return o, nil
}

func (o *s3Object) readTail(ctx context.Context) error {
	s := o.s
	opts := minio.GetObjectOptions{}
	opts.Set("Range", "bytes=-"+strconv.Itoa(tailBytes))
	body, info, header, err := s.api.GetObject(ctx, s.bucket, s.prefix+o.key, opts)
	if code(err) == "InvalidRange" { // an empty object has no last bytes
		info, err = s.head(ctx, o.key)
		if err == nil && info.Size != 0 {
			err = fmt.Errorf("the server gives no range of an object of %d bytes: %w", info.Size, errSetting)
		}
		o.etag = info.ETag
		return err
	}
	if err != nil {
		return err
	}
	defer body.Close()
	from, size := int64(0), info.Size
	if r := header.Get("Content-Range"); r != "" {
		var to int64
		if n, err := fmt.Sscanf(r, "bytes %d-%d/%d", &from, &to, &size); n != 3 || err != nil || from < 0 || to-from+1 != info.Size || to+1 != size {
			return fmt.Errorf("the server answers with range %.60q: %w", r, errSetting)
		}
	}
	data := make([]byte, size-from)
	if _, err := io.ReadFull(body, data); err != nil {
		return torn(err)
	}
	o.size, o.etag = size, info.ETag
	o.windows[0] = window{from: from, data: data}
	return nil
}

// fetch reads bytes of the object from a place on, of the version that was opened.
func (o *s3Object) fetch(into []byte, from int64) error {
	s := o.s
	return s.try(o.ctx, func(int) error {
		opts := minio.GetObjectOptions{}
		if err := opts.SetRange(from, from+int64(len(into))-1); err != nil {
			return err
		}
		if o.etag != "" {
			if err := opts.SetMatchETag(o.etag); err != nil {
				return err
			}
		}
		body, info, header, err := s.api.GetObject(o.ctx, s.bucket, s.prefix+o.key, opts)
		if code(err) == preconditionFailed {
			return errReplaced
		}
		if err != nil {
			return err
		}
		defer body.Close()
		if want := fmt.Sprintf("bytes %d-%d/%d", from, from+int64(len(into))-1, o.size); header.Get("Content-Range") != want {
			if int64(len(into)) != o.size || info.Size != o.size { // all of it may come as a plain 200
				return fmt.Errorf("asked for %s, the server answers with %.60q: %w", want, header.Get("Content-Range"), io.ErrUnexpectedEOF)
			}
		}
		_, err = io.ReadFull(body, into)
		return torn(err)
	})
}
