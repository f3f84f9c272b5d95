package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/doctor"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/vips"
	"github.com/imglish/imglish/vqkd"
)

func newDoctorCommand() *cobra.Command {
	var cfg doctor.Config
	var asJSON bool
	var tokenizers []string
	cmd := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what imglish finds on this machine, what is missing, and what to do about it",
		Example: "  imglish doctor\n  imglish doctor --data /data/line --brokers kafka-1:9092 --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runDoctor(cmd, cfg, tokenizers, asJSON)
		},
	}
	cmd.Flags().StringVar(&cfg.Data, "data", ".", "data folder to look at")
	cmd.Flags().StringSliceVar(&cfg.Brokers, "brokers", nil, "Kafka brokers to try (default: the embedded broker)")
	cmd.Flags().StringVar(&cfg.StoreURL, "store", "", "store to try, such as s3://bucket/prefix?endpoint=https://host:9000 (default: the data folder)")
	cmd.Flags().StringSliceVar(&tokenizers, "tokenizer", nil, "files of visual tokenizers to load and check against the hashes in their names")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON line a finding")
	return cmd
}

func runDoctor(cmd *cobra.Command, cfg doctor.Config, tokenizers []string, asJSON bool) error {
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
	cfg.TryStore = tryStore
	findings := doctor.Examine(cmd.Context(), cfg)
	for _, path := range tokenizers {
		findings = append(findings, examineTokenizer(path))
	}
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

// examineTokenizer loads a visual tokenizer as a line would.
func examineTokenizer(path string) doctor.Finding {
	info, err := vqkd.Inspect(path, vqkd.Defaults())
	if err == nil {
		return doctor.Finding{What: "tokenizer", Level: doctor.OK, Found: tokenizerLine(path, info)}
	}
	f := doctor.Finding{What: "tokenizer", Level: doctor.Bad, Found: err.Error(), Advice: "imglish image inspect says what a file is made of"}
	var hint interface{ Hint() string }
	if errors.As(err, &hint) {
		f.Advice = hint.Hint()
	}
	return f
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

// tryStore does once what a line does all the time: create an object if it is absent, read it, list it, remove it.
func tryStore(ctx context.Context, where string) (string, error) {
	st, err := openStore(ctx, where)
	if err != nil {
		return "", err
	}
	start, key, want := time.Now(), fmt.Sprintf("doctor/%016x", rand.Uint64()), []byte("imglish doctor\n")
	if _, err := st.PutIfAbsent(ctx, key, want); err != nil {
		return "", err
	}
	got, err := st.Get(ctx, key)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%s: %d bytes were written to %s and %d others read", st.URL(), len(want), key, len(got))
	}
	listed := false
	for info, e := range st.List(ctx, key) {
		listed = listed || info.Key == key
		err = errors.Join(err, e)
	}
	if err == nil && !listed {
		err = fmt.Errorf("%s: %s was written and is not listed", st.URL(), key)
	}
	if err := errors.Join(err, st.Delete(ctx, key)); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s can be written, read, listed and removed from, in %s", st.URL(), time.Since(start).Round(time.Millisecond)), nil
}
