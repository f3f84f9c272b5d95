package train

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// run is a temporary file of words with counts: those of each table in order, table by table. An entry is the length of
// the word, its bytes and its count, numbers as varints.
type run struct {
	file  *os.File
	out   *bufio.Writer
	at    int64
	start [nTables + 1]int64
}

func newRun(folder string) (*run, error) {
	f, err := os.CreateTemp(folder, "imglish-words-*")
	if err != nil {
		return nil, fmt.Errorf("counts that do not fit in memory: %w", err)
	}
	os.Remove(f.Name()) // it goes with the process, however that ends
	return &run{file: f, out: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (r *run) write(k int, t *table) error {
	r.start[k] = r.at
	var head [2 * binary.MaxVarintLen64]byte
	for i := range t.entries {
		e := &t.entries[i]
		n := binary.PutUvarint(head[:], uint64(e.length))
		n += binary.PutUvarint(head[n:], uint64(e.count))
		r.out.Write(head[:n])
		if _, err := r.out.Write(t.word(e)); err != nil {
			return fmt.Errorf("counts that do not fit in memory: %w", err)
		}
		r.at += int64(n) + int64(e.length)
	}
	r.start[k+1] = r.at
	return nil
}

func (r *run) finish() error {
	if err := r.out.Flush(); err != nil {
		return fmt.Errorf("counts that do not fit in memory: %w", err)
	}
	r.out = nil
	return nil
}

func (r *run) close() { r.file.Close() }

// runBuffers is the memory for reading all runs at once.
const runBuffers = 4 << 20

// cursor stands at an entry of a run.
type cursor struct {
	in    *bufio.Reader
	word  []byte
	count int64
}

// next moves on; false at the end.
func (c *cursor) next() (bool, error) {
	n, err := binary.ReadUvarint(c.in)
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	count, err := binary.ReadUvarint(c.in)
	if err != nil {
		return false, err
	}
	if uint64(cap(c.word)) < n {
		c.word = make([]byte, n)
	}
	c.word, c.count = c.word[:n], int64(count)
	_, err = io.ReadFull(c.in, c.word)
	return true, err
}

type cursors []*cursor

func (h cursors) Len() int           { return len(h) }
func (h cursors) Less(i, j int) bool { return bytes.Compare(h[i].word, h[j].word) < 0 }
func (h cursors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(x any)        { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// merge adds up the entries that the runs have of table k.
func merge(runs []*run, k int, f func(word []byte, count int64) error) error {
	var h cursors
	for _, r := range runs {
		part := io.NewSectionReader(r.file, r.start[k], r.start[k+1]-r.start[k])
		c := &cursor{in: bufio.NewReaderSize(part, max(4<<10, min(256<<10, runBuffers/len(runs))))}
		more, err := c.next()
		if err != nil {
			return fmt.Errorf("read counts back: %w", err)
		}
		if more {
			h = append(h, c)
		}
	}
	heap.Init(&h)
	var word []byte
	var count int64
	for len(h) > 0 {
		c := h[0]
		if count > 0 && !bytes.Equal(word, c.word) {
			if err := f(word, count); err != nil {
				return err
			}
			count = 0
		}
		word = append(word[:0], c.word...)
		count += c.count
		more, err := c.next()
		if err != nil {
			return fmt.Errorf("read counts back: %w", err)
		}
		if more {
			heap.Fix(&h, 0)
		} else {
			heap.Pop(&h)
		}
	}
	if count > 0 {
		return f(word, count)
	}
	return nil
}
