package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/scenes"
	"github.com/imglish/imglish/vqkd/train"
)

type imageTrainOptions struct {
	imageTrainSettings
	config     string
	out        string
	scenes     int
	sceneShare float64
	sceneSeed  uint64
	features   []string
	runtime    string
	threads    int
	metrics    string
	asJSON     bool
}

// runtimeVariable names ONNX Runtime's library where --onnxruntime does not.
const runtimeVariable = "IMGLISH_ONNXRUNTIME"

func newImageTrainCommand() *cobra.Command {
	o := imageTrainOptions{imageTrainSettings: defaultImageTrainSettings(), sceneSeed: 1, sceneShare: 0.5}
	cmd := &cobra.Command{
		Use:         "train --out FILE [--scenes N] [--teacher MODEL.onnx | --features FILE] [FOLDER…]",
		Annotations: map[string]string{goesOn: "yes"},
		Short:       "Train a visual tokenizer on pictures, and judge it",
		Long: `Trains a VQ-KD tokenizer on the pictures below the folders, on rendered scenes, or on both. Writes FILE (safetensors)
and FILE.json.

The teacher, whose vectors the codes must tell, is made of colours and edges; or, with --teacher, any vision model in
ONNX form that gives a vector for each patch (CLIP, DINO); or it has spoken before: --features reads views and their
vectors from Parquet files, in place of folders.

Every --eval-every steps, and at the end, the codes are judged on held-out pictures: the share of codes in use, their
perplexity, and the share of patches whose code stays the same after JPEG at quality 95 and after ±2 of noise. A run
that is below a floor at several measures in a row stops; a tokenizer that ends below one is written to FILE.rejected.
Both give exit code 1. Ctrl-C keeps FILE.state; the same command goes on from there, to the same bytes.

Settings come from the defaults, then from --config (YAML), then from flags. docs/image-train.md tells the whole story.`,
		Example: "  imglish image train --out small.safetensors photos/\n" +
			"  imglish image train --out demo.safetensors --scenes 20000 --scene-share 0.6 --steps 900 photos/\n" +
			"  imglish image train --out mine.safetensors --config base.yaml --teacher clip-b16.onnx --onnxruntime libonnxruntime.so photos/",
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
	f.StringSliceVar(&o.features, "features", nil, "Parquet `files` (or folders of them) of views with their teacher's vectors")
	f.StringVar(&o.runtime, "onnxruntime", "", "ONNX Runtime's library, libonnxruntime.so of version 1.24 or newer (default: $"+runtimeVariable+", else where the system looks)")
	f.IntVar(&o.threads, "threads", 0, "threads (default: all processors); changes nothing in the result")
	f.StringVar(&o.metrics, "metrics", "", metricsUsage+" (default: off)")
	f.BoolVar(&o.asJSON, "json", false, "print the result as one JSON line")
	addImageTrainFlags(f, &o.imageTrainSettings)
	cmd.MarkFlagRequired("out")
	return cmd
}

func runImageTrain(cmd *cobra.Command, o imageTrainOptions, folders []string) error {
	if o.config != "" {
		if err := o.overlay(cmd); err != nil {
			return err
		}
	}
	if err := o.Validate(); err != nil {
		return usageError{err}
	}
	if o.scenes < 0 || !(o.sceneShare > 0 && o.sceneShare < 1) {
		return usageError{fmt.Errorf("--scenes %d must not be negative, --scene-share %v must lie between 0 and 1", o.scenes, o.sceneShare)}
	}
	if err := writable(o.out); err != nil {
		return err
	}
	if o.runtime == "" {
		o.runtime = os.Getenv(runtimeVariable)
	}
	l, err := o.lessons(folders)
	if err != nil {
		return err
	}
	if c, ok := l.(io.Closer); ok {
		defer c.Close()
	}
	b, err := cpu.New(o.threads)
	if err != nil {
		return fmt.Errorf("choose a compute backend: %w", err)
	}
	defer b.Close()
	watch := metrics.NewTokenizer(o.Steps, o.Codes)
	server, err := serveTokenizer(cmd, o.metrics, watch)
	if err != nil {
		return err
	}
	defer server.Close()
	p := newProgress(cmd.ErrOrStderr(), "train")
	defer p.finish()
	res, err := train.Run(cmd.Context(), b, o.Config, l, o.out, train.Options{
		Threads:  o.threads,
		Progress: p.update,
		Report:   watch.Step,
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

// pictures are what views are cut out of: folders, scenes, or both.
func (o imageTrainOptions) pictures(folders []string) ([]train.Source, error) {
	var sources []train.Source
	photos, share := 0, 1.0
	if o.scenes > 0 {
		share = 1 - o.sceneShare
	}
	var sets []train.Images
	for _, dir := range folders {
		set, err := train.Folder(dir)
		if err != nil {
			return nil, err
		}
		sets, photos = append(sets, set), photos+set.Len()
	}
	for _, set := range sets { // every picture of the folders is as likely as any other
		sources = append(sources, train.Source{Images: set, Weight: share * float64(set.Len()) / float64(photos)})
	}
	if o.scenes > 0 {
		sources = append(sources, train.Source{Images: sceneImages{o.scenes, o.sceneSeed, o.Side}, Weight: o.sceneShare})
	}
	return sources, nil
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
