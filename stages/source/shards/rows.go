package shards

import (
	"context"
	"fmt"
	"io"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
)

// rows reads the samples of one run of commits, each commit's by seq.
type rows struct {
	source  *Source
	folder  shards.Folder
	commits []*shards.Commit
	at      place
	streams []stream // of the commit that is read; nil if none is open
	done    int64    // bytes of the commits that are read
}

// open reads a run's commits and compares them with what was written down.
func (s *Source) open(ctx context.Context, r run, where string) (*rows, error) {
	at, err := parsePlace(where)
	if err != nil {
		return nil, err
	}
	if at.commit > len(r.Commits) || at.commit == len(r.Commits) && at.seq > 0 {
		return nil, fmt.Errorf("cursor place %q does not fit a run of %d commits", where, len(r.Commits))
	}
	out := &rows{source: s, folder: shards.In(s.data), at: at}
	for i, key := range r.Commits {
		c, err := out.folder.Read(ctx, key)
		if err != nil {
			return nil, advise(out.folder, err)
		}
		if out.commits = append(out.commits, c); i < at.commit {
			out.done += bytesOf(c)
		}
	}
	if now := describe(out.commits); now.Fingerprint != r.Fingerprint {
		return nil, damaged(out.folder, r.Commits[0], "it and the %d commits behind it are not what they were when reading began", len(r.Commits)-1)
	}
	if at.commit < len(out.commits) {
		if c := out.commits[at.commit]; at.seq > 0 && (at.seq < int64(c.From) || at.seq > int64(c.To)+1) {
			return nil, fmt.Errorf("cursor place %q does not fit %s", where, c.Key())
		}
	}
	return out, nil
}

func bytesOf(c *shards.Commit) (n int64) {
	for _, f := range c.Files {
		n += f.Bytes
	}
	return n
}

// Next returns the next sample.
func (r *rows) Next(ctx context.Context) (pipeline.Result, string, error) {
	for {
		if err := ctx.Err(); err != nil {
			return pipeline.Result{}, "", err
		}
		if r.at.commit == len(r.commits) {
			return pipeline.Result{}, "", io.EOF
		}
		if r.streams == nil {
			if err := r.enter(ctx); err != nil {
				return pipeline.Result{}, "", advise(r.folder, err)
			}
		}
		s, err := r.take()
		if err != nil {
			return pipeline.Result{}, "", advise(r.folder, err)
		}
		if s != nil {
			return pipeline.Keep(s), r.at.String(), nil
		}
		r.done += bytesOf(r.commits[r.at.commit])
		r.at = place{commit: r.at.commit + 1}
		if err := r.leave(); err != nil {
			return pipeline.Result{}, "", err
		}
	}
}

// enter opens the files of the commit that comes next.
func (r *rows) enter(ctx context.Context) error {
	c := r.commits[r.at.commit]
	r.streams = []stream{}
	for _, file := range c.Files {
		var s stream
		var err error
		switch file.Kind {
		case shards.Image:
			s, err = open(ctx, r.folder, file, r.at.seq, func(x *shards.ImageRow) row {
				return row{&x.Origin, &x.View, nil}
			})
		case shards.Text:
			s, err = open(ctx, r.folder, file, r.at.seq, func(x *shards.TextRow) row {
				return row{&x.Origin, nil, &x.Part}
			})
		case shards.Pair:
			s, err = open(ctx, r.folder, file, r.at.seq, func(x *shards.PairRow) row {
				return row{&x.Origin, &x.View, &x.Part}
			})
		default:
			continue
		}
		if err != nil {
			return err
		}
		r.streams = append(r.streams, s)
	}
	return nil
}

func (r *rows) leave() (err error) {
	for _, s := range r.streams {
		if e := s.close(); err == nil {
			err = e
		}
	}
	r.streams = nil
	return err
}

// take makes the sample of the lowest seq, nil if the commit has no more.
func (r *rows) take() (*pipeline.Sample, error) {
	var first stream
	for _, s := range r.streams {
		head, err := s.peek()
		if err != nil {
			return nil, err
		}
		if head == nil {
			continue
		}
		if first == nil {
			first = s
			continue
		}
		if other, _ := first.peek(); head.Seq < other.Seq {
			first = s
		}
	}
	if first == nil {
		return nil, nil
	}
	head, err := first.peek()
	if err != nil {
		return nil, err
	}
	c := r.commits[r.at.commit]
	if head.Seq < r.at.seq || head.Seq < int64(c.From) || head.Seq > int64(c.To) {
		return nil, damaged(r.folder, first.name(), "seq %d stands where %d or a later one of its range should", head.Seq, max(r.at.seq, int64(c.From)))
	}
	s, err := sample(first, r.source.cfg.Join)
	if err != nil {
		return nil, damaged(r.folder, first.name(), "seq %d: %v", head.Seq, err)
	}
	r.at.seq = head.Seq + 1
	return s, nil
}

// Done counts whole commits, and of the one that is open as much as its samples are of its range.
func (r *rows) Done() int64 {
	if r.at.commit == len(r.commits) || r.at.seq == 0 {
		return r.done
	}
	c := r.commits[r.at.commit]
	return r.done + bytesOf(c)*(r.at.seq-int64(c.From))/int64(c.To-c.From+1)
}

// Close closes what is open.
func (r *rows) Close() error { return r.leave() }
