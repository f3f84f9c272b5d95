package sentencepiece_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/sentencepiece"
)

// deviation says how far a sample is from what the probabilities make expect, in standard deviations of chi-square. What
// is expected seldom is one class.
func deviation(t *testing.T, counts map[string]int, probabilities map[string]float64) float64 {
	t.Helper()
	total := 0
	for k, n := range counts {
		total += n
		if probabilities[k] == 0 {
			t.Fatalf("drawn, but impossible: %s", k)
		}
	}
	sum, classes := 0.0, 0
	term := func(n int, p float64) {
		if want := p * float64(total); want > 0 {
			sum += (float64(n) - want) * (float64(n) - want) / want
			classes++
		}
	}
	rare, rareP := 0, 0.0
	for k, p := range probabilities {
		if p*float64(total) < 10 {
			rare, rareP = rare+counts[k], rareP+p
		} else {
			term(counts[k], p)
		}
	}
	term(rare, rareP)
	return (sum - float64(classes-1)) / math.Sqrt(2*float64(max(classes-1, 1)))
}

// The n-best list of a short text holds all its segmentations, and its scores are the original's: it gives the exact
// probabilities.
func TestSampleFollowsTheScores(t *testing.T) {
	for _, model := range []string{"kinds/uni_t5", "kinds/uni_rules", "kinds/uni_no_unknown"} {
		m := load(t, model)
		for _, text := range []string{"the one", "person Q是", "anarch"} {
			all, err := m.NBest(text, sentencepiece.MaxNBest)
			if err != nil || len(all) == sentencepiece.MaxNBest || len(all) < 4 {
				t.Fatalf("%s, %q: %d segmentations, error %v; want all, and some", model, text, len(all), err)
			}
			for _, alpha := range []float32{0, 0.1, 0.5, 1.5} {
				for _, n := range []int{0, 5} {
					var total float64
					probabilities := map[string]float64{}
					for i, s := range all {
						if n == 0 || i < n {
							p := math.Exp(float64(alpha) * float64(s.Score-all[0].Score))
							probabilities[fmt.Sprint(s.IDs)] += p
							total += p
						}
					}
					for k := range probabilities {
						probabilities[k] /= total
					}
					rng := rand.New(rand.NewPCG(1, 2))
					counts := map[string]int{}
					for range 4000 {
						var e sentencepiece.Encoding
						if n == 0 {
							e, err = m.Sample(text, alpha, rng)
						} else {
							e, err = m.SampleNBest(text, n, alpha, rng)
						}
						if err != nil {
							t.Fatal(err)
						}
						counts[fmt.Sprint(e.IDs)]++
					}
					if d := deviation(t, counts, probabilities); d > 5 {
						t.Errorf("%s, %q, alpha %v, of %d: %.1f standard deviations off", model, text, alpha, n, d)
					}
				}
			}
		}
	}
}

func TestSampleIsItsSeeds(t *testing.T) {
	for _, model := range []string{"uni8k", "uni8k_bf", "bpe4k"} {
		m := load(t, model)
		text := strings.Repeat("Some years ago, never mind how long precisely. ", 4)
		var drawn []sentencepiece.Encoding
		for _, seed := range []uint64{1, 1, 2} {
			e, err := m.Sample(text, 0.2, rand.New(rand.NewPCG(seed, 0)))
			if err != nil {
				t.Fatal(err)
			}
			drawn = append(drawn, e)
		}
		if !cmp.Equal(drawn[0], drawn[1]) || cmp.Equal(drawn[0], drawn[2]) {
			t.Errorf("%s: the same seed gives another segmentation, or another the same", model)
		}
		if got := m.Decode(drawn[0].IDs); got != m.Decode(m.AppendRaw(nil, text)) {
			t.Errorf("%s: a sample decodes to %q", model, got)
		}
	}
}

func TestSampleEnds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	uni, bpe := load(t, "uni8k"), load(t, "bpe4k")
	for _, h := range hardTexts(t) {
		text := string(h.Text)
		if len(text) > 2000 {
			continue
		}
		want := bpe.Encode(text)
		if e, err := bpe.Sample(text, 0, rng); err != nil || !slices.Equal(e.IDs, want.IDs) || !slices.Equal(e.Spans, want.Spans) {
			t.Errorf("%.80q: BPE with alpha 0 gives %v, want %v, error %v", text, e.IDs, want.IDs, err)
		}
		e, err := bpe.Sample(text, 1, rng)
		for i, p := range e.Pieces {
			_, isByte := bytePiece(p)
			if len([]rune(p)) > 1 && e.IDs[i] != 0 && !isByte || err != nil {
				t.Errorf("%.80q: BPE with alpha 1 merged %q, error %v", text, p, err)
			}
		}
		if e, err := uni.Sample(text, 1e6, rng); err != nil || uni.Decode(e.IDs) != uni.Decode(uni.AppendRaw(nil, text)) {
			t.Errorf("%.80q: decodes to another text, error %v", text, err)
		}
	}
	if e, err := uni.Sample("where it is not quite so clear", 1e6, rng); err != nil || !slices.Equal(e.IDs, uni.AppendRaw(nil, "where it is not quite so clear")) {
		t.Errorf("a large alpha gives %q, error %v", e.Pieces, err)
	}
}

