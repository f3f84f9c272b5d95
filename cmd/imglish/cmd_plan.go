package main

import (
	"github.com/spf13/cobra"

	"github.com/imglish/imglish/pipeline"
)

func newPlanCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "plan GRAPH",
		Short: "Print a graph file as a table: what runs where, over which topics, how wide",
		Long: `Reads and checks the whole graph file and prints the line that it describes. It starts nothing. Settings are
shown where they are not the default; --json shows all of them.`,
		Example: "  imglish plan graph.yaml\n  imglish plan --json graph.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			b := builders()
			cfg, err := pipeline.Load(args[0], b)
			if err != nil {
				return err
			}
			plan, err := cfg.Plan(b)
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
