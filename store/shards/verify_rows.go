package shards

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
)

// errRows marks a file whose bytes are those of its commit and whose rows are wrong all the same.
var errRows = errors.New("rows are wrong")

// Narrow rows: what is checked, without the views' bytes.
type (
	checkedOrigin struct {
		ID     [16]byte `parquet:"id"`
		Seq    int64    `parquet:"seq"`
		Source Source   `parquet:"source"`
	}
	checkedImage struct {
		checkedOrigin
		View  int32    `parquet:"view"`
		Codes []uint16 `parquet:"codes,list"`
	}
	checkedText struct {
		checkedOrigin
		Part int32   `parquet:"part"`
		IDs  []int32 `parquet:"ids,list"`
	}
	checkedPair struct {
		checkedOrigin
		View  int32    `parquet:"view"`
		Codes []uint16 `parquet:"codes,list"`
		IDs   []int32  `parquet:"ids,list"`
	}
	checkedDropped struct {
		checkedOrigin
		Stage  string `parquet:"stage"`
		Reason string `parquet:"reason"`
	}
)

// file checks one file of a commit and marks in seen, by seq, where each sample is.
func (v *verifier) file(ctx context.Context, c *Commit, file File, seen []Kind) error {
	if err := v.hash(ctx, file); err != nil {
		return err
	}
	rows := &rowCheck{commit: c, file: file, seen: seen, last: -1}
	var err error
	switch file.Kind {
	case Image:
		err = each(ctx, v.folder, file, rows, v.meta, func(r *checkedImage, m Meta) error {
			return errors.Join(rows.next(&r.checkedOrigin, r.View), checkCodes(r.Codes, m))
		})
	case Text:
		err = each(ctx, v.folder, file, rows, v.meta, func(r *checkedText, m Meta) error {
			return errors.Join(rows.next(&r.checkedOrigin, r.Part), checkIDs(r.IDs, m))
		})
	case Pair:
		err = each(ctx, v.folder, file, rows, v.meta, func(r *checkedPair, m Meta) error {
			return errors.Join(rows.next(&r.checkedOrigin, r.View), checkCodes(r.Codes, m), checkIDs(r.IDs, m))
		})
	case Dropped:
		skips := map[string]int{}
		err = each(ctx, v.folder, file, rows, v.meta, func(r *checkedDropped, _ Meta) error {
			skips[r.Stage+"/"+r.Reason]++
			return rows.next(&r.checkedOrigin, 0)
		})
		if err == nil && !maps.Equal(skips, c.Skips) {
			err = fmt.Errorf("%w: skips are %v, the commit says %v", errRows, skips, c.Skips)
		}
	}
	if err == nil && rows.samples != file.Samples {
		err = fmt.Errorf("%w: %d samples, the commit says %d", errRows, rows.samples, file.Samples)
	}
	return err
}

// each reads a file's rows in order.
func each[T any](ctx context.Context, f Folder, file File, rows *rowCheck, meta func(Meta) error, check func(*T, Meta) error) error {
	r, err := OpenFile[T](ctx, f, file)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := meta(r.Meta()); err != nil {
		return fmt.Errorf("%w: %w", errRows, err)
	}
	for at := 0; at < r.Len(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		batch := make([]T, min(DefaultRowGroup, r.Len()-at))
		if err := r.At(at, batch); err != nil {
			return err
		}
		for i := range batch {
			if err := check(&batch[i], r.Meta()); err != nil {
				return fmt.Errorf("%w: row %d: %w", errRows, at+i, err)
			}
		}
		at += len(batch)
	}
	return nil
}

// meta compares a file's tokenizers with the folder's.
func (v *verifier) meta(m Meta) error {
	if m.Visual.Fingerprint != "" && m.Visual != v.visual {
		return fmt.Errorf("its visual tokenizer is %+v, the folder's is %+v", m.Visual, v.visual)
	}
	if m.Text.Fingerprint != "" && m.Text != v.text {
		return fmt.Errorf("its text tokenizer is %+v, the folder's is %+v", m.Text, v.text)
	}
	return nil
}

// rowCheck holds a file's rows to their order: by seq, and by view or part within a seq.
type rowCheck struct {
	commit  *Commit
	file    File
	seen    []Kind
	last    int64 // seq of the row before
	number  int32 // its view or part
	samples int
}

func (rc *rowCheck) next(o *checkedOrigin, number int32) error {
	if o.Seq < int64(rc.commit.From) || o.Seq > int64(rc.commit.To) || o.Seq < rc.last {
		return fmt.Errorf("seq %d behind %d in a range from %d to %d", o.Seq, rc.last, rc.commit.From, rc.commit.To)
	}
	if o.Seq == rc.last {
		if rc.file.Kind == Dropped || number != rc.number+1 {
			return fmt.Errorf("seq %d: view or part %d behind %d", o.Seq, number, rc.number)
		}
		rc.number = number
		return nil
	}
	if number != 0 {
		return fmt.Errorf("seq %d begins with view or part %d", o.Seq, number)
	}
	i := o.Seq - int64(rc.commit.From)
	if rc.seen[i] != "" {
		return fmt.Errorf("seq %d is also in the %s file", o.Seq, rc.seen[i])
	}
	if want := sampleID(o.Source); o.ID != want {
		return fmt.Errorf("seq %d: id %x, its source gives %x", o.Seq, o.ID, want)
	}
	rc.seen[i], rc.last, rc.number = rc.file.Kind, o.Seq, 0
	rc.samples++
	return nil
}

// sampleID is the first 16 bytes of SHA-256 over dataset, key and revision, separated by zero bytes.
func sampleID(s Source) [16]byte {
	sum := sha256.Sum256([]byte(s.Dataset + "\x00" + s.Key + "\x00" + s.Revision))
	return [16]byte(sum[:16])
}

func checkCodes(codes []uint16, m Meta) error {
	if m.Visual.Fingerprint == "" && len(codes) == 0 {
		return nil
	}
	if len(codes) != m.Grid*m.Grid {
		return fmt.Errorf("%d codes for a grid of %d×%d", len(codes), m.Grid, m.Grid)
	}
	for _, c := range codes {
		if int(c) >= m.Visual.Codes {
			return fmt.Errorf("code %d, the tokenizer has %d", c, m.Visual.Codes)
		}
	}
	return nil
}

func checkIDs(ids []int32, m Meta) error {
	for _, id := range ids {
		if id < 0 || int(id) >= m.Text.Special.Vocab && m.Text.Fingerprint != "" {
			return fmt.Errorf("id %d, the tokenizer has %d", id, m.Text.Special.Vocab)
		}
	}
	return nil
}