func TestNBestAndSampleRefuse(t *testing.T) {
	uni, bpe, word := load(t, "kinds/uni_t5"), load(t, "kinds/bpe"), load(t, "kinds/word")
	rng := rand.New(rand.NewPCG(1, 1))
	if _, err := bpe.NBest("a", 2); !errors.Is(err, sentencepiece.ErrNoNBest) || !strings.Contains(err.Error(), "bpe") {
		t.Errorf("n-best with BPE: %v", err)
	}
	if _, err := word.Sample("a", 1, rng); !errors.Is(err, sentencepiece.ErrNoNBest) || !strings.Contains(err.Error(), "word") {
		t.Errorf("sampling of words: %v", err)
	}
	for _, n := range []int{-1, 0, sentencepiece.MaxNBest + 1} {
		if _, err := uni.NBest("a", n); err == nil {
			t.Errorf("%d best are no error", n)
		}
	}
	for _, alpha := range []float32{-1, float32(math.NaN()), float32(math.Inf(1))} {
		if _, err := uni.Sample("a", alpha, rng); err == nil {
			t.Errorf("alpha %v is no error", alpha)
		}
		if _, err := uni.SampleNBest("a", 2, alpha, rng); err == nil {
			t.Errorf("alpha %v of the best is no error", alpha)
		}
	}
	if all, err := uni.NBest("", 3); err != nil || len(all) != 1 || len(all[0].IDs) != 0 {
		t.Errorf("an empty text has the segmentations %v, error %v", all, err)
	}
	if e, err := uni.Sample("", 1, rng); err != nil || len(e.IDs) != 0 {
		t.Errorf("an empty text is %v, error %v", e, err)
	}
}

// A text of many equal paths makes the search give up: the best path is left, and memory is bounded.
func TestNBestOfALongText(t *testing.T) {
	m := load(t, "kinds/uni_ties")
	all, err := m.NBest(strings.Repeat("thereinandon ", 400), 500)
	if err != nil || len(all) == 0 {
		t.Fatalf("%d segmentations, error %v", len(all), err)
	}
	for _, s := range all {
		if s.Score > all[0].Score {
			t.Errorf("score %v behind %v", s.Score, all[0].Score)
		}
	}
}

func FuzzNBest(f *testing.F) {
	m, err := sentencepiece.Load("testdata/kinds/uni_t5.model")
	if err != nil {
		f.Fatal(err)
	}
	for _, h := range hardTexts(f) {
		if len(h.Text) < 200 {
			f.Add(string(h.Text), 3, uint64(1))
		}
	}
	f.Fuzz(func(t *testing.T, text string, n int, seed uint64) {
		if n < 1 || n > 40 || len(text) > 2000 {
			return
		}
		all, err := m.NBest(text, n)
		if err != nil || len(all) < 1 || len(all) > n {
			t.Fatalf("%q: %d of %d, error %v", text, len(all), n, err)
		}
		norm := m.Normalize(text)
		seen := map[string]bool{}
		for i, s := range all {
			if i > 0 && s.Score > all[i-1].Score+1e-4*float32(len(text)) { // sums of the same pieces in another order
				t.Fatalf("%q: score %v behind %v", text, s.Score, all[i-1].Score)
			}
			if got := strings.Join(s.Pieces, ""); got != norm {
				t.Fatalf("%q: pieces spell %q, normalised is %q", text, got, norm)
			}
			seen[fmt.Sprint(s.Pieces, s.Spans)] = true
		}
		if !slices.Equal(all[0].IDs, m.AppendRaw(nil, text)) && all[min(1, len(all)-1)].Score < all[0].Score-1e-4*float32(len(text)) {
			t.Fatalf("%q: the best is %v, Encode gives %v", text, all[0].IDs, m.AppendRaw(nil, text))
		}
		e, err := m.Sample(text, 0.3, rand.New(rand.NewPCG(seed, 0)))
		if err != nil || strings.Join(e.Pieces, "") != norm {
			t.Fatalf("%q: drawn %q, normalised is %q, error %v", text, e.Pieces, norm, err)
		}
	})
}
