package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/vqkd/teacher"
	"github.com/imglish/imglish/vqkd/teacher/onnx"
	"github.com/imglish/imglish/vqkd/train"
)

// imageTrainSettings are what --config may hold: train's own, and the teacher's.
type imageTrainSettings struct {
	train.Config `yaml:",inline"`
	Teacher      struct {
		Colours teacher.Config `yaml:"colours"` // the built-in one
		ONNX    onnx.Config    `yaml:"onnx"`    // in its place, if a model is named
	} `yaml:"teacher"`
}

func defaultImageTrainSettings() (s imageTrainSettings) {
	s.Config, s.Teacher.Colours, s.Teacher.ONNX = train.Defaults(), teacher.Defaults(), onnx.Defaults()
	return s
}

// addImageTrainFlags are the settings that one changes from run to run; the rest is for --config.
func addImageTrainFlags(f *pflag.FlagSet, s *imageTrainSettings) {
	c := &s.Config
	f.IntVar(&c.Side, "side", c.Side, "side of the views in pixels")
	f.IntVar(&c.Patch, "patch", c.Patch, "side of a patch in pixels")
	f.IntVar(&c.Width, "width", c.Width, "width of the encoder")
	f.IntVar(&c.Depth, "depth", c.Depth, "blocks of the encoder")
	f.IntVar(&c.Heads, "heads", c.Heads, "attention heads")
	f.IntVar(&c.Codes, "codes", c.Codes, "size of the codebook")
	f.IntVar(&c.Steps, "steps", c.Steps, "training steps")
	f.IntVar(&c.Batch, "batch", c.Batch, "views a step")
	f.IntVar(&c.MicroBatch, "micro-batch", c.MicroBatch, "views of a batch that go through the model at once: bounds memory by gradient accumulation (0: all)")
	f.IntVar(&c.EvalEvery, "eval-every", c.EvalEvery, "steps between measures")
	f.IntVar(&c.SaveEvery, "save-every", c.SaveEvery, "steps between states that a killed run goes on from")
	f.Float64Var(&c.LR, "lr", c.LR, "peak learning rate")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "seed of everything that is drawn")
	f.Float64Var(&c.MinUsage, "min-usage", c.MinUsage, "floor for the share of codes in use")
	f.Float64Var(&c.MinPerplexity, "min-perplexity", c.MinPerplexity, "floor for the perplexity, as a share of the codes")
	f.Float64Var(&c.MinStability, "min-stability", c.MinStability, "floor for the share of codes that stay")
	f.Float64Var(&c.FloorsFrom, "floors-from", c.FloorsFrom, "share of the steps from which on measures below a floor count")
	f.IntVar(&c.Patience, "patience", c.Patience, "measures in a row below a floor that stop the run; 0: only the end counts")
	o := &s.Teacher.ONNX
	f.StringVar(&o.Model, "teacher", o.Model, "vision model (`MODEL.onnx`) that teaches in place of colours and edges")
	f.StringVar(&o.Input, "teacher-input", o.Input, "name of the model's input (default: its only one)")
	f.StringVar(&o.Output, "teacher-output", o.Output, "name of the model's output (default: the first whose shape fits the grid)")
	f.IntVar(&o.Side, "teacher-side", o.Side, "side of the pictures that the model takes, in pixels (default: its own, else the views')")
	f.IntVar(&o.Skip, "teacher-skip", o.Skip, "vectors before those of patches: class and register tokens (-1: by the shape)")
}

// overlay puts the config file between the defaults and the flags that were given.
func (o *imageTrainOptions) overlay(cmd *cobra.Command) error {
	data, err := os.ReadFile(o.config)
	if err != nil {
		return err
	}
	// The flags' values live in the caller's copy, so this one can start afresh.
	o.imageTrainSettings = defaultImageTrainSettings()
	section, err := pipeline.ParseSection(o.config, data)
	if err == nil {
		err = section.Decode(&o.imageTrainSettings)
	}
	if err != nil {
		return err
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	addImageTrainFlags(flags, &o.imageTrainSettings)
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if given := cmd.Flags().Lookup(f.Name); given.Changed && failed == nil {
			failed = f.Value.Set(given.Value.String())
		}
	})
	return failed
}

// closing is lessons whose teacher holds memory.
type closing struct {
	train.Lessons
	teacher *onnx.Teacher
}

func (c closing) Close() error { return c.teacher.Close() }

// lessons opens what is learned from, and who teaches.
func (o imageTrainOptions) lessons(folders []string) (train.Lessons, error) {
	if len(o.features) > 0 {
		if len(folders) > 0 || o.scenes > 0 || o.Teacher.ONNX.Model != "" {
			return nil, usageError{errors.New("--features brings its own views and vectors: give no folders, --scenes or --teacher with it")}
		}
		return train.Recorded(o.Config, o.features)
	}
	sources, err := o.pictures(folders)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, usageError{errors.New("no pictures: give folders, --scenes N, or --features FILE")}
	}
	if o.Teacher.ONNX.Model == "" {
		t, err := o.Teacher.Colours.For(o.Patch)
		if err != nil {
			return nil, err
		}
		return train.Taught(o.Config, sources, t)
	}
	t, err := onnx.Open(o.runtime, o.Teacher.ONNX, o.Side, o.Grid())
	if err != nil {
		return nil, err
	}
	l, err := train.Taught(o.Config, sources, t)
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return closing{l, t}, nil
}
