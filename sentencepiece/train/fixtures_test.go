package train

import (
	"context"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/imglish/imglish/sentencepiece"
)

// texts is a made-up corpus: words of syllables, frequent ones far more often than rare ones.
func texts(n int, seed uint64) []string {
	r := rand.New(rand.NewPCG(seed, 1))
	syllables := strings.Fields("ka to mi re sol la ti be an er in st ou gr ä ß é 中 文 日本 の に だ 12 7 0 - . , ! x")
	words := make([]string, 3000)
	for i := range words {
		for range 1 + r.IntN(5) {
			words[i] += syllables[r.IntN(len(syllables))]
		}
	}
	all := make([]string, n)
	for i := range all {
		var b strings.Builder
		for k := range 3 + r.IntN(12) {
			if k > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(words[int(math.Pow(float64(len(words)), r.Float64()))-1])
		}
		all[i] = b.String()
	}
	return all
}

func seq(texts []string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, t := range texts {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// small are settings for quick tests.
func small() Config {
	c := Defaults()
	c.Rule, c.Vocab, c.Coverage, c.Threads = "identity", 400, 1, 2
	return c
}

func mustTrain(t testing.TB, c Config, texts []string) (*Result, *sentencepiece.Model) {
	t.Helper()
	r, err := Train(context.Background(), c, seq(texts), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := sentencepiece.Parse(r.Model)
	if err != nil {
		t.Fatal(err)
	}
	return r, m
}

// wordsFrom are words with counts, sorted, without training around them.
func wordsFrom(counts map[string]int64) *words {
	w := &words{starts: []uint32{0}, thin: 1}
	keys := make([]string, 0, len(counts))
	for k := range counts {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		w.text = append(append(w.text, k...), 0)
		w.starts = append(w.starts, uint32(len(w.text)))
		w.counts = append(w.counts, counts[k])
	}
	return w
}

// randomWords are words of few letters, so that all kinds of repetitions occur.
func randomWords(r *rand.Rand, n int, letters string) map[string]int64 {
	all := []rune(letters)
	counts := map[string]int64{}
	for range n {
		var b strings.Builder
		for range 1 + r.IntN(9) {
			b.WriteRune(all[r.IntN(len(all))])
		}
		counts[b.String()] += 1 + int64(r.IntN(4))
	}
	return counts
}

func vocabFrom(scores map[string]float64) *vocab {
	var pieces [][]byte
	var s []float64
	for p, x := range scores {
		pieces, s = append(pieces, []byte(p)), append(s, x)
	}
	return newVocab(pieces, s)
}

func pieces(m *sentencepiece.Model) []string {
	all := make([]string, m.Size())
	for i := range all {
		all[i] = m.Piece(int32(i))
	}
	return all
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*math.Max(1, math.Abs(a)+math.Abs(b)) }

func mustFail(t *testing.T, c Config, texts []string, want ...string) {
	t.Helper()
	_, err := Train(context.Background(), c, seq(texts), nil)
	if err == nil {
		t.Errorf("training went well, want an error with %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q, want one with %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error of several lines: %q", err)
	}
}

// normOf is what reads texts.
func normOf(t *testing.T, c *Config) (*sentencepiece.Model, *[256][]string) {
	t.Helper()
	symbols, err := c.symbols()
	if err != nil {
		t.Fatal(err)
	}
	_, norm, err := c.normalizer(symbols)
	if err != nil {
		t.Fatal(err)
	}
	return norm, symbolsByByte(symbols)
}
