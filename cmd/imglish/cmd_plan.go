package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/view"
	"github.com/imglish/imglish/stages/visual"
	"github.com/imglish/imglish/vqkd"
)

func newPlanCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan GRAPH",
		Short: "Print a graph file as a table: what runs where, over which topics, how wide",
		Long: `Reads and checks the whole graph file and prints the line that it describes. It starts nothing. Settings are
shown where they are not the default; --json shows all of them. If the store has samples that are to be taken once more
(imglish dead replay), the source that reads them is shown behind those of the file. If the visual tokenizer lies on this
machine, it is loaded, checked against the hash in its name, and described.`,
		Example: "  imglish plan graph.yaml\n  imglish plan --json graph.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b := builders()
			cfg, err := pipeline.Load(args[0], b)
			if err != nil {
				return err
			}
			joined, err := cfg.Join(cmd.Context(), b)
			if err != nil { // the file is what was asked for
				fmt.Fprintf(cmd.ErrOrStderr(), "warning: whether samples wait to be taken once more is not known: %v\n", err)
				joined = cfg
			}
			plan, err := joined.Plan(b)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), plan)
			}
			if err := plan.Write(cmd.OutOrStdout()); err != nil {
				return err
			}
			return planTokenizer(cmd, cfg, b)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, with all settings and topics")
	return cmd
}

// planTokenizer describes the tokenizer of stage visual. One that is not on this machine is only said to be away: the
// line may be meant for others.
func planTokenizer(cmd *cobra.Command, cfg *pipeline.Config, b pipeline.Builders) error {
	file, o, ok, err := visualTokenizer(cfg, b)
	if err != nil || !ok {
		return err
	}
	info, err := vqkd.Inspect(file, o)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(cmd.ErrOrStderr(), "warning: visual: %s is not on this machine\n", file)
		return nil
	}
	if err != nil {
		return fmt.Errorf("visual: %w", err)
	}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "\nvisual tokenizer: %s\n", tokenizerLine(file, info)); err != nil {
		return err
	}
	return viewsFit(cfg, b, file, info.Side)
}

// visualTokenizer is the file and the options of stage visual; ok is false in a line without it.
func visualTokenizer(cfg *pipeline.Config, b pipeline.Builders) (file string, o vqkd.Options, ok bool, err error) {
	settings, ok, err := cfg.StageSettings(b, "visual")
	if err != nil || !ok {
		return "", o, ok, err
	}
	c := settings.(visual.Config)
	return pipeline.Env{Dir: cfg.Dir}.Path(c.Tokenizer), c.Options, true, nil
}

// checkViews says before a line runs whether the tokenizer takes its views: stage visual would find out behind all that
// was fetched, and the views that lie in its topic by then fit no other setting. A tokenizer that cannot be read here is
// the stage's business.
func checkViews(cfg *pipeline.Config, b pipeline.Builders) error {
	file, o, ok, err := visualTokenizer(cfg, b)
	if err != nil || !ok {
		return err
	}
	info, err := vqkd.Inspect(file, o)
	if err != nil {
		return nil
	}
	return viewsFit(cfg, b, file, info.Side)
}

// viewsFit is an error if stage view makes views of another side than the tokenizer takes.
func viewsFit(cfg *pipeline.Config, b pipeline.Builders, tokenizer string, side int) error {
	settings, ok, err := cfg.StageSettings(b, "view")
	if err != nil || !ok {
		return err
	}
	if made := settings.(view.Config).Side; made != side {
		return hinted{fmt.Errorf("stage view makes views of %d×%d pixels, the tokenizer %s takes %d×%d", made, made, tokenizer, side, side),
			fmt.Sprintf("view: {side: %d}, or visual: {side: %d} to resize the tokenizer's position table", side, made)}
	}
	return nil
}
