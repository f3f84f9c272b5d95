package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/pixels/vips"
	"github.com/imglish/imglish/stages/view"
	"github.com/imglish/imglish/vqkd"
)

func newImageEncodingsCommand() *cobra.Command {
	o := tokenizerOptions{Options: vqkd.Defaults()}
	names := []string{"jpeg-q90-420", "jpeg-q95-420", "jpeg-q95-444", "jpeg-q100-444", view.LosslessWebP}
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "encodings --tokenizer FILE IMAGE…",
		Short: "Measure what encodings of stored views cost: bytes, and codes that they change",
		Long: `Shards keep views encoded, and codes are those of the encoded view (view: {encoding: …} in a graph file). This command
makes the reference's view of each picture, encodes it in each way, and counts the codes that are not those of the view's
own pixels. A picture that cannot be read is an error.`,
		Example: "  imglish image encodings --tokenizer vqkd.pth photos/*.jpg",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.use(cmd.ErrOrStderr(), func(t *vqkd.Tokenizer) error {
				m, err := view.NewLossMeter(t.Encode, names, vips.EncodeWebP)
				if err != nil {
					return err
				}
				p := newProgress(cmd.ErrOrStderr(), "pictures")
				defer p.finish()
				for i, path := range args {
					v, err := t.ReadView(path)
					if err == nil {
						err = m.Add(cmd.Context(), v)
					}
					if err != nil {
						return err
					}
					p.update(int64(i+1), int64(len(args)), "")
				}
				p.finish()
				if asJSON {
					return printJSON(cmd.OutOrStdout(), m.Losses())
				}
				return printLosses(cmd.OutOrStdout(), m.Losses())
			})
		},
	}
	o.flags(cmd.Flags(), "views")
	cmd.Flags().StringSliceVar(&names, "encodings", names, "which, as view: {encoding: …} names them")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON line")
	cmd.MarkFlagRequired("tokenizer")
	return cmd
}

func printLosses(w io.Writer, losses []view.Loss) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "encoding\tkB a view\tcodes\tchanged\t")
	for _, l := range losses {
		fmt.Fprintf(t, "%s\t%.1f\t%d\t%.2f %%\t\n", l.Encoding, float64(l.Bytes)/1e3/float64(l.Views), l.Codes, 100*float64(l.Changed)/float64(l.Codes))
	}
	return t.Flush()
}
