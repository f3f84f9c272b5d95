package main

import (
	"fmt"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/doctor"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/vips"
)

func newDoctorCommand() *cobra.Command {
	var cfg doctor.Config
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what imglish finds on this machine, what is missing, and what to do about it",
		Example: "  imglish doctor\n  imglish doctor --data /data/line --brokers kafka-1:9092 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDoctor(cmd, cfg, asJSON)
		},
	}
	cmd.Flags().StringVar(&cfg.Data, "data", ".", "data folder to look at")
	cmd.Flags().StringSliceVar(&cfg.Brokers, "brokers", nil, "Kafka brokers to try (default: the embedded broker)")
	cmd.Flags().StringVar(&cfg.StoreURL, "store", "", "store URL (default: the data folder)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON line a finding")
	return cmd
}

func runDoctor(cmd *cobra.Command, cfg doctor.Config, asJSON bool) error {
	backend, err := cpu.New(0)
	if err != nil {
		return fmt.Errorf("choose a compute backend: %w", err)
	}
	cfg.Processor = backend.Name()
	if err := backend.Close(); err != nil {
		return err
	}
	cfg.Libraries = map[string]string{
		"libjpeg": pixels.JPEGVersion(), "libvips": vips.Version(), "tokenizers": linkedModule("github.com/daulet/tokenizers"),
	}
	findings := doctor.Examine(cmd.Context(), cfg)
	bad := 0
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, f := range findings {
		if f.Level == doctor.Bad {
			bad++
		}
		if asJSON {
			if err := printJSON(cmd.OutOrStdout(), f); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Level, f.What, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", f.Advice)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d things stand in the way", bad, len(findings))
	}
	return nil
}

// linkedModule is the version of a module that is in this binary, or "".
func linkedModule(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}
