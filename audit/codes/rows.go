package codes

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/sourcegraph/conc/iter"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/store/shards"
)

// row are the columns that are read; image and pair files both have them.
type row struct {
	ID      [16]byte `parquet:"id"`
	View    int32    `parquet:"view,delta"`
	Encoded []byte   `parquet:"encoded"`
	Codes   []uint16 `parquet:"codes,list"`
}

// view is a row on its way through a batch.
type view struct {
	row
	number int
	pixels []uint8
	broken string // why it cannot be verified
}

// file verifies the chosen rows of one file.
func (v *verifier) file(ctx context.Context, file shards.File) error {
	chosen := v.chosen(file)
	if len(chosen) == 0 {
		return nil
	}
	r, err := shards.OpenFile[row](ctx, v.folder, file)
	if err != nil {
		return err
	}
	defer r.Close()
	if m := r.Meta(); m.Visual != v.made {
		return fmt.Errorf("%s/%s: its visual tokenizer is %+v, the folder's is %+v: %w", v.folder.URL(), file.Key, m.Visual, v.made, shards.ErrDamaged)
	}
	for len(chosen) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := make([]view, min(v.c.Batch, len(chosen)))
		for i := range batch {
			one := make([]row, 1)
			if err := r.At(chosen[i], one); err != nil {
				return err
			}
			batch[i] = view{row: one[0], number: chosen[i]}
		}
		chosen = chosen[len(batch):]
		if err := v.batch(ctx, file, batch); err != nil {
			return err
		}
	}
	return nil
}

// batch decodes views, computes their codes and compares.
func (v *verifier) batch(ctx context.Context, file shards.File, batch []view) error {
	iter.ForEach(batch, v.decode)
	var pix []uint8
	n := 0
	for i := range batch {
		if batch[i].broken == "" {
			pix, n = append(pix, batch[i].pixels...), n+1
		}
	}
	got, err := v.t.Encode(ctx, pix, n)
	if err != nil {
		return err
	}
	cells := v.t.Grid() * v.t.Grid()
	equal, rounding := 0, 0
	var differences []Difference
	for i := range batch {
		x := &batch[i]
		d := Difference{Shard: file.Key, Row: x.number, ID: hex.EncodeToString(x.ID[:]), View: int(x.View), Of: cells}
		if x.broken != "" {
			d.Differ, d.Fault, d.What = cells, true, x.broken
			differences = append(differences, d)
			continue
		}
		for k, code := range got[:cells] {
			if x.Codes[k] != code {
				d.Differ++
			}
		}
		got = got[cells:]
		equal += cells - d.Differ
		if d.Differ == 0 {
			continue
		}
		gaps, err := v.t.Gaps(ctx, x.pixels, x.Codes)
		if err != nil {
			return err
		}
		far := 0
		for _, gap := range gaps {
			d.Gap = max(d.Gap, gap)
			if gap > v.t.Rounding() {
				far++
			}
		}
		rounding += d.Differ - far
		d.Fault = far > 0
		differences = append(differences, d)
	}
	v.add(len(batch), cells*len(batch), equal, rounding, differences)
	return nil
}

// decode brings a view back to pixels, or says what is wrong with its row.
func (v *verifier) decode(x *view) {
	side, cells := v.t.Side(), v.t.Grid()*v.t.Grid()
	if len(x.Codes) != cells {
		x.broken = fmt.Sprintf("%d codes are stored, want %d", len(x.Codes), cells)
		return
	}
	for i, c := range x.Codes {
		if int(c) >= v.t.Codes() {
			x.broken = fmt.Sprintf("code %d is %d, the tokenizer has %d", i, c, v.t.Codes())
			return
		}
	}
	im, _, err := pixels.Decode(x.Encoded, pixels.Limits{MaxPixels: int64(side) * int64(side)})
	switch {
	case err != nil:
		x.broken = fmt.Sprintf("the view cannot be decoded: %v", err)
	case im.W != side || im.H != side:
		x.broken = fmt.Sprintf("the view has %d×%d pixels, want %d×%d", im.W, im.H, side, side)
	default:
		x.pixels = im.Pix
	}
}
