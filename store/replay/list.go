package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
)

// Schema is the version of a list. A reader refuses others.
const Schema = 1

// Source is the kind and the name, in a line, of the source that reads the lists.
const Source = "replay"

const (
	prefix = "replay/list-"

	maxHeader = 8 << 20  // bytes
	maxList   = 64 << 20 // bytes of a list; what is written is far below
)

// Place is where a skip lies.
type Place struct {
	Lane int    `json:"lane"`
	Seq  uint64 `json:"seq"`
}

func (p Place) String() string { return fmt.Sprintf("%d:%d", p.Lane, p.Seq) }

// Row is one sample of a list.
type Row struct {
	Place
	Stage string `json:"stage"` // that made the skip
	ID    string `json:"id"`    // of the sample, 32 hex digits
	Bytes int    `json:"bytes"` // of the sample in protobuf
}

// Header is what a list begins with.
type Header struct {
	Schema int    `json:"schema"`
	Line   string `json:"line"`   // UUID of the line when the list was made; a reset gives a line another one
	SHA256 string `json:"sha256"` // of the samples' bytes, hex
	Rows   []Row  `json:"rows"`
}

// List is one list, without its samples.
type List struct {
	Header
	Key         string
	Number      int    // from 1
	Size        int64  // bytes
	Fingerprint string // of the header, and so of the whole

	body int64 // where the samples begin
}

// Lists are those of one store.
type Lists struct {
	Store store.Store
}

// Open returns the lists of a store; there need not be any.
func Open(st store.Store) Lists { return Lists{st} }

func key(number int) string { return fmt.Sprintf("%s%010d", prefix, number) }

// Any says whether there is a list.
func (l Lists) Any(ctx context.Context) (bool, error) {
	_, err := l.Store.Stat(ctx, key(1))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Keys are the keys of all lists in their order.
func (l Lists) Keys(ctx context.Context) ([]string, error) {
	var keys []string
	for info, err := range l.Store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		if want := key(len(keys) + 1); info.Key != want {
			return nil, fmt.Errorf("%s: %s stands where %s should: lists never go; bring it back from a backup: %w",
				l.Store.URL(), info.Key, want, store.ErrDamaged)
		}
		keys = append(keys, info.Key)
	}
	return keys, nil
}

// Each yields all lists in their order.
func (l Lists) Each(ctx context.Context) iter.Seq2[*List, error] {
	return func(yield func(*List, error) bool) {
		keys, err := l.Keys(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, key := range keys {
			list, err := l.Read(ctx, key)
			if !yield(list, err) || err != nil {
				return
			}
		}
	}
}

// Read reads the header of a list. A list that is damaged gives an error that wraps store.ErrDamaged.
func (l Lists) Read(ctx context.Context, key string) (*List, error) {
	o, err := l.Store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	list, err := readHeader(o, key)
	if err != nil {
		return nil, l.damaged(key, err)
	}
	if _, err := fmt.Sscanf(key, prefix+"%d", &list.Number); err != nil {
		return nil, fmt.Errorf("list %q: %w", key, err)
	}
	return list, nil
}

func (l Lists) damaged(key string, err error) error {
	return fmt.Errorf("%s/%s is no list of samples: %w: %w", l.Store.URL(), key, store.ErrDamaged, err)
}

func readHeader(o store.Object, key string) (*List, error) {
	r := bufio.NewReaderSize(io.NewSectionReader(o, 0, min(o.Size(), maxHeader)), 64<<10)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	sum := sha256.Sum256(line)
	list := &List{Key: key, Size: o.Size(), Fingerprint: hex.EncodeToString(sum[:16]), body: int64(len(line))}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&list.Header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if list.Schema != Schema {
		return nil, fmt.Errorf("schema %d, this program reads %d", list.Schema, Schema)
	}
	size := list.body
	for i, row := range list.Rows {
		if id, err := hex.DecodeString(row.ID); err != nil || len(id) != 16 || row.Lane < 0 || row.Bytes < 1 || row.Bytes > maxList {
			return nil, fmt.Errorf("row %d is %+v", i, row)
		}
		size += int64(row.Bytes)
	}
	if len(list.Rows) == 0 || size != o.Size() || size > maxList {
		return nil, fmt.Errorf("%d rows and %d bytes, its header says %d", len(list.Rows), o.Size(), size)
	}
	return list, nil
}

// Samples reads the samples of a list, which are those of its rows.
func (l Lists) Samples(ctx context.Context, list *List) ([]*pipeline.Sample, error) {
	o, err := l.Store.Open(ctx, list.Key)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	body := make([]byte, list.Size-list.body)
	if _, err := io.ReadFull(io.NewSectionReader(o, list.body, int64(len(body))), body); err != nil {
		return nil, fmt.Errorf("read %s/%s: %w", l.Store.URL(), list.Key, err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != list.SHA256 {
		return nil, l.damaged(list.Key, errors.New("the samples have another SHA-256 than its header says"))
	}
	out := make([]*pipeline.Sample, len(list.Rows))
	for i, row := range list.Rows {
		s := &pipeline.Sample{}
		if err := proto.Unmarshal(body[:row.Bytes], s); err != nil || hex.EncodeToString(s.Id) != row.ID {
			return nil, l.damaged(list.Key, fmt.Errorf("row %d is sample %x, its header says %s (%v)", i, s.GetId(), row.ID, err))
		}
		out[i], body = s, body[row.Bytes:]
	}
	return out, nil
}
