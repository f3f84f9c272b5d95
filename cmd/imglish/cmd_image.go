package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/vqkd"
)

func newImageCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Turn pictures into visual words, and train the tokenizer that does",
	}
	cmd.AddCommand(newImageCodesCommand(), newImageTrainCommand())
	return cmd
}

type imageCodesOptions struct {
	tokenizer string
	threads   int
	vqkd.Options
}

func newImageCodesCommand() *cobra.Command {
	o := imageCodesOptions{Options: vqkd.Defaults()}
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
	f := cmd.Flags()
	f.StringVar(&o.tokenizer, "tokenizer", "", "weights of the tokenizer: safetensors or .pth")
	f.IntVar(&o.Heads, "heads", 0, "attention heads (default: from FILE.json, else width/64)")
	f.IntVar(&o.Side, "side", 0, "side of the views in pixels (default: from FILE.json, else the weights' own)")
	f.IntVar(&o.Batch, "batch", o.Batch, "pictures encoded at once; changes no code")
	f.TextVar(&o.Precision, "precision", o.Precision, "exact (float32) or fast, which changes fewer codes than float16 does")
	f.IntVar(&o.threads, "threads", 0, "threads (default: all processors); changes no code")
	cmd.MarkFlagRequired("tokenizer")
	return cmd
}

func runImageCodes(cmd *cobra.Command, o imageCodesOptions, files []string) error {
	return withTokenizer(o.tokenizer, o.threads, o.Options, func(t *vqkd.Tokenizer) error {
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

// withTokenizer loads a tokenizer on a backend of its own, and closes both.
func withTokenizer(path string, threads int, o vqkd.Options, use func(*vqkd.Tokenizer) error) error {
	b, err := cpu.New(threads)
	if err != nil {
		return fmt.Errorf("choose a compute backend: %w", err)
	}
	defer b.Close()
	t, err := vqkd.Load(b, path, o)
	if err != nil {
		return err
	}
	defer t.Close()
	return use(t)
}
