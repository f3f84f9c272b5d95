package shards

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/imglish/imglish/store"
)

// Set is a set of commits, frozen: of each lane the ranges from seq 0 on, without a gap.
type Set struct {
	Commits []*Commit // by lane, then by seq
}

// Through says how far a set goes: the last seq of each lane. As lanes only grow and commits never change, it names the
// set for good.
type Through map[int]uint64

// commits lists the objects of a lane's commits, or of those of all lanes, in the order of lane and seq.
func (f Folder) commits(ctx context.Context, prefix string) (found []store.Info, err error) {
	for info, err := range f.Store.List(ctx, commitFolder+prefix) {
		if err != nil {
			return nil, err
		}
		if _, _, _, ok := parseRange(info.Key, ".json"); ok { // what is not a commit's name is Verify's business
			found = append(found, info)
		}
	}
	// Numbers with more digits than the padding sort wrongly as names.
	slices.SortFunc(found, func(a, b store.Info) int {
		laneA, fromA, toA, _ := parseRange(a.Key, ".json")
		laneB, fromB, toB, _ := parseRange(b.Key, ".json")
		return cmp.Or(cmp.Compare(laneA, laneB), cmp.Compare(fromA, fromB), cmp.Compare(toA, toB))
	})
	return found, nil
}

// Last returns the commit that ends the contiguous ranges of a lane, nil if there is none.
func (f Folder) Last(ctx context.Context, lane int) (*Commit, error) {
	found, err := f.commits(ctx, fmt.Sprintf("lane%03d-", lane))
	if err != nil {
		return nil, err
	}
	owner, _, err := f.Owner(ctx)
	if err != nil {
		return nil, err
	}
	for {
		last, next := -1, uint64(0)
		for i, info := range found {
			_, from, to, _ := parseRange(info.Key, ".json")
			if from == next {
				last, next = i, to+1
			}
		}
		if last < 0 {
			return nil, nil
		}
		c, err := f.readCommit(ctx, found[last].Key)
		if err != nil || !foreign(c, owner) {
			return c, err
		}
		// Those of another line lie behind the ranges that count: who writes those begins where they end.
		found = slices.Delete(found, last, last+1)
	}
}

// foreign says that a commit does not count: a process has written it that has not heard of a reset of the line.
func foreign(c *Commit, owner string) bool { return owner != "" && c.Line != owner }

// Dated is a commit with the time at which it was written, by the store's clock.
type Dated struct {
	*Commit
	At time.Time
}

// Each yields the commits that count, by lane, then by seq, one in memory at a time.
func (f Folder) Each(ctx context.Context) iter.Seq2[Dated, error] { return f.each(ctx, nil, nil) }

// Unread yields those that count and whose keys are not among read, which are not fetched.
func (f Folder) Unread(ctx context.Context, read map[string]bool) iter.Seq2[Dated, error] {
	return f.each(ctx, nil, read)
}

// Read reads one commit.
func (f Folder) Read(ctx context.Context, key string) (*Commit, error) { return f.readCommit(ctx, key) }

func (f Folder) each(ctx context.Context, through Through, but map[string]bool) iter.Seq2[Dated, error] {
	return func(yield func(Dated, error) bool) {
		found, err := f.commits(ctx, "")
		if err != nil {
			yield(Dated{}, err)
			return
		}
		owner, _, err := f.Owner(ctx)
		if err != nil {
			yield(Dated{}, err)
			return
		}
		within := func(lane int, to uint64) bool {
			last, ok := through[lane]
			return through == nil || ok && to <= last
		}
		read := f.ahead(ctx, found, func(info store.Info) bool {
			lane, _, to, _ := parseRange(info.Key, ".json")
			return within(lane, to) && !but[info.Key]
		})
		next := map[int]uint64{}
		for i, info := range found {
			lane, from, to, _ := parseRange(info.Key, ".json")
			if from != next[lane] || !within(lane, to) {
				continue
			}
			if but[info.Key] {
				next[lane] = to + 1
				continue
			}
			c, err := read(i)
			if err == nil && foreign(c, owner) {
				continue
			}
			next[lane] = to + 1
			if !yield(Dated{c, info.Modified}, err) || err != nil {
				return
			}
		}
	}
}

// Load reads the commits of all lanes. With a non-nil through it gives exactly that set, or an error if commits are
// missing.
func (f Folder) Load(ctx context.Context, through Through) (*Set, error) {
	s := &Set{}
	for c, err := range f.each(ctx, through, nil) {
		if err != nil {
			return nil, err
		}
		s.Commits = append(s.Commits, c.Commit)
	}
	have := s.Through()
	for _, lane := range slices.Sorted(maps.Keys(through)) {
		if to, ok := have[lane]; !ok || to != through[lane] {
			last := int64(-1)
			if ok {
				last = int64(to)
			}
			return nil, fmt.Errorf("%s: lane %d has commits up to seq %d, %d are asked for: %w",
				f.URL(), lane, last, through[lane], ErrMismatch)
		}
	}
	return s, nil
}

// Through says how far the set goes.
func (s *Set) Through() Through {
	t := Through{}
	for _, c := range s.Commits {
		t[c.Lane] = c.To
	}
	return t
}

// Hash is SHA-256 over the set's ranges and the hashes of their files. Who wrote a commit, and when, is not in it.
func (s *Set) Hash() [sha256.Size]byte {
	h := sha256.New()
	for _, c := range s.Commits {
		fmt.Fprintf(h, "%s\n", rangeName(c.Lane, c.From, c.To))
		for _, f := range c.Files {
			fmt.Fprintf(h, "%s %d %s\n", f.Kind, f.Rows, f.SHA256)
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Entry is a line of manifest.jsonl.
type Entry struct {
	File
	Lane   int    `json:"lane"`
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Source string `json:"source"`
}

// ManifestKey is the place of the listing below the folder of the shards.
const ManifestKey = "manifest.jsonl"

// WriteManifest writes the listing of the files that count, made from the commits. Programs other than this one read
// it to find the files; this one reads the commits.
func (f Folder) WriteManifest(ctx context.Context) (*Set, error) {
	s, err := f.Load(ctx, nil)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, c := range s.Commits {
		for _, file := range c.Files {
			if err := enc.Encode(Entry{file, c.Lane, c.From, c.To, c.Source}); err != nil {
				return nil, fmt.Errorf("write manifest: %w", err)
			}
		}
	}
	_, err = f.Store.Put(ctx, ManifestKey, &b)
	return s, err
}
