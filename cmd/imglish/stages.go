package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels/vips"
	"github.com/imglish/imglish/stages/clean"
	"github.com/imglish/imglish/stages/fetch"
	"github.com/imglish/imglish/stages/shard"
	"github.com/imglish/imglish/stages/source/cc12m"
	"github.com/imglish/imglish/stages/source/imagenet21k"
	"github.com/imglish/imglish/stages/source/replay"
	made "github.com/imglish/imglish/stages/source/shards"
	"github.com/imglish/imglish/stages/source/wikipedia"
	"github.com/imglish/imglish/stages/text"
	"github.com/imglish/imglish/stages/view"
	"github.com/imglish/imglish/stages/visual"
	replays "github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
)

// builders is the table of everything that a graph file may name: the one place where a name becomes code.
func builders() pipeline.Builders {
	return pipeline.Builders{
		Sources: map[string]pipeline.Builder[pipeline.Source]{
			"cc12m":       pipeline.Build(cc12m.Defaults(), pipeline.Work{}, buildCC12M),
			"imagenet21k": pipeline.Build(imagenet21k.Defaults(), pipeline.Work{}, buildImageNet),
			"wikipedia":   pipeline.Build(wikipedia.Defaults(), pipeline.Work{}, buildWikipedia),
			"shards":      pipeline.Build(made.Defaults(), pipeline.Work{}, buildMade),
			replay.Name:   pipeline.Build(replay.Config{}, pipeline.Work{}, buildReplay),
		},
		Joined: joined,
		Stages: map[string]pipeline.Builder[pipeline.Stage]{
			// It waits for the network: as many calls as transfers, one sample each, and a window that a slow host
			// does not fill.
			"fetch": pipeline.Build(fetch.Defaults(), pipeline.Work{Concurrency: fetch.Defaults().Transfers, Batch: 1, Window: 2048}, buildFetch),
			// These two compute on one core a call.
			"clean": pipeline.Build(clean.Defaults(), pipeline.Work{Concurrency: runtime.GOMAXPROCS(0), Batch: 4}, buildClean),
			"view":  pipeline.Build(view.Defaults(), pipeline.Work{Concurrency: runtime.GOMAXPROCS(0), Batch: 4}, buildView),
			// One call uses all cores, or an accelerator; the second one decodes its views meanwhile.
			"visual": pipeline.Build(visual.Defaults(), pipeline.Work{Concurrency: 2, Batch: 16}, buildVisual),
			"text":   pipeline.Build(text.Defaults(), pipeline.Work{}, buildText),
		},
		Sinks: map[string]pipeline.Builder[pipeline.Sink]{
			"shard": pipeline.Build(shard.Defaults(), pipeline.Work{}, buildShard),
		},
	}
}

func buildCC12M(_ context.Context, c cc12m.Config, env pipeline.Env) (pipeline.Source, error) {
	c.List, c.Lists = env.Path(c.List), envPaths(env, c.Lists)
	return cc12m.New(c)
}

func buildImageNet(_ context.Context, c imagenet21k.Config, env pipeline.Env) (pipeline.Source, error) {
	c.Path = env.Path(c.Path)
	return imagenet21k.New(c)
}

func buildWikipedia(_ context.Context, c wikipedia.Config, env pipeline.Env) (pipeline.Source, error) {
	c.Dump, c.Dumps = env.Path(c.Dump), envPaths(env, c.Dumps)
	return wikipedia.New(c)
}

func buildMade(ctx context.Context, c made.Config, env pipeline.Env) (pipeline.Source, error) {
	if !strings.Contains(c.Data, "://") {
		c.Data = env.Path(c.Data)
	}
	data, err := openStore(ctx, c.Data)
	if err != nil {
		return nil, err
	}
	own, err := openStore(ctx, env.Store)
	if err != nil {
		return nil, err
	}
	return made.New(c, data, own)
}

func buildReplay(ctx context.Context, _ replay.Config, env pipeline.Env) (pipeline.Source, error) {
	st, err := openStore(ctx, env.Store)
	if err != nil {
		return nil, err
	}
	return replay.New(st), nil
}

