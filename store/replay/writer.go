package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
)

// A list ends with the sample that makes it this long. 4,096 rows are a header of some 350 kB, which a look at all lists
// has to read; 4 MiB are one request to a store.
const (
	listRows  = 4096
	listBytes = 4 << 20
)

// Writer appends samples to the lists of a line. What was added is in a list when Close, or a later Add, has returned
// without an error.
type Writer struct {
	lists Lists
	line  string
	last  int // number of the last list that has been read
	have  map[Place]bool
	voids Voids

	rows    []Row
	samples [][]byte
	bytes   int

	added, lost int
}

// Writer reads what the lists hold, and appends behind it. It keeps some 40 bytes a sample of all lists in memory. line
// is the line's UUID.
func (l Lists) Writer(ctx context.Context, line string) (*Writer, error) {
	w := &Writer{lists: l, line: line, have: map[Place]bool{}}
	var err error
	if w.voids, err = l.Voids(ctx); err != nil {
		return nil, err
	}
	keys, err := l.Keys(ctx)
	if err != nil {
		return nil, err
	}
	for range keys {
		if err := w.read(ctx); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// read takes note of the list behind the last one.
func (w *Writer) read(ctx context.Context) error {
	list, err := w.lists.Read(ctx, key(w.last+1))
	if err != nil {
		return err
	}
	w.last++
	for _, row := range list.Rows {
		if !w.voids.Has(list.Number, row.Stage) {
			w.have[row.Place] = true
		}
	}
	return nil
}

// Has says whether a skip is in a list already.
func (w *Writer) Has(p Place) bool { return w.have[p] }

// Add appends a sample that stage has skipped, unless the skip is in a list, or was added, already.
func (w *Writer) Add(ctx context.Context, p Place, stage string, s *pipeline.Sample) error {
	if w.have[p] {
		return nil
	}
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode sample %x: %w", s.GetId(), err)
	}
	if len(data) > maxList-maxHeader {
		return fmt.Errorf("sample %x has %d bytes, more than a list takes", s.GetId(), len(data))
	}
	w.have[p] = true
	w.rows = append(w.rows, Row{p, stage, hex.EncodeToString(s.GetId()), len(data)})
	w.samples = append(w.samples, data)
	if w.bytes += len(data); w.bytes < listBytes && len(w.rows) < listRows {
		return nil
	}
	return w.flush(ctx)
}

// flush writes a list of what was added. Where another writer was faster, its list is read, what it has is left out
// here, and the rest goes behind it.
func (w *Writer) flush(ctx context.Context) error {
	for len(w.rows) > 0 {
		created, err := w.lists.Store.PutIfAbsent(ctx, key(w.last+1), w.encode())
		if err != nil {
			return err
		}
		if created {
			w.last++
			w.added += len(w.rows)
			break
		}
		mine := w.rows
		for _, row := range mine {
			delete(w.have, row.Place)
		}
		if err := w.read(ctx); err != nil {
			return err
		}
		samples := w.samples
		w.rows, w.samples = nil, nil
		for i, row := range mine {
			if w.have[row.Place] {
				w.lost++
				continue
			}
			w.rows, w.samples = append(w.rows, row), append(w.samples, samples[i])
		}
		for _, row := range w.rows {
			w.have[row.Place] = true
		}
	}
	w.rows, w.samples, w.bytes = nil, nil, 0
	return nil
}

func (w *Writer) encode() []byte {
	body := bytes.Join(w.samples, nil)
	sum := sha256.Sum256(body)
	header, err := json.Marshal(Header{Schema: Schema, Line: w.line, SHA256: hex.EncodeToString(sum[:]), Rows: w.rows})
	if err != nil {
		panic(fmt.Sprintf("marshal a header: %v", err)) // no field can fail
	}
	return append(append(header, '\n'), body...)
}

// Close writes what was added and is in no list yet. It returns how many samples this writer has put into lists, and of
// how many another one was faster.
func (w *Writer) Close(ctx context.Context) (added, others int, err error) {
	err = w.flush(ctx)
	return w.added, w.lost, err
}
