package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/minio/minio-go/v7"

	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/s3test"
)

// Blobs of 150 KiB, put and read by several at once: in a folder, through this package on S3, and by the library as it
// comes. Server and client share the machine.
func BenchmarkBlobs(b *testing.B) {
	server := s3test.Start(b)
	core := server.Client()
	folder, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	remote := openS3(b, server.URL("set", ""), server)
	const size = 150 << 10
	var n atomic.Uint64
	fresh := func() []byte { // other bytes, and so another blob, each time
		data := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		binary.LittleEndian.PutUint64(data, n.Add(1))
		return data
	}
	putBlob := func(st store.Store) func() error {
		return func() error { _, _, err := store.PutBlob(b.Context(), st, fresh()); return err }
	}
	kept := func(st store.Store) func() error {
		var keys [64]string
		for i := range keys {
			if keys[i], _, err = store.PutBlob(b.Context(), st, fresh()); err != nil {
				b.Fatal(err)
			}
		}
		return func() error { _, err := store.GetBlob(b.Context(), st, keys[n.Add(1)%64]); return err }
	}
	rawPut := func() error {
		data := fresh()
		_ = sha256.Sum256(data) // as a blob's name needs it
		_, err := core.Client.PutObject(b.Context(), s3test.Bucket, fmt.Sprintf("raw/%02x/%d", n.Load()%256, binary.LittleEndian.Uint64(data)), bytes.NewReader(data), size, minio.PutObjectOptions{})
		return err
	}
	if _, err := core.Client.PutObject(b.Context(), s3test.Bucket, "raw/one", bytes.NewReader(fresh()), size, minio.PutObjectOptions{}); err != nil {
		b.Fatal(err)
	}
	rawGet := func() error {
		o, err := core.Client.GetObject(b.Context(), s3test.Bucket, "raw/one", minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer o.Close()
		_, err = io.Copy(sha256.New(), o) // as a blob is checked
		return err
	}
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"put/folder", putBlob(folder)}, {"put/s3", putBlob(remote)}, {"put/library", rawPut},
		{"get/folder", kept(folder)}, {"get/s3", kept(remote)}, {"get/library", rawGet},
	} {
		for _, parallel := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", op.name, parallel), func(b *testing.B) {
				b.SetBytes(size)
				b.SetParallelism(parallel) // times the processors
				if parallel == 1 {
					for b.Loop() {
						if err := op.do(); err != nil {
							b.Fatal(err)
						}
					}
					return
				}
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := op.do(); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
