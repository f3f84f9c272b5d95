package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/demo"
	"github.com/imglish/imglish/pipeline"
)

func newDemoCommand() *cobra.Command {
	cfg := demo.Defaults()
	var samples int
	var noTrain bool
	cmd := &cobra.Command{
		Use:         "demo",
		Annotations: map[string]string{goesOn: "yes"},
		Short:       "Take real images, texts and pairs through the whole line, into a model that learns",
		Long: `demo makes a data set in the published formats (rendered scenes, real photos, a Wikipedia excerpt), serves its
pictures on loopback together with what goes wrong on the web, runs the whole line on it, trains a small model, and
measures on held-out scenes what was learned. Everything is in one folder, which the other commands read as well.

It fails unless masked colours and shapes of captions are right by 0.2 more often with the right picture than with a
wrong one, and masked patches more often than by the view's commonest code.

Interrupted, the same command goes on where it was; run again behind its end, it shows the results again.`,
		Example: "  imglish demo\n  imglish demo --dir /tmp/small --samples 200 --no-train",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if samples > 0 {
				cfg.Pairs, cfg.Images, cfg.Articles = max(10, samples*3/5), max(1, samples/5), max(1, samples/5)
			}
			cfg.Train = !noTrain
			return runDemo(cmd, cfg)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Dir, "dir", cfg.Dir, "folder for everything that the demo makes")
	f.StringVar(&cfg.Photos, "photos", cfg.Photos, "folder of the real photos and the Wikipedia excerpt (make demo fetches them)")
	f.IntVar(&samples, "samples", 0, "about how many samples to make (default: enough to learn from)")
	f.IntVar(&cfg.Steps, "steps", cfg.Steps, "training steps")
	f.BoolVar(&noTrain, "no-train", false, "stop behind the line")
	f.BoolVar(&cfg.JSON, "json", false, "print the results as one JSON line")
	f.IntVar(&cfg.Port, "port", 0, "port of the demo's pictures on loopback (default: a free one, kept for later runs)")
	f.IntVar(&cfg.Threads, "threads", 0, "threads (default: all processors); changes no result")
	f.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of the scenes")
	return cmd
}

func runDemo(cmd *cobra.Command, cfg demo.Config) error {
	return demo.Run(cmd.Context(), cfg, demo.Parts{
		Builders: builders(),
		Store:    openStore,
		Training: func(ctx context.Context, g *pipeline.Config) (*demo.Training, error) {
			return openTraining(ctx, g, trainOptions{threads: cfg.Threads}, nil)
		},
		Task: func(label string) (func(done, total int64, note string), func()) {
			p := newProgress(cmd.ErrOrStderr(), label)
			return p.update, p.finish
		},
		Out:    cmd.OutOrStdout(),
		Colour: isTerminal(cmd.OutOrStdout()),
	})
}
