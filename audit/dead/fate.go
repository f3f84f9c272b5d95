package dead

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"

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

// DoneAgain marks a skip that was once taken once more, and is made again by a reset of the line where it was first made:
// what the lanes of replay have of it counts for nothing.
const DoneAgain Fate = "done again"

// Fates lists the fates that count.
var Fates = []Fate{NotReplayed, UnderWay, Recovered, Again}

// Fated knows what became of each skip that was replayed.
type Fated struct {
	skips map[replay.Place]int  // the row of the lists that a skip is in; rows that count no more are left out
	rows  []listed              // of all lists
	void  map[replay.Place]bool // places in the lanes of replay of rows that count no more
	kept  map[[16]byte]bool     // samples that a shard of the lanes of replay has
}

// listed is one row of the lists.
type listed struct {
	void, taken bool // taken: a commit has it
}

// Of is the fate of the skip of a sample.
func (f *Fated) Of(p replay.Place, id [16]byte, reason string) Fate {
	row, ok := f.skips[p]
	switch {
	case f.void[p] || reason == replay.DoneAgain:
		return DoneAgain
	case !ok:
		return NotReplayed
	case f.kept[id]:
		return Recovered
	case !f.rows[row].taken:
		return UnderWay
	}
	return Again
}

func (f *Fated) of(s Skip) Fate { return f.Of(s.Place, s.Row.ID, s.Row.Reason) }

func (l *Letters) fates(ctx context.Context) (*Fated, error) { return ReadFates(ctx, l.folder) }

// ReadFates reads the lists of a folder's store and the shards of their lanes. Where nothing was replayed it costs two
// requests.
func ReadFates(ctx context.Context, folder shards.Folder) (*Fated, error) {
	f := &Fated{skips: map[replay.Place]int{}, void: map[replay.Place]bool{}, kept: map[[16]byte]bool{}}
	lists := replay.Open(folder.Store)
	voids, err := lists.Voids(ctx)
	if err != nil {
		return nil, err
	}
	rowsOf := map[[16]byte][]int{} // of a sample, in the order of the lists
	for list, err := range lists.Each(ctx) {
		if err != nil {
			return nil, err
		}
		for _, row := range list.Rows {
			id, err := hex.DecodeString(row.ID)
			if err != nil {
				return nil, err // Read has checked it
			}
			n, void := len(f.rows), voids.Has(list.Number, row.Stage)
			f.rows = append(f.rows, listed{void: void})
			rowsOf[[16]byte(id)] = append(rowsOf[[16]byte(id)], n)
			if !void {
				f.skips[row.Place] = n
			}
		}
	}
	if len(f.rows) == 0 {
		return f, nil
	}
	came := map[[16]byte][]outcome{} // of a sample
	for c, err := range folder.Each(ctx) {
		if err != nil {
			return nil, err
		}
		if c.Source != replay.Source {
			continue
		}
		for _, file := range c.Files {
			var last [16]byte
			for row, err := range rows[ids](ctx, folder, file) {
				if err != nil {
					return nil, err
				}
				if row.ID == last {
					continue // another view or part
				}
				last = row.ID
				came[row.ID] = append(came[row.ID], outcome{replay.Place{Lane: c.Lane, Seq: uint64(row.Seq)}, file.Kind != shards.Dropped})
			}
		}
	}
	for id, list := range came {
		// Row g of a source of L lanes is seq g div L of lane g mod L: in this order they are those of the lists. Of a
		// sample that stands there twice a later one may be committed first; then there are fewer.
		slices.SortFunc(list, func(a, b outcome) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Lane, b.Lane)) })
		for i, o := range list[:min(len(list), len(rowsOf[id]))] {
			row := &f.rows[rowsOf[id][i]]
			row.taken = true
			f.void[o.Place] = row.void
			f.kept[id] = f.kept[id] || o.kept
		}
	}
	return f, nil
}

// outcome is what a lane of replay has of a sample.
type outcome struct {
	replay.Place
	kept bool
}

// ids is what is read of a file to know which samples it holds.
type ids struct {
	ID  [16]byte `parquet:"id"`
	Seq int64    `parquet:"seq,delta"`
}
