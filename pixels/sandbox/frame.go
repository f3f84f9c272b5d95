package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/imglish/imglish/pixels"
)

// The two processes talk in frames over the worker's standard input and output. All integers are little-endian.
//
//	hello:   "imglish1"                                            worker → pool, once
//	request: u32 length, u32 header length, header, data           pool → worker
//	answer:  u32 length, u32 header length, header, pixels         worker → pool
//
// Headers are JSON. The length counts everything behind itself.

const hello = "imglish1"

// request asks for one picture.
type request struct {
	MaxPixels int64 `json:"max_pixels"`
	Turn      int   `json:"turn,omitempty"` // EXIF orientation to turn by; 0: none
	Cuts      []Cut `json:"cuts,omitempty"` // none: the whole picture
	TimeoutMS int64 `json:"timeout_ms"`     // behind which the worker ends itself, should the pool be gone
}

// answer carries the picture, or what was wrong with it.
type answer struct {
	Info  pixels.Info `json:"info"`
	Sizes [][2]int    `json:"sizes,omitempty"` // width and height of each picture behind the header
	Kind  int         `json:"kind,omitempty"`  // index into kinds, plus 1
	Error string      `json:"error,omitempty"`
}

// kinds are the errors that keep their identity across the pipe.
var kinds = []error{pixels.ErrNotImage, pixels.ErrUnsupported, pixels.ErrTooManyPixels, pixels.ErrTruncated, pixels.ErrCorrupt}

// remoteError is an error of pixels.Decode that happened in the worker.
type remoteError struct {
	kind error
	text string
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

// writeFrame writes a header and the bytes behind it.
func writeFrame(w io.Writer, header any, body []byte) error {
	h, err := json.Marshal(header)
	if err != nil {
		return err
	}
	if int64(len(h))+int64(len(body)) > 1<<32-8 {
		return fmt.Errorf("frame of %d bytes", len(body))
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(4+len(h)+len(body)))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(h)))
	if _, err := w.Write(append(head, h...)); err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

const maxHeader = 1 << 16

// readFrame reads a header into v and returns the bytes behind it, at most maxBody.
func readFrame(r io.Reader, v any, maxBody int64) ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n, h := int64(binary.LittleEndian.Uint32(head[:])), int64(binary.LittleEndian.Uint32(head[4:]))
	if h > maxHeader || n < 4+h || n-4-h > maxBody {
		return nil, fmt.Errorf("frame of %d bytes with a header of %d, limit %d", n, h, maxBody)
	}
	header := make([]byte, h)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, unexpected(err)
	}
	if err := json.Unmarshal(header, v); err != nil {
		return nil, err
	}
	body := make([]byte, n-4-h)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, unexpected(err)
	}
	return body, nil
}

// unexpected: the end of the pipe inside a frame is never a clean end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
