package fetch

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imglish/imglish/pipeline"
)

// readMember reads an image out of a local file. A file that is not there or cannot be read is an error, since a disk
// that is away says nothing about the image; one that has become shorter, or that begins no image at the range, is a
// failure: it is not the file that the source has listed.
func readMember(m *pipeline.Member, maxBytes int64) ([]byte, error) {
	switch {
	case m.Path == "" || m.Offset < 0 || m.Size <= 0:
		return nil, fail("bad-member", "the byte range makes no sense")
	case m.Size > maxBytes:
		return nil, fail("too-many-bytes", "more than %d", maxBytes)
	}
	f, err := os.Open(m.Path)
	if err != nil {
		return nil, missing(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, missing(err)
	}
	if !st.Mode().IsRegular() {
		return nil, fail("bad-member", "it lies in no regular file")
	}
	// A member at the very start is a file by itself: the first bytes of a tar are a header.
	if m.Offset > st.Size()-m.Size || (m.Offset == 0 && m.Size != st.Size()) {
		return nil, mayPass("archive-changed", "the file has another size than when it was listed")
	}
	data := make([]byte, m.Size)
	if _, err := io.ReadFull(io.NewSectionReader(f, m.Offset, m.Size), data); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, mayPass("archive-changed", "the file has another size than when it was listed")
		}
		return nil, missing(err)
	}
	if f := checkImage(data); f != nil {
		return nil, f
	}
	return data, nil
}

type archiveError struct{ error }

func missing(err error) error { return archiveError{fmt.Errorf("read an image: %w", err)} }

func (e archiveError) Unwrap() error { return e.error }

// Hint says what a person can do.
func (archiveError) Hint() string {
	return "the archive that the source has listed must be readable, under the same path, where fetch runs"
}
