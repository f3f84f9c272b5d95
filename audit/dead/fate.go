package dead

import (
	"context"
	"encoding/hex"

	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
)

// Fate is what became of a skip.
type Fate string

// The fates of a skip.
const (
	NotReplayed Fate = "open"         // nobody has asked for it to be taken once more
	UnderWay    Fate = "under way"    // it is in a list, and no commit has it yet
	Recovered   Fate = "recovered"    // the sample is in the shards
	Again       Fate = "failed again" // it was skipped once more, which is a skip of its own
)

// Fates lists all fates.
var Fates = []Fate{NotReplayed, UnderWay, Recovered, Again}

// Fated knows what became of each skip that was replayed.
type Fated struct {
	listed  map[replay.Place]bool
	samples map[[16]byte]taken
}

// taken is how often a sample was put into a list, and what came out of the lanes of replay so far.
type taken struct {
	listed, dropped int32
	kept            bool
}

// Of is the fate of the skip of a sample.
func (f *Fated) Of(p replay.Place, id [16]byte) Fate {
	if !f.listed[p] {
		return NotReplayed
	}
	switch t := f.samples[id]; {
	case t.kept:
		return Recovered
	case t.dropped < t.listed:
		return UnderWay
	}
	return Again
}

func (f *Fated) of(s Skip) Fate { return f.Of(s.Place, s.Row.ID) }

func (l *Letters) fates(ctx context.Context) (*Fated, error) { return ReadFates(ctx, l.folder) }

// ReadFates reads the lists of a folder's store and the shards of their lanes. Where nothing was replayed it costs one
// request.
func ReadFates(ctx context.Context, folder shards.Folder) (*Fated, error) {
	f := &Fated{listed: map[replay.Place]bool{}, samples: map[[16]byte]taken{}}
	for list, err := range replay.Open(folder.Store).Each(ctx) {
		if err != nil {
			return nil, err
		}
		for _, row := range list.Rows {
			f.listed[row.Place] = true
			id, err := hex.DecodeString(row.ID)
			if err != nil {
				return nil, err // Read has checked it
			}
			t := f.samples[[16]byte(id)]
			t.listed++
			f.samples[[16]byte(id)] = t
		}
	}
	if len(f.listed) == 0 {
		return f, nil
	}
	for c, err := range folder.Each(ctx) {
		if err != nil {
			return nil, err
		}
		if c.Source != replay.Source {
			continue
		}
		for _, file := range c.Files {
			if err := f.add(ctx, folder, file); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

// ids is what is read of a file to know which samples it holds.
type ids struct {
	ID [16]byte `parquet:"id"`
}

func (f *Fated) add(ctx context.Context, folder shards.Folder, file shards.File) error {
	for row, err := range rows[ids](ctx, folder, file) {
		if err != nil {
			return err
		}
		t := f.samples[row.ID]
		if file.Kind == shards.Dropped {
			t.dropped++
		} else {
			t.kept = true
		}
		f.samples[row.ID] = t
	}
	return nil
}
