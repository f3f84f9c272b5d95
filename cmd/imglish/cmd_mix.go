package main

import (
	"encoding/hex"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/mixer"
)

func newMixCommand() *cobra.Command {
	cfg := mixer.Defaults()
	var from, steps int64
	var lineage bool
	cmd := &cobra.Command{
		Use:   "mix DIR",
		Short: "Print which rows the batches of a training run hold",
		Long: `mix prints one JSON line a batch. A batch is a function of the shards, the seed, the numbers and the step alone, so
--from goes to any step without reading those before it. digest is the rolling SHA-256 over all rows since step 0:
two runs with the same digest at a step have drawn the same rows in the same order up to it.`,
		Example: "  imglish mix data --seed 7 --from 0 --steps 3 --lineage\n" +
			"  imglish mix data --seed 7 --from 1000 --steps 1 --images 64 --texts 64 --pairs 0 --lineage",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runMix(cmd, args[0], cfg, from, steps, lineage)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "seed of the order")
	f.Int64Var(&from, "from", 0, "first step")
	f.Int64Var(&steps, "steps", 1, "how many steps")
	f.IntVar(&cfg.Images, "images", cfg.Images, "images a batch")
	f.IntVar(&cfg.Texts, "texts", cfg.Texts, "texts a batch")
	f.IntVar(&cfg.Pairs, "pairs", cfg.Pairs, "pairs a batch")
	f.Float64Var(&cfg.HeldOut, "held-out", cfg.HeldOut, "share of ids that training never draws")
	f.BoolVar(&lineage, "lineage", false, "with each row: id, view or part, epoch, shard and row in it; else only their numbers")
	return cmd
}

// mixedRow is a row of a batch; view is absent from texts, part from images.
type mixedRow struct {
	ID    string `json:"id"`
	View  *int   `json:"view,omitempty"`
	Part  *int   `json:"part,omitempty"`
	Epoch int    `json:"epoch"`
	Shard string `json:"shard"`
	Row   int    `json:"row"`
}

func runMix(cmd *cobra.Command, dir string, cfg mixer.Config, from, steps int64, lineage bool) error {
	if err := cfg.Validate(); err != nil {
		return usageError{err}
	}
	st, err := openStore(cmd.Context(), dir)
	if err != nil {
		return err
	}
	p := newProgress(cmd.ErrOrStderr(), "shards indexed")
	m, err := mixer.Open(cmd.Context(), st, cfg, mixer.Options{Progress: p.update})
	p.finish()
	if err != nil {
		return err
	}
	defer m.Close()
	for step := from; step < from+steps; step++ {
		b, err := m.Rows(cmd.Context(), step)
		if err != nil {
			return err
		}
		digest := hex.EncodeToString(b.Digest[:])
		if lineage {
			err = printJSON(cmd.OutOrStdout(), struct {
				Step   int64      `json:"step"`
				Image  []mixedRow `json:"image"`
				Text   []mixedRow `json:"text"`
				Pair   []mixedRow `json:"pair"`
				Digest string     `json:"digest"`
			}{step, mixedRows(b.Image, true, false), mixedRows(b.Text, false, true), mixedRows(b.Pair, true, true), digest})
		} else {
			err = printJSON(cmd.OutOrStdout(), struct {
				Step   int64  `json:"step"`
				Images int    `json:"images"`
				Texts  int    `json:"texts"`
				Pairs  int    `json:"pairs"`
				Digest string `json:"digest"`
			}{step, len(b.Image), len(b.Text), len(b.Pair), digest})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func mixedRows(rows []mixer.Row, view, part bool) []mixedRow {
	out := make([]mixedRow, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = mixedRow{ID: hex.EncodeToString(r.ID[:]), Epoch: r.Epoch, Shard: r.Shard, Row: r.Row}
		if view {
			out[i].View = &r.View
		}
		if part {
			out[i].Part = &r.Part
		}
	}
	return out
}
