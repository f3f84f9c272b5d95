package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
)

// Join returns the graph with the sources that a line has beside those of its file (Builders.Joined) behind them. A
// source that the file names is not joined again.
func (c *Config) Join(ctx context.Context, b Builders) (*Config, error) {
	if b.Joined == nil {
		return c, nil
	}
	joined, err := b.Joined(ctx, c)
	if err != nil {
		return nil, err
	}
	out := *c
	out.Sources = slices.Clone(c.Sources)
	for _, j := range joined {
		i := slices.IndexFunc(c.Sources, func(s SourceAt) bool { return s.Name == j.Name })
		switch {
		case i < 0:
			out.Sources = append(out.Sources, j)
		case c.Sources[i].Kind != j.Kind:
			return nil, fmt.Errorf("%s: a source of kind %s is named %q: the name is kept for a source that the line adds by itself",
				c.File, c.Sources[i].Kind, j.Name)
		}
	}
	return &out, nil
}

// Source builds a source of the graph, to read it outside of a run.
func (c *Config) Source(ctx context.Context, b Builders, name string) (Source, error) {
	for _, at := range c.Sources {
		if at.Name == name {
			env := Env{Name: c.Line, Data: c.Data, Dir: c.Dir, Store: c.StoreURL(), Logger: slog.New(slog.DiscardHandler)}
			src, err := b.Sources[at.Kind].make(ctx, at.Settings, env)
			if err != nil {
				return nil, sourceError(at.Name, err)
			}
			return src, nil
		}
	}
	return nil, fmt.Errorf("%s has no source %q", c.File, name)
}

// readsSources says whether this process works on the segment of the sources.
func (r *Runner) readsSources() bool { return r.segments[0].Index == 0 }

// joinNew makes sources that have come to be since the line was opened part of it: their lanes come behind all others,
// and whoever has a share of the work gets a share of them. Every process of the line does this; the first one's claim
// counts.
func (r *Runner) joinNew(ctx context.Context) error {
	cfg, err := r.cfg.Join(ctx, r.builders)
	if err != nil {
		return err
	}
	for _, at := range cfg.Sources {
		if r.wants(at.Name) {
			continue
		}
		r.logger.Info("a source joins the line", "source", at.Name, "lanes", at.Lanes)
		if err := r.claim(ctx, []SourceAt{at}); err != nil {
			return err
		}
		for _, s := range r.line.board.segments {
			if s.Output == "" {
				continue
			}
			if err := r.log.extendTopic(ctx, s.Output, r.line.book.lanes()); err != nil {
				return err
			}
		}
		if r.readsSources() {
			if err := r.buildSource(ctx, at); err != nil {
				return err
			}
		}
		r.mu.Lock()
		r.wanted = append(r.wanted, at)
		r.mu.Unlock()
	}
	return nil
}

// claim finds sources in the book or enters them.
func (r *Runner) claim(ctx context.Context, sources []SourceAt) error {
	b := r.line.book
	extend := func(ctx context.Context, n int) error { return r.log.extendTopic(ctx, b.topic, n) }
	return b.claim(ctx, sources, r.line.first, extend)
}

// wants says whether a source is one of those that the line is run for.
func (r *Runner) wants(name string) bool {
	return slices.ContainsFunc(r.wantedSources(), func(s SourceAt) bool { return s.Name == name })
}

// wantedSources are the sources of the graph file and those that have joined.
func (r *Runner) wantedSources() []SourceAt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.wanted)
}

// source is a source that this process reads, nil if it has none of the name.
func (r *Runner) source(name string) *builtSource {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sources[name]
}
