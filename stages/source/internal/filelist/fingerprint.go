package filelist

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imglish/imglish/pipeline"
)

// edge is how many bytes of a file's head and tail enter its fingerprint.
const edge = 16 << 10

// Describe stats a regular file and takes its fingerprint: the first 32 hex digits of SHA-256 over the size (8 bytes,
// big-endian), the first 16 KiB, and the last 16 KiB.
func Describe(path string) (pipeline.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return pipeline.File{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return pipeline.File{}, err
	}
	if !st.Mode().IsRegular() {
		return pipeline.File{}, fmt.Errorf("%s is not a regular file", path)
	}
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(st.Size())))
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, min(edge, st.Size()))); err != nil {
		return pipeline.File{}, fmt.Errorf("read the head of %s: %w", path, err)
	}
	if _, err := io.Copy(h, io.NewSectionReader(f, max(0, st.Size()-edge), edge)); err != nil {
		return pipeline.File{}, fmt.Errorf("read the tail of %s: %w", path, err)
	}
	return pipeline.File{Name: filepath.Base(path), Size: st.Size(), Fingerprint: Hex(h.Sum(nil))}, nil
}

// Hex writes a SHA-256 as a fingerprint: 128 bits are enough to tell files apart and keep records short.
func Hex(sum []byte) string { return hex.EncodeToString(sum[:16]) }
