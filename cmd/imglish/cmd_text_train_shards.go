package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/store/shards"
)

// The columns of a row that training reads.
type (
	textColumn struct {
		Text string `parquet:"text"`
	}
	captionColumns struct {
		View int32  `parquet:"view,delta"`
		Text string `parquet:"text"`
	}
)

// shardTexts are the texts of a data folder's committed shards: of texts all parts, of pairs the text once for all views.
func shardTexts(cmd *cobra.Command, where string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx := cmd.Context()
		st, err := openStore(ctx, where)
		if err != nil {
			yield("", err)
			return
		}
		folder, err := shards.Find(ctx, st)
		if err != nil {
			yield("", fmt.Errorf("text train: %w", err))
			return
		}
		for c, err := range folder.Each(ctx) {
			if err != nil {
				yield("", fmt.Errorf("text train: %w", err))
				return
			}
			if file, ok := c.File(shards.Text); ok {
				if !eachText(ctx, folder, file, func(r *textColumn) string { return r.Text }, yield) {
					return
				}
			}
			if file, ok := c.File(shards.Pair); ok {
				if !eachText(ctx, folder, file, func(r *captionColumns) string {
					if r.View != 0 {
						return ""
					}
					return r.Text
				}, yield) {
					return
				}
			}
		}
	}
}

// eachText yields the texts of a file, no empty ones.
func eachText[T any](ctx context.Context, folder shards.Folder, file shards.File, text func(*T) string, yield func(string, error) bool) bool {
	r, err := shards.OpenFile[T](ctx, folder, file)
	if err != nil {
		yield("", fmt.Errorf("text train: %w", err))
		return false
	}
	defer r.Close()
	rows := make([]T, 512)
	for from := 0; from < r.Len(); from += len(rows) {
		rows = rows[:min(len(rows), r.Len()-from)]
		clear(rows)
		if err := r.At(from, rows); err != nil {
			yield("", fmt.Errorf("text train: %w", err))
			return false
		}
		for i := range rows {
			if t := text(&rows[i]); t != "" && !yield(t, nil) {
				return false
			}
		}
	}
	return true
}
