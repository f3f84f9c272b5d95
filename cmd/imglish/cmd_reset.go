package main

import (
	"errors"

	"github.com/spf13/cobra"
)

func newResetCommand() *cobra.Command {
	var from string
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:         "reset GRAPH --from STAGE",
		Annotations: goesOn,
		Short:       "Make a stage and those behind it do their work again",
		Long: `Makes a stage and those behind it do their work again: with another tokenizer, other view settings, or a stage that
was wrong. What stages in front of it have made is kept. The shards of the line are made anew; their old commits count
no more, and imglish gc removes the files. It reads what the topic in front of the stage holds; where that has lost its
beginning (a log keeps only so much, kafka.log_mb), the reset goes back further, at the most to the sources' own files.
Blobs are kept, so nothing is fetched twice.

It says what it will do, and does it with --yes. The line must not run; a process that was killed counts for a few
seconds. Cut off in the middle, the same command finishes it, and until then the line refuses to run.`,
		Example: "  imglish reset graph.yaml --from text          # what would it do?\n" +
			"  imglish reset graph.yaml --from text --yes\n" +
			"  imglish run graph.yaml",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if from == "" {
				return usageError{errors.New("say from which stage on: --from STAGE; imglish plan GRAPH shows them")}
			}
			i, err := inspect(cmd, args[0])
			if err != nil {
				return err
			}
			defer i.Close()
			p, err := i.PlanReset(cmd.Context(), from)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), p)
			} else {
				err = p.Write(cmd.OutOrStdout())
			}
			if err != nil {
				return err
			}
			if !yes {
				return errUnconfirmed
			}
			if err := i.Reset(cmd.Context(), p); err != nil {
				return err
			}
			cmd.PrintErrf("done: imglish run %s makes it anew\n", args[0])
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "the first stage that works again")
	f.BoolVar(&yes, "yes", false, "do it")
	f.BoolVar(&asJSON, "json", false, "print the plan as a JSON line")
	return cmd
}

// errUnconfirmed ends a command that has only said what it would do.
var errUnconfirmed = errors.New("nothing has been changed; add --yes to do it")