// joined gives a line whose store has lists of samples to be taken once more the source that reads them.
func joined(ctx context.Context, c *pipeline.Config) ([]pipeline.SourceAt, error) {
	st, err := openStore(ctx, c.StoreURL())
	if err != nil {
		return nil, err
	}
	any, err := replays.Open(st).Any(ctx)
	if err != nil || !any {
		return nil, err
	}
	return []pipeline.SourceAt{{Name: replay.Name, Kind: replay.Name, Lanes: replay.Lanes}}, nil
}

func envPaths(env pipeline.Env, paths []string) []string {
	out := make([]string, len(paths))
	for i, p := range paths {
		out[i] = env.Path(p)
	}
	return out
}

func buildFetch(ctx context.Context, c fetch.Config, env pipeline.Env) (pipeline.Stage, error) {
	st, err := openStore(ctx, env.Store)
	if err != nil {
		return nil, err
	}
	return fetch.New(c, st)
}

func buildClean(ctx context.Context, c clean.Config, env pipeline.Env) (pipeline.Stage, error) {
	st, err := openStore(ctx, env.Store)
	if err != nil {
		return nil, err
	}
	return clean.New(c, st)
}

func buildView(ctx context.Context, c view.Config, env pipeline.Env) (pipeline.Stage, error) {
	st, err := openStore(ctx, env.Store)
	if err != nil {
		return nil, err
	}
	return view.New(c, st, vips.EncodeWebP)
}

// visualStage closes its compute backend behind the tokenizer.
type visualStage struct {
	*visual.Stage
	backend tensor.Backend
}

func (s visualStage) Close() error {
	err := s.Stage.Close()
	s.backend.Close()
	return err
}

func buildVisual(_ context.Context, c visual.Config, env pipeline.Env) (pipeline.Stage, error) {
	b, t, err := loadVisual(c, env)
	if err != nil {
		return nil, err
	}
	env.Logger.Info("visual words", "tokenizer", t.Fingerprint()[:16], "precision", t.Precision(), "backend", b.Name())
	return visualStage{visual.New(t), b}, nil
}

func loadVisual(c visual.Config, env pipeline.Env) (tensor.Backend, *vqkd.Tokenizer, error) {
	b, err := cpu.New(c.Threads)
	if err != nil {
		return nil, nil, fmt.Errorf("choose a compute backend: %w", err)
	}
	t, err := vqkd.Load(b, env.Path(c.Tokenizer), c.Options)
	if err != nil {
		b.Close()
		return nil, nil, err
	}
	return b, t, nil
}

func buildText(_ context.Context, c text.Config, env pipeline.Env) (pipeline.Stage, error) {
	c.Tokenizer = env.Path(c.Tokenizer)
	return text.Open(c)
}

// visually says what the shards keep of the visual tokenizer, whose weights are only read.
func visually(c visual.Config, env pipeline.Env) (shards.Visual, error) {
	i, err := vqkd.Inspect(env.Path(c.Tokenizer), c.Options)
	return shards.Visual{Fingerprint: i.Fingerprint, Grid: i.Grid, Side: i.Side, Codes: i.Codes}, err
}

// textual says what the shards keep of the text tokenizer.
func textual(c text.Config, env pipeline.Env) (shards.Textual, error) {
	c.Tokenizer = env.Path(c.Tokenizer)
	s, err := text.Open(c)
	if err != nil {
		return shards.Textual{}, err
	}
	defer s.Close()
	sp := s.Tokenizer().Special()
	return shards.Textual{Fingerprint: s.Tokenizer().Fingerprint(), Special: shards.Special{
		BOS: sp.BOS, Pad: sp.Pad, EOS: sp.EOS, Unk: sp.Unk, Mask: sp.Mask, Vocab: sp.Vocab,
	}}, nil
}

func buildShard(ctx context.Context, c shard.Config, env pipeline.Env) (pipeline.Sink, error) {
	st, err := openStore(ctx, env.Store)
	if err != nil {
		return nil, err
	}
	var t shard.Tokenizers
	if settings, ok, err := env.Settings("visual"); err != nil {
		return nil, err
	} else if ok {
		if t.Visual, err = visually(settings.(visual.Config), env); err != nil {
			return nil, err
		}
	}
	if settings, ok, err := env.Settings("text"); err != nil {
		return nil, err
	} else if ok {
		if t.Text, err = textual(settings.(text.Config), env); err != nil {
			return nil, err
		}
	}
	return shard.New(st, c, t, env.RangeBytes)
}
