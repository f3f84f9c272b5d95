package wikipedia

import (
	"bytes"
	"errors"
	"io"
)

// headKept is how much of a page that is too large is kept: its id and title stand there.
const headKept = 64 << 10

var (
	pageOpen  = []byte("<page>")
	pageClose = []byte("</page>")
)

// scanner cuts a dump's text at <page> and </page>. Inside of a page's elements these can only stand escaped, since
// MediaWiki's export writes no CDATA sections, so no XML has to be understood to find them.
type scanner struct {
	t    text
	max  int    // bytes of a page
	buf  []byte // text not yet given out
	base int64  // number of buf[0] in the text
	read []byte // the memory that buf lies in
	late error  // what ended the last read, behind the bytes that came with it
}

// piece is one page as it stands in the dump, or what is left of one.
type piece struct {
	xml      []byte // valid until the next call; of a page that is too large, the head
	end      int64  // number of the text's byte behind it
	tooLarge bool
	broken   error // set if the dump is damaged here; a *damage, or io.ErrUnexpectedEOF
}

// next returns the next page, io.EOF behind the last, or an error of the disk.
func (s *scanner) next() (piece, error) {
	if p, done, err := s.find(pageOpen, len(pageOpen)-1); done || err != nil {
		return p, err
	}
	// The page starts at buf[0]. Text is read until its end is there or it is too large.
	from := 0
	for {
		i := bytes.Index(s.buf[from:], pageClose)
		end := from + i + len(pageClose)
		switch { // by the page's own size only: how the text came in pieces must not matter
		case i >= 0 && end <= s.max:
			return s.take(end, false), nil
		case i >= 0 || len(s.buf) >= s.max:
			return s.tooLarge()
		}
		from = max(0, len(s.buf)-len(pageClose)+1)
		switch err := s.more(); {
		case errors.Is(err, io.EOF):
			return s.broken(io.ErrUnexpectedEOF), nil
		case err != nil:
			return s.lost(err)
		}
	}
}

// find reads until a mark stands at buf[0], and throws away what is before it, but for keep bytes while looking. done
// means that there is something to return instead: a damage, or the end.
func (s *scanner) find(mark []byte, keep int) (p piece, done bool, err error) {
	for {
		if i := bytes.Index(s.buf, mark); i >= 0 {
			s.drop(i)
			return piece{}, false, nil
		}
		s.drop(max(0, len(s.buf)-keep))
		if err := s.more(); err != nil {
			if errors.Is(err, io.EOF) {
				s.drop(len(s.buf))
				return piece{}, true, io.EOF
			}
			p, err := s.lost(err)
			return p, true, err
		}
	}
}

// tooLarge reads over the rest of a page and gives out its head.
func (s *scanner) tooLarge() (piece, error) {
	head := bytes.Clone(s.buf[:min(s.max, headKept)])
	p, done, err := s.find(pageClose, len(pageClose)-1)
	if errors.Is(err, io.EOF) {
		return piece{xml: head, end: s.base, broken: io.ErrUnexpectedEOF}, nil
	}
	if done || err != nil {
		return p, err
	}
	p = s.take(len(pageClose), true)
	p.xml = head
	return p, nil
}

// lost sorts an error: a damage is a piece of its own, the disk's fault is an error.
func (s *scanner) lost(err error) (piece, error) {
	var d *damage
	if errors.As(err, &d) {
		return s.broken(d), nil
	}
	return piece{}, err
}

func (s *scanner) broken(err error) piece {
	p := s.take(len(s.buf), false)
	p.broken = err
	return p
}

// take gives out the first n bytes of buf.
func (s *scanner) take(n int, tooLarge bool) piece {
	out := s.buf[:n:n]
	s.drop(n)
	return piece{xml: out, end: s.base, tooLarge: tooLarge}
}

func (s *scanner) drop(n int) {
	s.buf = s.buf[n:]
	s.base += int64(n)
}

// more reads on behind buf. What was given out before may be overwritten.
func (s *scanner) more() error {
	const piece = 64 << 10
	if cap(s.buf)-len(s.buf) < piece {
		room := len(s.buf) + max(piece, len(s.buf))
		if cap(s.read) >= room {
			s.buf = s.read[:copy(s.read[:cap(s.read)], s.buf)]
		} else {
			s.read = make([]byte, 0, room)
			s.buf = append(s.read, s.buf...)
		}
	}
	for s.late == nil {
		n, err := s.t.Read(s.buf[len(s.buf):min(cap(s.buf), len(s.buf)+piece)])
		s.buf, s.late = s.buf[:len(s.buf)+n], err
		if n > 0 {
			return nil
		}
	}
	err := s.late
	s.late = nil
	return err
}
