package sentencepiece

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// plainTexts are the hard texts of up to 5,000 bytes.
func plainTexts(t *testing.T) (texts []string) {
	t.Helper()
	data, err := os.ReadFile("testdata/texts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(data)) {
		var v struct {
			Text []byte `json:"b64"`
		}
		if err := json.Unmarshal([]byte(l), &v); err != nil {
			t.Fatal(err)
		}
		if len(v.Text) <= 5000 {
			texts = append(texts, string(v.Text))
		}
	}
	if len(texts) < 200 {
		t.Fatalf("only %d texts", len(texts))
	}
	return texts
}

// The lattice and the plain merges, which n-best lists and sampling are made of, agree with the fast ways to the best.
func TestPlainFormsAgree(t *testing.T) {
	texts := plainTexts(t)
	paths, _ := filepath.Glob("testdata/*/*.model")
	more, _ := filepath.Glob("testdata/*.model")
	compared := map[Type]int{}
	for _, path := range append(paths, more...) {
		m, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		info := m.Info()
		for _, text := range texts {
			var s scratch
			m.segment(&s, text, true)
			if len(s.norm.text) == 0 {
				continue
			}
			var got []span
			switch {
			case m.unigram != nil && info.Kinds.UserDefined == 0: // its bonus is counted in characters there
				l := m.unigram.newLattice(s.norm.text)
				l.viterbi()
				got = l.spans(l.bestPath())
			case m.bpe != nil:
				got = m.bpe.dropout(s.norm.text, func() bool { return false })
			default:
				continue
			}
			compared[info.Type]++
			if !slices.Equal(got, s.spans) {
				t.Errorf("%s, %.80q: plain %v, fast %v", path, text, got, s.spans)
			}
		}
	}
	if compared[Unigram] < 1000 || compared[BPE] < 1000 {
		t.Errorf("compared only %v", compared)
	}
}

// What dropout draws follows its definition: a tree of decisions, each taken with probability alpha, walked whole.
func TestDropoutFollowsItsProbabilities(t *testing.T) {
	m, err := Load("testdata/kinds/bpe.model")
	if err != nil {
		t.Fatal(err)
	}
	const alpha, n = 0.3, 20_000
	for _, text := range []string{"▁the", "▁other", "▁thing▁is"} {
		want := map[string]float64{}
		var walk func(taken []bool)
		walk = func(taken []bool) {
			asked := 0
			got := m.bpe.dropout([]byte(text), func() bool {
				asked++
				return asked <= len(taken) && taken[asked-1]
			})
			if asked > len(taken) { // one more decision was open
				walk(append(slices.Clip(taken), true))
				walk(append(slices.Clip(taken), false))
				return
			}
			p := 1.0
			for _, dropped := range taken {
				if dropped {
					p *= alpha
				} else {
					p *= 1 - alpha
				}
			}
			want[fmt.Sprint(got)] += p
		}
		walk(nil)
		rng := rand.New(rand.NewPCG(4, 5))
		counts := map[string]int{}
		for range n {
			counts[fmt.Sprint(m.bpe.dropout([]byte(text), func() bool { return rng.Float64() < alpha }))]++
		}
		sum, classes, all := 0.0, 0, 0.0
		for k, p := range want {
			all += p
			if e := p * n; e >= 10 {
				sum += (float64(counts[k]) - e) * (float64(counts[k]) - e) / e
				classes++
			}
		}
		if off := (sum - float64(classes)) / math.Sqrt(2*float64(classes)); off > 5 || classes < 3 || math.Abs(all-1) > 1e-9 {
			t.Errorf("%s: %.1f standard deviations off in %d classes; probabilities sum to %v", text, off, classes, all)
		}
	}
}
