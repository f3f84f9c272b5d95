package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/demo"
	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/trainer"
)

type trainOptions struct {
	steps   int64 // 0: as the file says
	threads int
	asJSON  bool
	metrics string
}

func newTrainCommand() *cobra.Command {
	var o trainOptions
	cmd := &cobra.Command{
		Use:         "train GRAPH.yaml",
		Annotations: map[string]string{goesOn: "yes"},
		Short:       "Train the model on the shards that a line made",
		Long: `train reads the sections mix: and train: of the graph file and the shards in its data folder, and trains the Multiway
Transformer. Checkpoints and loss.jsonl go to train.dir (below the data folder if relative). It goes on from the newest
checkpoint there, on the same shards even if the line has added more since; Ctrl-C writes one before it stops.

With --json every step is one JSON line: step, loss and its four terms (null where a batch has none), lr, grad_norm,
tokens, masked, seconds, wait_seconds.`,
		Example: "  imglish train demo/graph.yaml\n  imglish train graph.yaml --steps 10 --threads 1 --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := pipeline.Load(args[0], builders())
			if err != nil {
				return err
			}
			return runTrain(cmd, g, o)
		},
	}
	f := cmd.Flags()
	f.Int64Var(&o.steps, "steps", 0, "steps in all, earlier runs' included (default: train.steps of the file)")
	f.IntVar(&o.threads, "threads", 0, "threads (default: all processors); changes nothing in the result")
	f.BoolVar(&o.asJSON, "json", false, "print one JSON line a step")
	f.StringVar(&o.metrics, "metrics", "", metricsUsage+" (default: off)")
	return cmd
}

func runTrain(cmd *cobra.Command, g *pipeline.Config, o trainOptions) error {
	indexed := newProgress(cmd.ErrOrStderr(), "shards indexed")
	t, err := openTraining(cmd.Context(), g, o, indexed.update)
	indexed.finish()
	if err != nil {
		return err
	}
	defer t.Close()
	p := newProgress(cmd.ErrOrStderr(), "train")
	defer p.finish()
	watch := metrics.NewTraining(t.Config.Steps)
	server, err := serveTraining(cmd, o.metrics, watch)
	if err != nil {
		return err
	}
	defer server.Close()
	note := func(text string) {
		p.finish()
		fmt.Fprintln(cmd.ErrOrStderr(), text)
	}
	var last trainer.Report
	res, err := trainer.Run(cmd.Context(), t.Config, t.Backend, t.Mixer, trainer.Hooks{
		Note:  note,
		Batch: watch.Batch,
		Step: func(r trainer.Report) {
			last = r
			watch.Step(r)
			p.update(r.Step+1, t.Config.Steps, lossText(r))
			if o.asJSON {
				err = errors.Join(err, printJSON(cmd.OutOrStdout(), r))
			}
		},
	})
	p.finish()
	if err != nil || o.asJSON {
		return err
	}
	if res.From == res.Steps {
		fmt.Fprintf(cmd.OutOrStdout(), "nothing to do: %d of %d steps were done before, %s\n", res.Steps, t.Config.Steps, res.Checkpoint)
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d parameters, step %d: %s\n%s\n", res.Parameters, res.Steps, lossText(last), res.Checkpoint)
	return nil
}

// lossText is a step's losses in a few words.
func lossText(r trainer.Report) string {
	show := func(v *float64) string {
		if v == nil {
			return "-"
		}
		return strconv.FormatFloat(*v, 'f', 3, 64)
	}
	return fmt.Sprintf("loss %s (images %s, texts %s, pairs' images %s and texts %s), lr %.2g",
		show(r.Total), show(r.Image), show(r.Text), show(r.PairImage), show(r.PairText), r.LR)
}

// openTraining reads the settings, finds out which shards the run is on, and opens them and a backend.
func openTraining(ctx context.Context, g *pipeline.Config, o trainOptions, progress func(done, total int64, note string)) (*demo.Training, error) {
	mix, c := mixer.Defaults(), trainer.Defaults()
	if err := g.Mix.Decode(&mix); err != nil {
		return nil, err
	}
	if err := g.Train.Decode(&c); err != nil {
		return nil, err
	}
	if o.steps > 0 {
		c.Steps = o.steps
	}
	if !filepath.IsAbs(c.Dir) {
		c.Dir = filepath.Join(g.Data, c.Dir)
	}
	if most := max(mix.TextPieces, mix.PairPieces); c.Model.MaxText < most {
		return nil, fmt.Errorf("train.model.max_text is %d, but mix lets texts have %d pieces", c.Model.MaxText, most)
	}
	var options mixer.Options
	options.Progress = progress
	path, state, err := trainer.Newest(c.Dir, nil)
	if err != nil {
		return nil, err
	}
	if path != "" && state.Mixer != nil {
		options.Through = state.Mixer.Through
	}
	st, err := openStore(ctx, g.StoreURL())
	if err != nil {
		return nil, err
	}
	folder, err := shards.Find(ctx, st)
	if err != nil {
		return nil, err
	}
	_, visual, text, err := folder.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.Model.Fit(visual.Side, visual.Grid, visual.Codes, text.Special.Vocab); err != nil {
		return nil, err
	}
	c.Data = map[string]string{
		"visual_tokenizer": visual.Fingerprint, "text_tokenizer": text.Fingerprint,
		"masking": fmt.Sprintf("%s, texts %v, texts of pairs %v", mix.Mask, mix.TextMask, mix.PairTextMask),
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m, err := mixer.Open(ctx, st, mix, options)
	if err != nil {
		return nil, err
	}
	b, err := cpu.New(o.threads)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("choose a compute backend: %w", err), m.Close())
	}
	return &demo.Training{Config: c, Mixer: m, Backend: b}, nil
}
