package wikipedia

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// A dump is read as one long text, whatever it is packed in. The text's bytes are counted; a place in it is named by
// the compressed stream that it lies in, so that reading can start at that stream.

// place is a spot in a dump's text.
type place struct {
	stream int64 // offset in the file where a compressed stream starts; 0 for all but multistream bzip2
	skip   int64 // bytes of text behind that stream's start
}

func (p place) String() string { return fmt.Sprintf("%d+%d", p.stream, p.skip) }

// text is a dump's decompressed text.
type text interface {
	// Read reads on. A *damage means that a part of the text is missing here; reading may go on behind it.
	Read(p []byte) (int, error)
	// at says where byte number n of what was read since the start lies. n must not fall from call to call.
	at(n int64) place
	// done is how many of the file's bytes were used.
	done() int64
}

// damage says that a compressed stream is broken.
type damage struct {
	at  int64 // offset in the file of the stream
	err error
}

func (d *damage) Error() string {
	return fmt.Sprintf("the stream at byte %d is damaged: %v", d.at, d.err)
}
func (d *damage) Unwrap() error { return d.err }

// openText reads the text of a file of the given size from a place on.
func openText(f io.ReaderAt, size int64, from place) (text, error) {
	var head [3]byte
	n, err := f.ReadAt(head[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if from.stream < 0 || from.skip < 0 || from.stream > size {
		return nil, fmt.Errorf("cursor place %v lies outside of the file", from)
	}
	if from.stream == size { // behind a damaged end
		return &plain{r: bytes.NewReader(nil), base: from, size: size}, nil
	}
	var t text
	switch magic := string(head[:n]); {
	case magic == "BZh":
		t = newStreams(f, size, from.stream)
	case n >= 2 && magic[:2] == "\x1f\x8b":
		if from.stream != 0 {
			return nil, fmt.Errorf("cursor place %v is none of a gzip file", from)
		}
		used := &counted{r: bufio.NewReaderSize(io.NewSectionReader(f, 0, size), 64<<10)}
		t = &gzipped{used: used, size: size}
	default:
		if from.stream != 0 || from.skip > size {
			return nil, fmt.Errorf("cursor place %v is none of a file of %d bytes", from, size)
		}
		r := io.NewSectionReader(f, from.skip, size-from.skip)
		return &plain{r: r, base: from, read: 0, size: size}, nil
	}
	if n, err := io.CopyN(io.Discard, t, from.skip); err != nil {
		return nil, fmt.Errorf("cursor place %v: the text ends %d bytes behind the stream: %w", from, n, err)
	}
	return &shifted{t, from.skip}, nil
}

// shifted is a text of which some bytes were read before.
type shifted struct {
	text
	by int64
}

func (s *shifted) at(n int64) place { return s.text.at(n + s.by) }

// plain is a text that is not compressed.
type plain struct {
	r    io.Reader
	base place
	read int64
	size int64
}

func (p *plain) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.read += int64(n)
	return n, err
}

func (p *plain) at(n int64) place { return place{p.base.stream, p.base.skip + n} }
func (p *plain) done() int64      { return min(p.base.stream+p.base.skip+p.read, p.size) }

// counted counts what a decompressor takes. It is an io.ByteReader, so that no decompressor reads ahead.
type counted struct {
	r *bufio.Reader
	n int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

func (c *counted) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// gzipped is a text in one gzip file. It is opened at the first byte, so that a damaged head is a damage too.
type gzipped struct {
	used  *counted
	z     *gzip.Reader
	size  int64
	text  int64 // bytes of text so far
	ended bool  // by a damage
}

func (g *gzipped) Read(b []byte) (int, error) {
	if g.ended {
		return 0, io.EOF
	}
	if g.z == nil {
		z, err := gzip.NewReader(g.used)
		if err != nil {
			return 0, g.end(err)
		}
		g.z = z
	}
	n, err := g.z.Read(b)
	g.text += int64(n)
	if err != nil {
		return n, g.end(err)
	}
	return n, nil
}

func (g *gzipped) end(err error) error {
	if errors.Is(err, io.EOF) || diskFault(err) {
		return err
	}
	g.ended = true
	return &damage{0, err}
}

func (g *gzipped) at(n int64) place {
	if g.ended && n >= g.text {
		return place{g.size, 0}
	}
	return place{0, n}
}

func (g *gzipped) done() int64 {
	if g.ended {
		return g.size
	}
	return g.used.n
}

// diskFault tells a file that could not be read from one whose content is broken.
func diskFault(err error) bool {
	var f *fs.PathError
	return errors.As(err, &f)
}

// streams is a text in a file of one or many bzip2 streams behind one another.
//
// Each stream begins at a byte, with one of two marks of ten bytes (bzip2's header and the first block's, or that of
// an empty stream). So the file is cut at the marks, and each piece decompressed by itself. A piece that breaks off at
// a mark is damaged; the next one is whole again.
type streams struct {
	cut   cutter
	z     io.Reader // of the stream being read, nil before
	start int64     // offset in the file of the stream being read
	text  int64     // bytes of text so far
	known []known   // streams that at may still be asked for
}

type known struct{ stream, text int64 }

func newStreams(f io.ReaderAt, size, from int64) *streams {
	return &streams{cut: cutter{r: io.NewSectionReader(f, from, size-from), at: from, size: size}}
}

func (s *streams) Read(b []byte) (int, error) {
	for {
		if s.z == nil {
			if err := s.cut.next(); err != nil {
				return 0, err
			}
			s.start = s.cut.at
			s.known = append(s.known, known{s.start, s.text})
			s.z = bzip2.NewReader(&s.cut)
		}
		n, err := s.z.Read(b)
		s.text += int64(n)
		switch {
		case n > 0 && err == nil:
			return n, nil
		case errors.Is(err, io.EOF):
			s.z = nil
			if n > 0 {
				return n, nil
			}
		case err != nil && diskFault(err):
			return n, err
		case err != nil:
			s.z = nil
			if cutErr := s.cut.toEnd(); cutErr != nil {
				return n, cutErr
			}
			s.known = append(s.known, known{s.cut.at, s.text})
			return n, &damage{s.start, err}
		}
	}
}

func (s *streams) at(n int64) place {
	for len(s.known) > 1 && s.known[1].text <= n {
		s.known = s.known[1:]
	}
	return place{s.known[0].stream, n - s.known[0].text}
}

func (s *streams) done() int64 { return s.cut.at }
