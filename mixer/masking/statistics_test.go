package masking

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// statistics are those that testdata/masking_stats.json holds of the public code and of the printed algorithm.
type statistics struct {
	N              int                `json:"n"`
	CountMin       float64            `json:"count_min"`
	CountMean      float64            `json:"count_mean"`
	CountMax       float64            `json:"count_max"`
	ComponentsMean float64            `json:"components_mean"`
	Vertical       float64            `json:"same_neighbour_vertical"`
	Horizontal     float64            `json:"same_neighbour_horizontal"`
	CellProb       [][]float64        `json:"cell_prob"`
	BlocksMean     float64            `json:"blocks_mean"`
	BlocksHist     map[string]float64 `json:"blocks_hist"`
	Under          float64            `json:"under"` // masks filled up with single patches
	TopUpMean      float64            `json:"random_topup_mean"`
}

func TestStatistics(t *testing.T) {
	data, err := os.ReadFile("testdata/masking_stats.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]statistics
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	fixed := func(side, n, least int) func() ([]uint8, []Block) {
		return func() ([]uint8, []Block) { return BEiT2(From(r), side, side, n, least) }
	}
	for _, tt := range []struct {
		name string
		side int
		draw func() ([]uint8, []Block)
	}{
		{"beit2 14x14 75 min16", 14, fixed(14, RecipeCount(14, 14), RecipeLeast)},
		{"beit2 14x14 78 min16", 14, fixed(14, 78, RecipeLeast)},
		{"giant 16x16 102 min16", 16, fixed(16, RecipeCount(16, 16), RecipeLeast)},
		{"14x14 75 min4 default", 14, fixed(14, 75, 4)},
		{"30x30 360 min16", 30, fixed(30, RecipeCount(30, 30), RecipeLeast)},
		{"paper 14x14 0.4 (uniform aspect)", 14, func() ([]uint8, []Block) { return Paper(r, 14, 14) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, ok := want[tt.name]
			if !ok {
				t.Fatal("no such configuration in testdata/masking_stats.json")
			}
			g := measure(tt.side, w.N, tt.draw)
			// Both sides are samples of n masks, so a mean may differ by a few times √(2/n) of its spread.
			root := math.Sqrt(2 / float64(w.N))
			near(t, "mean count", g.CountMean, w.CountMean, 5*5*root*sign(w.CountMax-w.CountMin))
			near(t, "mean components", g.ComponentsMean, w.ComponentsMean, 5*1.2*root)
			near(t, "mean blocks", g.BlocksMean, w.BlocksMean, 5*2.2*root)
			near(t, "equal vertical neighbours", g.Vertical, w.Vertical, 5*0.025*root)
			near(t, "equal horizontal neighbours", g.Horizontal, w.Horizontal, 5*0.025*root)
			if w.BlocksHist != nil {
				near(t, "masks filled up, share", g.Under/float64(w.N), w.Under/float64(w.N), 5*0.5*root)
				near(t, "mean of single patches", g.TopUpMean, w.TopUpMean, 5*1.8*root)
				for k, n := range w.BlocksHist {
					near(t, "share of masks with "+k+" blocks", g.BlocksHist[k]/float64(w.N), n/float64(w.N), 5*0.5*root)
				}
			}
			if math.Abs(g.CountMin-w.CountMin) > 0 || math.Abs(g.CountMax-w.CountMax) > 2 {
				t.Errorf("counts in %v..%v, want %v..%v", g.CountMin, g.CountMax, w.CountMin, w.CountMax)
			}
			for y := range tt.side {
				for x := range tt.side {
					p := w.CellProb[y][x]
					near(t, "probability of a cell", g.CellProb[y][x], p, 5.5*math.Sqrt(p*(1-p))*root+1e-4)
				}
			}
		})
	}
}

func sign(x float64) float64 {
	if x > 0 {
		return 1
	}
	return 0
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance+1e-9 {
		t.Errorf("%s = %.4f, want %.4f ± %.4f", what, got, want, tolerance)
	}
}

func measure(side, n int, draw func() ([]uint8, []Block)) statistics {
	g := statistics{N: n, CountMin: math.Inf(1), BlocksHist: map[string]float64{}}
	g.CellProb = make([][]float64, side)
	for y := range g.CellProb {
		g.CellProb[y] = make([]float64, side)
	}
	each := 1 / float64(n)
	pairs := float64(side * (side - 1))
	for range n {
		mask, blocks := draw()
		count, byBlocks := 0.0, make([]uint8, len(mask))
		for _, b := range blocks {
			b.fill(byBlocks, side)
		}
		single := 0.0
		for i, m := range mask {
			y, x := i/side, i%side
			count += float64(m)
			single += float64(m - byBlocks[i])
			g.CellProb[y][x] += float64(m) * each
			if y > 0 && mask[i-side] == m {
				g.Vertical += each / pairs
			}
			if x > 0 && mask[i-1] == m {
				g.Horizontal += each / pairs
			}
		}
		if single > 0 {
			g.Under++
		}
		g.TopUpMean += single * each
		g.CountMean += count * each
		g.CountMin, g.CountMax = min(g.CountMin, count), max(g.CountMax, count)
		g.BlocksMean += float64(len(blocks)) * each
		g.BlocksHist[strconv.Itoa(len(blocks))]++
		g.ComponentsMean += float64(components(mask, side)) * each
	}
	return g
}

// components counts the masked regions that hang together by their sides.
func components(mask []uint8, side int) (n int) {
	seen := make([]bool, len(mask))
	var visit func(i int)
	visit = func(i int) {
		if mask[i] == 0 || seen[i] {
			return
		}
		seen[i] = true
		if y := i / side; y > 0 {
			visit(i - side)
		}
		if i/side < side-1 {
			visit(i + side)
		}
		if i%side > 0 {
			visit(i - 1)
		}
		if i%side < side-1 {
			visit(i + 1)
		}
	}
	for i, m := range mask {
		if m == 1 && !seen[i] {
			n++
			visit(i)
		}
	}
	return n
}
