package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/store/shards"
)

func newShardsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "shards",
		Short:   "Look after the shards of a data folder",
		Example: "  imglish shards verify data\n  imglish shards manifest data",
	}
	cmd.AddCommand(newShardsVerifyCommand(), newShardsManifestCommand())
	return cmd
}

func openShards(cmd *cobra.Command, dir string) (shards.Folder, error) {
	st, err := openStore(cmd.Context(), dir)
	if err != nil {
		return shards.Folder{}, err
	}
	return shards.Find(cmd.Context(), st)
}

func newShardsVerifyCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check every commit, file and hash",
		Long: `verify reads every commit and every file of a data folder: hashes, sizes, rows, codes and ids, and that the ranges
of each lane follow one another from seq 0 without gap or overlap. Each fault is one line that says what to do.

Exit codes: 0 all is well, 1 faults were found.`,
		Example: "  imglish shards verify data\n  imglish shards verify data --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openShards(cmd, args[0])
			if err != nil {
				return err
			}
			p := newProgress(cmd.ErrOrStderr(), "bytes verified")
			report, err := f.Verify(cmd.Context(), p.update)
			p.finish()
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			if asJSON {
				err = printJSON(w, report)
			} else {
				for _, fault := range report.Faults {
					fmt.Fprintln(w, fault)
				}
				_, err = fmt.Fprintf(w, "%d commits of %d lanes, %d records, %d files, %d rows, %d bytes, %d files of no commit: %d faults\n",
					report.Commits, report.Lanes, report.Seq, report.Files, report.Rows, report.Bytes, report.Loose, len(report.Faults))
			}
			if err == nil && len(report.Faults) > 0 {
				return errReported
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the report as one JSON line")
	return cmd
}

func newShardsManifestCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "manifest DIR",
		Short: "Write manifest.jsonl anew from the commits",
		Long: `manifest lists the committed files in manifest.jsonl beside the shards, for programs that want to read them, and
prints the hash of the set. A line does so itself whenever it ends.`,
		Example: "  imglish shards manifest data",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openShards(cmd, args[0])
			if err != nil {
				return err
			}
			set, err := f.WriteManifest(cmd.Context())
			if err != nil {
				return err
			}
			made := struct {
				Manifest string         `json:"manifest"`
				Commits  int            `json:"commits"`
				Set      string         `json:"set"`
				Through  shards.Through `json:"through"`
			}{f.URL() + "/" + shards.ManifestKey, len(set.Commits), fmt.Sprintf("%x", set.Hash()), set.Through()}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), made)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %d commits, set %s\n", made.Manifest, made.Commits, made.Set)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as a JSON line")
	return cmd
}
