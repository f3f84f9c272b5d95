package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newRepairCommand() *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:         "repair GRAPH",
		Annotations: goesOn,
		Short:       "Find lanes whose log has lost records, and mend them",
		Long: `Examines every lane of a line for records that the log had acknowledged and no longer holds (an unclean election, a
lost disk, a torn volume), and for saved positions that have become lies by it. What a run mends by itself it leaves
alone. A damaged lane begins again behind what its shards hold: the source is read once more and everything from there
on is made anew, so that each sample is in the shards once. Sound lanes are not touched. Nothing is fetched twice whose
blob is still there.

It says what it has found and what it will do, and does it with --yes. The line must not run; a process that was killed
counts for a few seconds. Cut off in the middle, the same command finishes it.

Exit codes: 0 nothing is damaged, or it has been mended; 1 an error, or damage and no --yes.`,
		Example: "  imglish repair graph.yaml          # is anything lost?\n" +
			"  imglish repair graph.yaml --yes\n" +
			"  imglish run graph.yaml",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := inspect(cmd, args[0])
			if err != nil {
				return err
			}
			defer i.Close()
			shown := newProgress(cmd.ErrOrStderr(), "lanes examined")
			p, err := i.PlanRepair(cmd.Context(), func(lane, lanes int) { shown.update(int64(lane), int64(lanes), "") })
			shown.finish()
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), p)
			} else {
				err = p.Write(cmd.OutOrStdout())
			}
			switch {
			case err != nil || len(p.Lanes) == 0 && !p.Finish:
				return err
			case !yes:
				return errUnconfirmed
			}
			if err := i.Repair(cmd.Context(), p); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.ErrOrStderr(), "done: imglish run %s makes it anew\n", args[0])
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&yes, "yes", false, "do it")
	f.BoolVar(&asJSON, "json", false, "print what was found as a JSON line")
	return cmd
}
