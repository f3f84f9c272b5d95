package shards

import (
	"context"
	"fmt"

	conc "github.com/sourcegraph/conc/iter"

	"github.com/imglish/imglish/store"
)

// Commits are small, and on S3 each is a round trip: a set of ten thousand would take minutes one after another. So they
// are read some at once, a little ahead of who asks for them.
const (
	commitsAtOnce = 16
	commitsAhead  = 64
)

type commitOrError struct {
	*Commit
	err error
}

// ahead reads listed commits. wanted says which of them are likely to be asked for; others are read when they are.
func (f Folder) ahead(ctx context.Context, found []store.Info, wanted func(store.Info) bool) (at func(i int) (*Commit, error)) {
	read := map[int]commitOrError{}
	return func(i int) (*Commit, error) {
		if _, ok := read[i]; !ok {
			clear(read)
			var next []int
			for k := i; k < len(found) && len(next) < commitsAhead; k++ {
				if k == i || wanted(found[k]) {
					next = append(next, k)
				}
			}
			m := conc.Mapper[int, commitOrError]{MaxGoroutines: commitsAtOnce}
			for k, c := range m.Map(next, func(k *int) commitOrError {
				c, err := f.readListed(ctx, found[*k])
				return commitOrError{c, err}
			}) {
				read[next[k]] = c
			}
		}
		return read[i].Commit, read[i].err
	}
}

// readListed reads a commit whose size a listing has said.
func (f Folder) readListed(ctx context.Context, info store.Info) (*Commit, error) {
	if info.Size > maxCommitBytes {
		return nil, fmt.Errorf("%s/%s: %d bytes, at most %d are taken: %w", f.URL(), info.Key, info.Size, maxCommitBytes, ErrDamaged)
	}
	data, err := f.Store.Get(ctx, info.Key)
	if err != nil {
		return nil, err
	}
	return DecodeCommit(info.Key, data)
}
