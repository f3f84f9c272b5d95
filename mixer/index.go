package mixer

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/sourcegraph/conc/pool"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
)

// unit is what an epoch takes once: an image or pair with its views, or one part of a text. 28 bytes.
type unit struct {
	id   [16]byte
	file uint32 // index into index.files
	row  uint32 // its first row in that file
	n    uint32 // image or pair: how many views, in rows one behind the other; text: the number of the part
}

// list is all units of one kind, in the order of (id, part), in two halves.
type list struct {
	kind  pipeline.Kind
	train []unit
	held  []unit
}

// index is what is known of the shards before any row's data is read.
type index struct {
	files []shards.File
	side  int // S of the largest views, pixels
	lists map[pipeline.Kind]*list
}

// kinds are the lists of a batch in their order, each with its folder of shards.
var kinds = []struct {
	kind   pipeline.Kind
	folder shards.Kind
	plural string
}{
	{pipeline.Kind_IMAGE, shards.Image, "images"},
	{pipeline.Kind_TEXT, shards.Text, "texts"},
	{pipeline.Kind_PAIR, shards.Pair, "pairs"},
}

type (
	idViewRow struct {
		ID   [16]byte `parquet:"id"`
		View int32    `parquet:"view"`
	}
	idPartRow struct {
		ID   [16]byte `parquet:"id"`
		Part int32    `parquet:"part"`
	}
)

// readIndex reads the ids of all committed rows.
func readIndex(ctx context.Context, f shards.Folder, set *shards.Set, workers int, heldOut float64,
	progress func(done, total int64, note string)) (*index, error) {
	ix := &index{lists: map[pipeline.Kind]*list{}}
	var kindOf []pipeline.Kind
	for _, c := range set.Commits {
		for _, k := range kinds {
			if file, ok := c.File(k.folder); ok {
				ix.files = append(ix.files, file)
				kindOf = append(kindOf, k.kind)
			}
		}
	}
	units := make([][]unit, len(ix.files))
	var mu sync.Mutex
	done := int64(0)
	p := pool.New().WithMaxGoroutines(workers).WithContext(ctx).WithFirstError().WithCancelOnError()
	for i, file := range ix.files {
		p.Go(func(ctx context.Context) (err error) {
			var meta shards.Meta
			if units[i], meta, err = readUnits(ctx, f, file, uint32(i)); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			ix.side = max(ix.side, meta.Side)
			if done++; progress != nil {
				progress(done, int64(len(ix.files)), "shards indexed")
			}
			return nil
		})
	}
	if err := p.Wait(); err != nil {
		return nil, err
	}
	for _, k := range kinds {
		n := 0
		for i := range units {
			if kindOf[i] == k.kind {
				n += len(units[i])
			}
		}
		all := make([]unit, 0, n)
		for i := range units {
			if kindOf[i] == k.kind {
				all = append(all, units[i]...)
				units[i] = nil
			}
		}
		ix.lists[k.kind] = split(k.kind, all, heldOut)
	}
	return ix, nil
}

// readUnits reads the units of one file.
func readUnits(ctx context.Context, f shards.Folder, file shards.File, number uint32) ([]unit, shards.Meta, error) {
	if file.Kind == shards.Text {
		return scan(ctx, f, file, func(units []unit, row int, r *idPartRow) []unit {
			return append(units, unit{id: r.ID, file: number, row: uint32(row), n: uint32(r.Part)})
		})
	}
	return scan(ctx, f, file, func(units []unit, row int, r *idViewRow) []unit {
		if last := len(units) - 1; last >= 0 && units[last].id == r.ID {
			units[last].n++
			return units
		}
		return append(units, unit{id: r.ID, file: number, row: uint32(row), n: 1})
	})
}

func scan[T any](ctx context.Context, f shards.Folder, file shards.File, add func([]unit, int, *T) []unit) ([]unit, shards.Meta, error) {
	r, err := shards.OpenFile[T](ctx, f, file)
	if err != nil {
		return nil, shards.Meta{}, err
	}
	defer r.Close()
	rows := make([]T, shards.DefaultRowGroup)
	units := make([]unit, 0, file.Samples)
	for at := 0; at < r.Len(); at += len(rows) {
		rows = rows[:min(len(rows), r.Len()-at)]
		if err := r.At(at, rows); err != nil {
			return nil, r.Meta(), err
		}
		for i := range rows {
			units = add(units, at+i, &rows[i])
		}
	}
	return units, r.Meta(), ctx.Err()
}

// split sorts the units of a kind by (id, part), keeps the first of equal ones, and takes the held-out ones apart. A
// unit can be there twice if two sources list the same row; the lower lane has it then.
func split(kind pipeline.Kind, all []unit, heldOut float64) *list {
	part := func(u *unit) uint32 {
		if kind == pipeline.Kind_TEXT {
			return u.n
		}
		return 0
	}
	slices.SortFunc(all, func(a, b unit) int {
		return cmp.Or(bytes.Compare(a.id[:], b.id[:]), cmp.Compare(part(&a), part(&b)), cmp.Compare(a.file, b.file), cmp.Compare(a.row, b.row))
	})
	all = slices.CompactFunc(all, func(a, b unit) bool { return a.id == b.id && part(&a) == part(&b) })
	l := &list{kind: kind, train: all[:0]} // in place: at 16 million units a copy would be 0.4 GB
	for _, u := range all {
		if isHeldOut(u.id, heldOut) {
			l.held = append(l.held, u)
		} else {
			l.train = append(l.train, u)
		}
	}
	return l
}

// isHeldOut says whether an id's hash falls below a share. The seed is not in it: what one run holds out, every run does.
func isHeldOut(id [16]byte, share float64) bool {
	key := append([]byte("imglish held out"), id[:]...)
	sum := sha256.Sum256(key)
	return float64(binary.LittleEndian.Uint64(sum[:]))/math.MaxUint64 < share
}

func (u *unit) rowIn(ix *index, kind pipeline.Kind, epoch int) Row {
	r := Row{ID: u.id, Kind: kind, Shard: ix.files[u.file].Key, Row: int(u.row), Epoch: epoch}
	if kind == pipeline.Kind_TEXT {
		r.Part = int(u.n)
	} else {
		r.View = epoch % int(u.n)
		r.Row += r.View
	}
	return r
}

func (ix *index) String() string {
	s := fmt.Sprintf("%d files", len(ix.files))
	for _, k := range kinds {
		s += fmt.Sprintf(", %d+%d %s", len(ix.lists[k.kind].train), len(ix.lists[k.kind].held), k.plural)
	}
	return s
}
