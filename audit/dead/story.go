package dead

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
)

// ErrNoSkip is returned where nothing was skipped.
var ErrNoSkip = errors.New("no skip")

// Story is what happened to one sample that was skipped.
type Story struct {
	ID    string // 32 hex digits
	Skips []Skip // in the order of lanes: the lanes of replay come behind those of the source
	Kept  []Kept // where it is in the shards
}

// Kept is a place where a sample is in the shards.
type Kept struct {
	replay.Place
	File string // below the folder of the shards
}

// At finds the sample that was skipped at a place. The error wraps ErrNoSkip if there is none.
func (l *Letters) At(ctx context.Context, at replay.Place, p Progress) (Story, error) {
	last := int64(-1)
	for c, err := range l.folder.Each(ctx) {
		if err != nil {
			return Story{}, err
		}
		if c.Lane != at.Lane {
			continue
		}
		last = int64(c.To)
		if at.Seq < c.From || at.Seq > c.To {
			continue
		}
		for s, err := range l.skips(ctx, c) {
			if err != nil {
				return Story{}, err
			}
			if s.Place == at {
				return l.Of(ctx, s.Row.ID, p)
			}
		}
		return Story{}, fmt.Errorf("%w at lane %d, seq %d: that sample is in the shards", ErrNoSkip, at.Lane, at.Seq)
	}
	return Story{}, fmt.Errorf("%w at lane %d, seq %d: the lane's commits end with seq %d", ErrNoSkip, at.Lane, at.Seq, last)
}

// Of tells the story of a sample. It reads the ids of all skips. The error wraps ErrNoSkip if it was never skipped.
func (l *Letters) Of(ctx context.Context, id [16]byte, p Progress) (Story, error) {
	st := Story{ID: hex.EncodeToString(id[:])}
	fates, err := l.fates(ctx)
	if err != nil {
		return st, err
	}
	done := int64(0)
	for c, err := range l.folder.Each(ctx) {
		if err != nil {
			return st, err
		}
		done++
		p.tell(done, "commits")
		for _, file := range c.Files {
			switch {
			case file.Kind == shards.Dropped:
				err = l.addSkip(ctx, &st, c, file, id, fates)
			case c.Source == replay.Source:
				err = l.addKept(ctx, &st, c, file, id)
			}
			if err != nil {
				return st, err
			}
		}
	}
	if len(st.Skips) == 0 {
		return st, fmt.Errorf("%w of sample %s in %s", ErrNoSkip, st.ID, l.folder.URL())
	}
	return st, nil
}

// addSkip looks at the ids of a file first: the rest of a row is only read where it is asked for.
func (l *Letters) addSkip(ctx context.Context, st *Story, c shards.Dated, file shards.File, id [16]byte, fates *Fated) error {
	has := false
	for row, err := range rows[ids](ctx, l.folder, file) {
		if err != nil {
			return err
		}
		has = has || row.ID == id
	}
	if !has {
		return nil
	}
	for s, err := range l.skips(ctx, c) {
		if err != nil {
			return err
		}
		if s.Row.ID == id {
			s.Fate = fates.of(s)
			st.Skips = append(st.Skips, s)
		}
	}
	return nil
}

func (l *Letters) addKept(ctx context.Context, st *Story, c shards.Dated, file shards.File, id [16]byte) error {
	for row, err := range rows[ids](ctx, l.folder, file) {
		if err != nil {
			return err
		}
		if row.ID == id {
			st.Kept = append(st.Kept, Kept{replay.Place{Lane: c.Lane, Seq: uint64(row.Seq)}, file.Key})
			return nil // of several views or parts the first
		}
	}
	return nil
}
