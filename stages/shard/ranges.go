package shard

import (
	"context"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
)

// Ranges is where a line's shards lie, for the commands that look after the line.
type Ranges struct{ Folder shards.Folder }

var _ pipeline.Ranges = Ranges{}

// Tally counts the commits of all lanes. A folder without shards holds nothing.
func (r Ranges) Tally(ctx context.Context) (pipeline.Tally, error) {
	t := pipeline.Tally{Skips: map[string]int64{}, Lanes: map[int]pipeline.Position{}, Sources: map[int]string{}}
	line, ok, err := r.Folder.Owner(ctx)
	if err != nil || !ok {
		return t, err
	}
	t.Line = line
	for c, err := range r.Folder.Each(ctx) {
		if err != nil {
			return t, err
		}
		t.Ranges++
		t.Records += int64(c.To - c.From + 1)
		for _, f := range c.Files {
			t.Bytes += f.Bytes
		}
		for reason, n := range c.Skips {
			t.Skips[reason] += int64(n)
		}
		if t.Lanes[c.Lane], err = position(c.Commit); err != nil {
			return t, err
		}
		t.Sources[c.Lane] = c.Source
	}
	return t, nil
}

// Forget removes the commits and what the shards were pinned to. The files stay until imglish gc removes what no commit
// names. Samples that were taken once more are not, where the stage that had skipped them does so again itself.
func (r Ranges) Forget(ctx context.Context, line string, stages []string) error {
	if err := replay.Open(r.Folder.Store).Void(ctx, line, stages); err != nil {
		return err
	}
	return r.Folder.Forget(ctx, line)
}
