package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/pipeline"
)

func newPlanCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan GRAPH",
		Short: "Print a graph file as a table: what runs where, over which topics, how wide",
		Long: `Reads and checks the whole graph file and prints the line that it describes. It starts nothing. Settings are
shown where they are not the default; --json shows all of them. If the store has samples that are to be taken once more
(imglish dead replay), the source that reads them is shown behind those of the file.`,
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
			return plan.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON, with all settings and topics")
	return cmd
}
