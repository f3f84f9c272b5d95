package wikipedia

import (
	"bytes"
	"errors"
	"io"
)

// markLen is the length of what tells the start of a bzip2 stream: "BZh", the block size 1 to 9, and the 48 bits that
// begin a block (the digits of π) or end a stream (those of its square root). 80 bits do not meet by chance.
const markLen = 10

const (
	firstBlock = "1AY&SY"
	noBlock    = "\x17\x72\x45\x38\x50\x90"
)

// cutter gives the bytes of one bzip2 stream after another. It is an io.ByteReader, so that the decompressor takes
// byte by byte and never more than its stream.
type cutter struct {
	r    io.Reader
	at   int64 // offset in the file of buf[pos]
	size int64 // of the file
	buf  []byte
	pos  int
	stop int  // in buf: the next mark, or where none can be seen yet
	mark bool // stop is at a mark
	eof  bool
}

const cutBuffer = 64 << 10

// next begins the next stream: the bytes at the place where the last one was cut off.
func (c *cutter) next() error {
	if c.pos == c.stop && !c.mark {
		if err := c.fill(); err != nil {
			return err
		}
	}
	if c.pos >= len(c.buf) {
		return io.EOF
	}
	// The mark at pos is this stream's own: look for the next one behind it. What is no mark is read as a stream all
	// the same, and will be found damaged.
	c.find(c.pos + 1)
	return nil
}

// find sets stop to the first mark from a place in buf on.
func (c *cutter) find(from int) {
	c.mark = false
	for i := from; ; i++ {
		n := bytes.Index(c.buf[min(i, len(c.buf)):], []byte("BZh"))
		if n < 0 {
			break
		}
		i += n
		if i+markLen > len(c.buf) {
			break
		}
		if isMark(c.buf[i : i+markLen]) {
			c.stop, c.mark = i, true
			return
		}
	}
	// The last bytes may be the head of a mark whose tail is not read yet.
	c.stop = len(c.buf)
	if !c.eof {
		c.stop = max(len(c.buf)-(markLen-1), min(from, len(c.buf)))
	}
}

func isMark(b []byte) bool {
	return string(b[:3]) == "BZh" && b[3] >= '1' && b[3] <= '9' && (string(b[4:]) == firstBlock || string(b[4:]) == noBlock)
}

// fill reads more into buf, and looks for a mark from pos on. At the end of the file it changes nothing.
func (c *cutter) fill() error {
	for !c.eof && c.pos == c.stop && !c.mark {
		if c.buf == nil {
			c.buf = make([]byte, 0, cutBuffer)
		}
		left := copy(c.buf[:cap(c.buf)], c.buf[c.pos:])
		c.buf, c.pos = c.buf[:left], 0
		n, err := c.r.Read(c.buf[left:cap(c.buf)])
		c.buf = c.buf[:left+n]
		switch {
		case errors.Is(err, io.EOF):
			c.eof = true
		case err != nil:
			return err
		}
		c.find(0)
	}
	return nil
}

func (c *cutter) ReadByte() (byte, error) {
	if c.pos == c.stop {
		if c.mark {
			return 0, io.EOF
		}
		if err := c.fill(); err != nil {
			return 0, err
		}
		if c.pos == c.stop { // the end, or a mark
			return 0, io.EOF
		}
	}
	b := c.buf[c.pos]
	c.pos++
	c.at++
	return b, nil
}

// Read makes cutter an io.Reader, as bzip2.NewReader wants it; it only uses ReadByte.
func (c *cutter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := c.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// toEnd goes to the end of the current stream: the next mark, or the end of the file.
func (c *cutter) toEnd() error {
	for {
		c.at += int64(c.stop - c.pos)
		c.pos = c.stop
		if c.mark {
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
		if c.pos == c.stop && !c.mark {
			return nil
		}
	}
}
