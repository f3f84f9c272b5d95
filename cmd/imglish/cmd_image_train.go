package main

import (
	"fmt"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/scenes"
	"github.com/imglish/imglish/vqkd/train"
)

type imageTrainOptions struct {
	train.Config
	config     string
	out        string
	scenes     int
	sceneShare float64
	sceneSeed  uint64
	threads    int
	asJSON     bool
}

func newImageTrainCommand() *cobra.Command {
	o := imageTrainOptions{Config: train.Defaults(), sceneSeed: 1, sceneShare: 0.5}
	cmd := &cobra.Command{
		Use:   "train --out FILE [--scenes N] [FOLDER…]",
		Short: "Train a visual tokenizer on pictures, and judge it",
		Long: `Trains a VQ-KD tokenizer on the pictures below the folders, on rendered scenes, or on both, with a teacher made of
colours and edges. Writes FILE (safetensors) and FILE.json.

At the end the file is judged on held-out pictures: the share of codes in use, and the share of patches whose code
stays the same after JPEG at quality 95 and after ±2 of noise. One below a floor is written to FILE.rejected, and the
exit code is 1. Ctrl-C keeps FILE.state; the same command goes on from there.

Settings come from the defaults, then from --config (YAML), then from flags.`,
		Example: "  imglish image train --out small.safetensors photos/\n" +
			"  imglish image train --out demo.safetensors --scenes 20000 --scene-share 0.6 --steps 900 photos/",
		RunE: func(cmd *cobra.Command, args []string) error {
			return runImageTrain(cmd, o, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "where the tokenizer goes")
	f.StringVar(&o.config, "config", "", "YAML file of settings")
	f.IntVar(&o.scenes, "scenes", 0, "number of rendered scenes among the pictures")
	f.Float64Var(&o.sceneShare, "scene-share", o.sceneShare, "share of the views that are scenes, if there are folders too")
	f.Uint64Var(&o.sceneSeed, "scene-seed", o.sceneSeed, "seed of the scenes")
	f.IntVar(&o.threads, "threads", 0, "threads (default: all processors); changes nothing in the result")
	f.BoolVar(&o.asJSON, "json", false, "print the result as one JSON line")
	addTrainFlags(f, &o.Config)
	cmd.MarkFlagRequired("out")
	return cmd
}

// addTrainFlags are the settings that one changes from run to run; the rest is for --config.
func addTrainFlags(f *pflag.FlagSet, c *train.Config) {
	f.IntVar(&c.Side, "side", c.Side, "side of the views in pixels")
	f.IntVar(&c.Patch, "patch", c.Patch, "side of a patch in pixels")
	f.IntVar(&c.Width, "width", c.Width, "width of the encoder")
	f.IntVar(&c.Depth, "depth", c.Depth, "blocks of the encoder")
	f.IntVar(&c.Heads, "heads", c.Heads, "attention heads")
	f.IntVar(&c.Codes, "codes", c.Codes, "size of the codebook")
	f.IntVar(&c.Steps, "steps", c.Steps, "training steps")
	f.IntVar(&c.Batch, "batch", c.Batch, "views a step")
	f.IntVar(&c.EvalEvery, "eval-every", c.EvalEvery, "steps between measures")
	f.Float64Var(&c.LR, "lr", c.LR, "peak learning rate")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "seed of everything that is drawn")
	f.Float64Var(&c.MinUsage, "min-usage", c.MinUsage, "floor for the share of codes in use")
	f.Float64Var(&c.MinStability, "min-stability", c.MinStability, "floor for the share of codes that stay")
}

func runImageTrain(cmd *cobra.Command, o imageTrainOptions, folders []string) error {
	if o.config != "" {
		if err := overlay(cmd, &o); err != nil {
			return err
		}
	}
	if o.scenes < 0 || !(o.sceneShare > 0 && o.sceneShare < 1) {
		return usageError{fmt.Errorf("--scenes %d must not be negative, --scene-share %v must lie between 0 and 1", o.scenes, o.sceneShare)}
	}
	var sources []train.Source
	photos, share := 0, 1.0
	if o.scenes > 0 {
		share = 1 - o.sceneShare
	}
	var sets []train.Images
	for _, dir := range folders {
		set, err := train.Folder(dir)
		if err != nil {
			return err
		}
		sets, photos = append(sets, set), photos+set.Len()
	}
	for _, set := range sets { // every picture of the folders is as likely as any other
		sources = append(sources, train.Source{Images: set, Weight: share * float64(set.Len()) / float64(photos)})
	}
	if o.scenes > 0 {
		sources = append(sources, train.Source{Images: sceneImages{o.scenes, o.sceneSeed, o.Side}, Weight: o.sceneShare})
	}
	b, err := cpu.New(o.threads)
	if err != nil {
		return fmt.Errorf("choose a compute backend: %w", err)
	}
	defer b.Close()
	p := newProgress(cmd.ErrOrStderr(), "train")
	defer p.finish()
	res, err := train.Run(cmd.Context(), b, o.Config, sources, o.out, train.Options{
		Progress: p.update,
		Logf: func(format string, args ...any) {
			p.finish()
			fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
		},
	})
	if err != nil {
		return err
	}
	p.finish()
	if o.asJSON {
		return printJSON(cmd.OutOrStdout(), res)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\nfingerprint %s\nloss %.4f, %s\n", res.Path, res.Fingerprint, res.Loss, res.Measures)
	return err
}

// overlay puts the config file between the defaults and the flags that were given.
func overlay(cmd *cobra.Command, o *imageTrainOptions) error {
	data, err := os.ReadFile(o.config)
	if err != nil {
		return err
	}
	// The flags' values live in the caller's copy, so this one can start afresh.
	o.Config = train.Defaults()
	if len(data) > 0 { // an empty file means the defaults, and would clear them
		if err := yaml.UnmarshalWithOptions(data, &o.Config, yaml.Strict()); err != nil {
			return fmt.Errorf("config %s: %w", o.config, err)
		}
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	addTrainFlags(flags, &o.Config)
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if given := cmd.Flags().Lookup(f.Name); given.Changed && failed == nil {
			failed = f.Value.Set(given.Value.String())
		}
	})
	return failed
}

// sceneImages renders scenes as they are asked for.
type sceneImages struct {
	n    int
	seed uint64
	side int
}

func (s sceneImages) Name() string { return fmt.Sprintf("scenes of seed %d", s.seed) }
func (s sceneImages) Len() int     { return s.n }

func (s sceneImages) Image(i int) (*pixels.Image, error) {
	return scenes.New(s.seed, i).Render(s.side), nil
}
