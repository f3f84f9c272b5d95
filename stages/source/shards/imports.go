package shards

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/imglish/imglish/stages/source/internal/filelist"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
)

const (
	// runCommits is how many commits are a file of the source. A file's end closes the ranges of the new line, so files
	// should not be small: 64 commits of 1,024 samples over 4 lanes are 16 full ranges a lane.
	runCommits = 64
	// stepRuns bounds one step, and so the object that holds it, to about 1 MB.
	stepRuns = 256
	// lookPause is the least time between two looks whether the data set has grown.
	lookPause = time.Minute

	stepSchema = 1
)

// run is a run of commits, a file of the source.
type run struct {
	Name        string   `json:"name"`  // of its first commit
	Size        int64    `json:"bytes"` // of the shards
	Fingerprint string   `json:"fingerprint"`
	Commits     []string `json:"commits"` // keys
}

// step is what has been found at one look, an object in the new line's store.
type step struct {
	Schema int    `json:"schema"`
	Line   string `json:"line"` // UUID of the data set's line
	Runs   []run  `json:"runs"`
}

// imports is the list of steps: which commits are read, in which order. Steps are numbered and created only if absent,
// so all processes of a line have the same list.
type imports struct {
	folder shards.Folder
	line   string // UUID
	own    store.Store

	steps  int
	known  []run
	have   map[string]bool // keys of commits
	looked time.Time
}

func (m *imports) key(n int) string { return fmt.Sprintf("imports/%s/%010d.json", m.line, n) }

// runs brings the list up to date.
func (m *imports) runs(ctx context.Context) ([]run, error) {
	if m.have == nil {
		m.have = map[string]bool{}
	}
	if err := m.read(ctx); err != nil {
		return nil, err
	}
	if time.Since(m.looked) < lookPause {
		return m.known, nil
	}
	for {
		found, err := m.look(ctx)
		if err != nil {
			return nil, advise(m.folder, err)
		}
		if len(found) == 0 {
			m.looked = time.Now()
			return m.known, nil
		}
		data, err := json.Marshal(step{stepSchema, m.line, found})
		if err != nil {
			return nil, err
		}
		// Whoever was first: its step counts, and is read.
		if _, err := m.own.PutIfAbsent(ctx, m.key(m.steps+1), append(data, '\n')); err != nil {
			return nil, err
		}
		if err := m.read(ctx); err != nil {
			return nil, err
		}
	}
}

// read reads the steps that it does not know.
func (m *imports) read(ctx context.Context) error {
	for {
		key := m.key(m.steps + 1)
		data, err := m.own.Get(ctx, key)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		var s step
		if err := json.Unmarshal(data, &s); err != nil {
			return fmt.Errorf("%s/%s: %w", m.own.URL(), key, err)
		}
		if s.Schema != stepSchema || s.Line != m.line || len(s.Runs) == 0 {
			return fmt.Errorf("%s/%s: schema %d, line %s and %d runs: want schema %d and line %s", m.own.URL(), key, s.Schema, s.Line, len(s.Runs), stepSchema, m.line)
		}
		m.steps++
		m.known = append(m.known[:len(m.known):len(m.known)], s.Runs...)
		for _, r := range s.Runs {
			for _, c := range r.Commits {
				m.have[c] = true
			}
		}
	}
}

// look finds commits that are in no step, as runs.
func (m *imports) look(ctx context.Context) ([]run, error) {
	var out []run
	var open []*shards.Commit
	for c, err := range m.folder.Unread(ctx, m.have) {
		if err != nil {
			return nil, err
		}
		if open = append(open, c.Commit); len(open) < runCommits {
			continue
		}
		out, open = append(out, describe(open)), nil
		if len(out) == stepRuns {
			return out, nil
		}
	}
	if len(open) > 0 {
		out = append(out, describe(open))
	}
	return out, nil
}

// describe takes the fingerprint of a run: over the ranges and the hashes of their files.
func describe(commits []*shards.Commit) run {
	r := run{Name: strings.TrimSuffix(path.Base(commits[0].Key()), ".json")}
	h := sha256.New()
	for _, c := range commits {
		r.Commits = append(r.Commits, c.Key())
		io.WriteString(h, c.Key()+"\n")
		for _, f := range c.Files {
			fmt.Fprintf(h, "%s %d %s\n", f.Kind, f.Rows, f.SHA256)
			r.Size += f.Bytes
		}
	}
	r.Fingerprint = filelist.Hex(h.Sum(nil))
	return r
}
