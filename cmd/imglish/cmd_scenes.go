package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/scenes"
)

func newScenesCommand() *cobra.Command {
	cfg := scenes.Defaults()
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "scenes OUT",
		Short: "Make rendered scenes with captions, articles and ground truth, to measure what is learned",
		Long: `scenes fills the folder OUT with rendered pictures of shapes and colours in the formats of the real sources:
photos with a CC12M list, ImageNet-21K synset archives, a Wikipedia dump of short articles, and truth.jsonl with
boxes, questions and answers. The same seed and settings give the same bytes. A folder that is already whole is left
as it is.`,
		Example: "  imglish scenes data/scenes --seed 7 --pairs 2000 --images 500 --articles 500\n" +
			"  imglish scenes data/scenes --base-url http://127.0.0.1:8080/ --side 384 --masks",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runScenes(cmd, args[0], cfg, asJSON)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "which scenes")
	f.IntVar(&cfg.Pairs, "pairs", cfg.Pairs, "pictures with captions")
	f.IntVar(&cfg.Images, "images", cfg.Images, "pictures with labels, in synset archives")
	f.IntVar(&cfg.Articles, "articles", cfg.Articles, "articles in the dump")
	f.IntVar(&cfg.Side, "side", cfg.Side, "side of the pictures in pixels")
	f.IntVar(&cfg.Quality, "quality", cfg.Quality, "quality of the JPEG files")
	f.StringVar(&cfg.BaseURL, "base-url", cfg.BaseURL, "where OUT will be served, for the list")
	f.BoolVar(&cfg.Masks, "masks", cfg.Masks, "also write a mask of each object")
	f.IntVar(&cfg.Workers, "workers", cfg.Workers, "pictures painted at once")
	f.BoolVar(&asJSON, "json", false, "print what was made as a JSON line")
	return cmd
}

func runScenes(cmd *cobra.Command, dir string, cfg scenes.Config, asJSON bool) error {
	if err := cfg.Validate(); err != nil {
		return usageError{err}
	}
	p := newProgress(cmd.ErrOrStderr(), "scenes")
	err := scenes.Write(cmd.Context(), dir, cfg, p.update)
	p.finish()
	if err != nil {
		return err
	}
	made := struct {
		Folder   string `json:"folder"`
		List     string `json:"list"`
		Synsets  string `json:"synsets"`
		Dump     string `json:"dump"`
		Truth    string `json:"truth"`
		Pairs    int    `json:"pairs"`
		Images   int    `json:"images"`
		Articles int    `json:"articles"`
		Seed     uint64 `json:"seed"`
	}{dir, filepath.Join(dir, scenes.ListFile), filepath.Join(dir, scenes.SynsetsDir), filepath.Join(dir, scenes.DumpFile),
		filepath.Join(dir, scenes.TruthFile), cfg.Pairs, cfg.Images, cfg.Articles, cfg.Seed}
	w := cmd.OutOrStdout()
	if asJSON {
		return printJSON(w, made)
	}
	fmt.Fprintf(w, "%s: %d pairs (%s), %d images (%s), %d articles (%s), truth in %s\n", dir, cfg.Pairs, scenes.ListFile,
		cfg.Images, scenes.SynsetsDir, cfg.Articles, scenes.DumpFile, scenes.TruthFile)
	return nil
}
