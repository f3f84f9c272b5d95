package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"io"

	"github.com/minio/minio-go/v7"
)

// A write whose answer is lost may have happened. Put may simply write again: the bytes are the same. PutIfAbsent may
// not take the 412 of its second attempt for another writer's success, so every write leaves a random mark in the
// object's metadata, and on a 412 behind a lost answer the mark of what stands says whose it is.

const (
	markHeader         = "x-amz-meta-imglish-write"
	markName           = "Imglish-Write" // as answers have it
	checksumHeader     = "x-amz-checksum-crc32c"
	preconditionFailed = "PreconditionFailed"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is a CRC32C as S3 writes it.
func checksum(crc uint32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc))
}

// Put writes an object, replacing one of the same key. What fits into one part is one request; what does not goes up in
// parts, of which at most partsAtOnce are in memory.
func (s *S3) Put(ctx context.Context, key string, r io.Reader) (Info, error) {
	if err := s.begin(ctx, key); err != nil {
		return Info{}, s.fail("put", key, err)
	}
	first, err := readPart(contextReader{ctx, r}, s.part, 0)
	if err != nil {
		return Info{}, s.fail("put", key, err)
	}
	if int64(len(first)) < s.part {
		mark := newMark()
		err = s.try(ctx, func(int) error { return s.send(ctx, key, first, mark, false) })
	} else {
		var size int64
		if size, err = s.upload(ctx, key, first, r); err == nil {
			return Info{Key: key, Size: size}, nil
		}
	}
	if err != nil {
		return Info{}, s.fail("put", key, err)
	}
	return Info{Key: key, Size: int64(len(first))}, nil
}

// readPart reads up to size bytes; fewer mean the end. The buffer grows from room on with what comes. It is not used
// again for the next part: a connection that has failed may still be reading it.
func readPart(r io.Reader, size, room int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, room+bytes.MinRead)) // with less to spare it would grow
	_, err := io.Copy(b, io.LimitReader(r, size))
	return b.Bytes(), err
}

// PutIfAbsent creates an object unless the key exists: one request, unless something goes wrong.
func (s *S3) PutIfAbsent(ctx context.Context, key string, data []byte) (created bool, err error) {
	if err := s.begin(ctx, key); err != nil {
		return false, s.fail("create", key, err)
	}
	if err := s.conditions(ctx); err != nil {
		return false, s.fail("create", key, err)
	}
	mark, lost := newMark(), false
	err = s.try(ctx, func(int) error {
		err := s.send(ctx, key, data, mark, true)
		switch {
		case err == nil:
			created = true
			return nil
		case code(err) != preconditionFailed:
			lost = lost || transient(err)
			return err
		case !lost:
			return nil // another was first
		}
		stands, err := s.head(ctx, key)
		created = err == nil && stands.UserMetadata[markName] == mark
		return err
	})
	if err != nil {
		return false, s.fail("create", key, err)
	}
	return created, nil
}

// send is one attempt to put an object in one request.
func (s *S3) send(ctx context.Context, key string, data []byte, mark string, absent bool) error {
	o := minio.PutObjectOptions{
		// The hash is in the signature, so the library need not send the body in signed chunks, which not every server
		// takes, nor a trailer behind it.
		DisableContentSha256: true,
		UserMetadata:         map[string]string{markHeader: mark, checksumHeader: checksum(crc32.Checksum(data, castagnoli))},
	}
	if absent {
		o.SetMatchETagExcept("*")
	}
	// A blob that is created has its hash in its key, and the server then holds its bytes to its name.
	hash, known := blobHash(key)
	if !known || !absent {
		sum := sha256.Sum256(data)
		hash = hex.EncodeToString(sum[:])
	}
	_, err := s.api.PutObject(ctx, s.bucket, s.prefix+key, bytes.NewReader(data), int64(len(data)), "", hash, o)
	return err
}
