package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/vqkd"
)

func newImageInspectCommand() *cobra.Command {
	var o tokenizerOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "inspect FILE…",
		Short: "Print what a tokenizer is made of",
		Long: `Loads each file as a line would, with all checks, and prints its format and hash, the encoder's sizes and heads, the
grid and the codebook, the decoder that it was trained with, and the fingerprint that shards carry.

A name that ends in a dash and digits of the file's SHA-256, as the published ones do (…-d5036aa7.pth), must fit the file.`,
		Example: "  imglish image inspect vqkd_encoder_base_decoder_3x768x12_clip-d5036aa7.pth\n" +
			"  imglish image inspect --json *.safetensors | jq .grid",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for i, path := range args {
				info, err := vqkd.Inspect(path, o.Options)
				if err == nil {
					err = printTokenizer(cmd.OutOrStdout(), path, info, asJSON, i > 0)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	o.shapeFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON line a file")
	return cmd
}

func printTokenizer(w io.Writer, path string, i vqkd.Info, asJSON, another bool) error {
	if asJSON {
		return printJSON(w, struct {
			File string `json:"file"`
			vqkd.Info
		}{path, i})
	}
	hash := i.SHA256
	if i.NameHash != "" {
		hash += ", as its name says"
	}
	if i.Released != "" {
		hash += ", published as " + i.Released
	}
	positions := ""
	if i.Side != i.OwnSide {
		positions = fmt.Sprintf(", by a position table resized from %d pixels", i.OwnSide)
	}
	decoder := "none"
	if i.Decoder > 0 {
		decoder = fmt.Sprintf("%d blocks, to vectors of %d; codes do not need it", i.Decoder, i.Teacher)
	}
	return printTable(w, another, [][2]string{
		{"file", path},
		{"format", fmt.Sprintf("%s, %s", i.Format, i.DType)},
		{"sha256", hash},
		{"encoder", fmt.Sprintf("%d blocks of width %d, %d heads, MLP %d; %.1fM values", i.Depth, i.Width, i.Heads, i.Hidden, float64(i.Parameters)/1e6)},
		{"pictures", fmt.Sprintf("%d×%d pixels, patches of %d: grid %d×%d%s", i.Side, i.Side, i.Patch, i.Grid, i.Grid, positions)},
		{"codebook", fmt.Sprintf("%d codes of %d", i.Codes, i.CodeDim)},
		{"decoder", decoder},
		{"precision", i.Precision.String()},
		{"fingerprint", i.Fingerprint},
	})
}
