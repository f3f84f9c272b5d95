package main

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imglish/imglish/mixer/masking"
)

// maxGridSide bounds --grid; the largest grids in use have 64 patches a side.
const maxGridSide = 1024

type maskOptions struct {
	grid    string
	seed    uint64
	count   int
	method  string
	patches int
	least   int
}

func newMaskCommand() *cobra.Command {
	o := maskOptions{grid: "14x14", count: 1, method: "paper", least: masking.RecipeLeast}
	cmd := &cobra.Command{
		Use:   "mask",
		Short: "Draw masks of image patches",
		Long: `Prints masks, one JSON line each: {"mask":"0101…", "blocks":[[top,left,height,width],…]}. The mask is row by row,
1 = masked. Mask i of a seed is always the same, whatever the count.

paper is Algorithm 1 of BEiT: blocks until more than 40 % of the patches are masked. beit2 is the published code's: an
exact number of patches, the last of them single ones that are in no block.`,
		Example: "  imglish mask --grid 14x14 --seed 1 --count 3\n" +
			"  imglish mask --grid 16x16 --method beit2 --count 100",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runMask(cmd, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.grid, "grid", o.grid, "patches: height x width")
	f.Uint64Var(&o.seed, "seed", 0, "which masks")
	f.IntVar(&o.count, "count", o.count, "how many")
	f.StringVar(&o.method, "method", o.method, "paper or beit2")
	f.IntVar(&o.patches, "patches", 0, "beit2: patches to mask (default: the recipe's, 75 of 14x14)")
	f.IntVar(&o.least, "least", o.least, "beit2: smallest block, patches")
	return cmd
}

func runMask(cmd *cobra.Command, o maskOptions) error {
	h, w, err := parseGrid(o.grid)
	if err != nil {
		return usageError{err}
	}
	n := o.patches
	if !cmd.Flags().Changed("patches") {
		n = masking.RecipeCount(h, w)
	}
	switch {
	case o.method != "paper" && o.method != "beit2":
		return usageError{fmt.Errorf("--method is %q, must be paper or beit2", o.method)}
	case o.count < 0:
		return usageError{fmt.Errorf("--count is %d, must be 0 or more", o.count)}
	case n < 0 || n > h*w:
		return usageError{fmt.Errorf("--patches is %d, must be 0 to %d", n, h*w)}
	case o.least < 1:
		return usageError{fmt.Errorf("--least is %d, must be 1 or more", o.least)}
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	for i := range o.count {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		r := masking.Rand(o.seed, "mask", 0, [16]byte{}, i)
		var mask []uint8
		var blocks []masking.Block
		if o.method == "paper" {
			mask, blocks = masking.Paper(r, h, w)
		} else {
			mask, blocks = masking.BEiT2(masking.From(r), h, w, n, o.least)
		}
		for k := range mask {
			mask[k] += '0'
		}
		boxes := make([][4]int, len(blocks))
		for k, b := range blocks {
			boxes[k] = [4]int{b.Top, b.Left, b.Height, b.Width}
		}
		if err := printJSON(out, struct {
			Mask   string   `json:"mask"`
			Blocks [][4]int `json:"blocks"`
		}{string(mask), boxes}); err != nil {
			return err
		}
	}
	return out.Flush()
}

// parseGrid reads HxW.
func parseGrid(s string) (h, w int, err error) {
	a, b, _ := strings.Cut(s, "x")
	h, err1 := strconv.Atoi(a)
	w, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || h < 1 || w < 1 || h > maxGridSide || w > maxGridSide {
		return 0, 0, fmt.Errorf("--grid is %q, want height x width such as 14x14, each 1 to %d", s, maxGridSide)
	}
	return h, w, nil
}
