package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/vqkd"
)

func newImageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Turn pictures into visual words, and train the tokenizer that does",
	}
	cmd.AddCommand(newImageCodesCommand(), newImageInspectCommand(), newImageEncodingsCommand(), newImageTrainCommand())
	return cmd
}

func newImageCodesCommand() *cobra.Command {
	o := tokenizerOptions{Options: vqkd.Defaults()}
	cmd := &cobra.Command{
		Use:   "codes --tokenizer FILE IMAGE…",
		Short: "Print the codes of pictures",
		Long: `Prints one JSON line a picture, in order: {"file":…, "grid":[G,G], "codes":[…]}, codes row by row.
A picture that cannot be read gets {"file":…, "error":…} and makes the exit code 1 at the end.

The tokenizer is a safetensors file or a PyTorch checkpoint of VQ-KD. Pictures go through the
reference's preprocessing: shorter side to 256 (for 224) by antialiased bicubic, centre crop, no EXIF rotation.`,
		Example: "  imglish image codes --tokenizer vqkd/demo/demo-vqkd.safetensors photo.jpg\n" +
			"  imglish image codes --tokenizer vqkd_encoder_base_decoder_3x768x12_clip-d5036aa7.pth *.jpg",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runImageCodes(cmd, o, args)
		},
	}
	o.flags(cmd.Flags(), "pictures")
	cmd.MarkFlagRequired("tokenizer")
	return cmd
}

func runImageCodes(cmd *cobra.Command, o tokenizerOptions, files []string) error {
	return o.use(cmd.ErrOrStderr(), func(t *vqkd.Tokenizer) error {
		p := newProgress(cmd.ErrOrStderr(), "encode")
		defer p.finish()
		done, bad := 0, 0
		err := t.EncodeFiles(cmd.Context(), files, func(f vqkd.FileCodes) error {
			done++
			p.update(int64(done), int64(len(files)), "")
			if f.Err != nil {
				bad++
				return printJSON(cmd.OutOrStdout(), struct {
					File  string `json:"file"`
					Error string `json:"error"`
				}{f.Path, f.Err.Error()})
			}
			return printJSON(cmd.OutOrStdout(), struct {
				File  string   `json:"file"`
				Grid  [2]int   `json:"grid"`
				Codes []uint16 `json:"codes"`
			}{f.Path, [2]int{t.Grid(), t.Grid()}, f.Codes})
		})
		if err != nil {
			return err
		}
		if bad > 0 {
			p.finish()
			return fmt.Errorf("%d of %d pictures cannot be read", bad, len(files))
		}
		return nil
	})
}
