package train

import (
	"cmp"
	"context"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// segmentations lists all ways to write a word with the pieces of a model, characters that are no pieces as unknown.
func segmentations(m *model, word []byte) (all [][]int32) {
	if len(word) == 0 {
		return [][]int32{{}}
	}
	_, char := utf8.DecodeRune(word)
	for n := char; n <= len(word); n++ {
		id, ok := m.vocab.find(word[:n])
		ok = ok && m.prob[id] > 0
		if !ok && n > char {
			continue
		}
		if !ok {
			id = -1
		}
		for _, rest := range segmentations(m, word[n:]) {
			all = append(all, append([]int32{int32(id)}, rest...))
		}
	}
	return all
}

func (m *model) scoreOf(path []int32) (s float64) {
	for _, id := range path {
		if id < 0 {
			s += m.unknownScore
		} else {
			s += m.vocab.scores[id]
		}
	}
	return s
}

func randomModel(r *rand.Rand, letters string) *model {
	scores := map[string]float64{}
	for _, p := range slices.Sorted(maps.Keys(randomWords(r, 40, letters))) { // in order: the model is the seed's
		scores[p] = -1 - 9*r.Float64()
	}
	for _, c := range letters[1:] { // the first letter may be unknown
		scores[string(c)] = -3 - 5*r.Float64()
	}
	m := newModel(vocabFrom(scores))
	for i := range m.vocab.len() { // some pieces are gone
		if r.IntN(8) == 0 {
			m.vocab.scores[i] = math.Inf(-1)
		}
	}
	m.rescore()
	return m
}

func TestLatticeAgainstAllSegmentations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var l lattice
	for range 200 {
		m := randomModel(r, "abcé")
		for word := range randomWords(r, 10, "abcé") {
			w := []byte(word)
			all := segmentations(m, w)
			sum, best := 0.0, math.Inf(-1)
			bestOther := math.Inf(-1)
			want := map[int32]float64{}
			for _, path := range all {
				s := m.scoreOf(path)
				sum += math.Exp(s)
				best = max(best, s)
				if len(path) > 1 {
					bestOther = max(bestOther, s)
				}
			}
			for _, path := range all {
				for _, id := range path {
					if id >= 0 {
						want[id] += math.Exp(m.scoreOf(path)) / sum
					}
				}
			}
			check := func(name string, got map[int32]float64, total float64) {
				if !near(total, math.Log(sum)) {
					t.Fatalf("%s: log probability of %q is %v, want %v", name, word, total, math.Log(sum))
				}
				for id := range int32(m.vocab.len()) {
					if !near(got[id], want[id]) {
						t.Fatalf("%s: piece %q expected %v times in %q, want %v", name, m.vocab.piece(int(id)), got[id], word, want[id])
					}
				}
			}
			got := map[int32]float64{}
			total := l.expect(m, w, func(id int32, p float64) { got[id] += p })
			check("expect", got, total)
			got = map[int32]float64{}
			l.arcsOf(m, w, true)
			total = l.expectByLogarithms(m, len(w), func(id int32, p float64) { got[id] += p })
			check("expectByLogarithms", got, total)
			if _, s, _ := l.viterbi(m, w, true); !near(s, best) {
				t.Fatalf("best score of %q is %v, want %v", word, s, best)
			}
			if path, s, ok := l.viterbi(m, w, false); ok != !math.IsInf(bestOther, -1) || ok && !near(s, bestOther) {
				t.Fatalf("best score of %q in several pieces is %v %v (%v), want %v", word, s, path, ok, bestOther)
			}
		}
	}
}

// A long word's probability underflows: the logarithms must take over.
func TestLongWords(t *testing.T) {
	m := newModel(vocabFrom(map[string]float64{"a": -9, "aa": -12}))
	var l lattice
	word := []byte{}
	for range maxWordBytes {
		word = append(word, 'a')
	}
	n := 0.0
	total := l.expect(m, word, func(id int32, p float64) { n += p * float64(len(m.vocab.piece(int(id)))) })
	if best := -12.0 * maxWordBytes / 2; !near(n, maxWordBytes) || total < best || total > best+100 {
		t.Errorf("pieces cover %v letters of %d, log probability %v", n, maxWordBytes, total)
	}
}

func emOf(t *testing.T, seed uint64, threads int) *em {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	w := wordsFrom(randomWords(r, 3000, "▁abcdé"))
	found, err := mine(context.Background(), w, newShaper(&Config{MaxPieceChars: 8}), 500, threads)
	if err != nil {
		t.Fatal(err)
	}
	return newEM(w, seedVocab(w, charsOf(w), found), threads)
}

func charsOf(w *words) (chars []charCount) {
	counts := map[rune]int64{}
	for i := range w.len() {
		for _, c := range string(w.word(i)) {
			counts[c] += w.counts[i]
		}
	}
	for c, n := range counts {
		chars = append(chars, charCount{c, n})
	}
	slices.SortFunc(chars, func(a, b charCount) int { return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.char, b.char)) })
	return chars
}

// Expectation maximisation never makes the likelihood smaller, if maximising is just that.
func TestLikelihoodGrows(t *testing.T) {
	e := emOf(t, 1, 2)
	before := math.Inf(-1)
	for round := range 15 {
		counts, likelihood, err := e.expected(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if likelihood < before-1e-6*math.Abs(before) {
			t.Fatalf("round %d: log likelihood falls from %v to %v", round, before, likelihood)
		}
		before = likelihood
		letters, want := 0.0, 0.0
		sum := 0.0
		for i, n := range counts {
			letters += n * float64(utf8.RuneCount(e.model.vocab.piece(i)))
			sum += n
		}
		for i, n := range e.words.counts {
			want += float64(n) * float64(utf8.RuneCount(e.words.word(i)))
		}
		if math.Abs(letters-want) > 1e-4*want {
			t.Fatalf("round %d: pieces are expected to cover %v letters of %v", round, letters, want)
		}
		for i, n := range counts {
			e.model.vocab.scores[i] = math.Log(n / sum)
		}
		e.model.rescore()
	}
}

func TestPruningKeepsLettersAndGoodPieces(t *testing.T) {
	e := emOf(t, 2, 2)
	counts, _, err := e.expected(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	left := e.maximize(counts)
	v, err := e.prune(context.Background(), left/2)
	if err != nil {
		t.Fatal(err)
	}
	if v.len() > left/2 || v.len() < left/4 {
		t.Errorf("%d pieces of %d, want %d", v.len(), left, left/2)
	}
	for _, c := range charsOf(e.words) {
		if _, ok := v.find([]byte(string(c.char))); !ok {
			t.Errorf("letter %q is gone", c.char)
		}
	}
	for i := range v.len() {
		if _, ok := e.model.vocab.find(v.piece(i)); !ok {
			t.Errorf("piece %q is new", v.piece(i))
		}
	}
}

func TestDigamma(t *testing.T) {
	const euler = 0.57721566490153286
	for _, tt := range []struct{ x, want float64 }{
		{1, -euler}, {0.5, -euler - 2*math.Ln2}, {2, 1 - euler}, {10, 2.2517525890667211}, {1e9, math.Log(1e9) - 0.5e-9},
	} {
		if got := digamma(tt.x); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("digamma(%v) = %v, want %v", tt.x, got, tt.want)
		}
	}
}

func TestMiningAgainstCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 60 {
		c := Config{MaxPieceChars: 2 + r.IntN(6), SplitBySpace: r.IntN(2) == 0, SplitByScript: r.IntN(2) == 0}
		z := newShaper(&c)
		letters := []string{"ab", "ab中é", "▁a中"}[r.IntN(3)]
		w := wordsFrom(randomWords(r, 1+r.IntN(400), letters))
		// Counted by hand: each text, and each text with each letter that follows.
		count, longer := map[string]int64{}, map[string]int64{}
		for i := range w.len() {
			word := []rune(string(w.word(i)))
			for from := range word {
				for to := from + 1; to <= len(word); to++ {
					count[string(word[from:to])] += w.counts[i]
				}
			}
		}
		for text, n := range count {
			_, last := utf8.DecodeLastRuneInString(text)
			longer[text[:len(text)-last]] = max(longer[text[:len(text)-last]], n)
		}
		want := map[string]int64{}
		for text, n := range count {
			if k := utf8.RuneCountInString(text); k >= 2 && n >= 2 && longer[text] < n && z.valid([]byte(text)) {
				want[text] = n * int64(k)
			}
		}
		limit := []int{1 << 20, 1 + len(want)/2}[r.IntN(2)]
		found, err := mine(context.Background(), w, z, limit, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != min(limit, len(want)) {
			t.Fatalf("%d candidates, want %d of %d", len(found), limit, len(want))
		}
		lowest := int64(math.MaxInt64)
		for _, f := range found {
			text := string(w.text[f.at : int(f.at)+int(f.bytes)])
			if want[text] != f.score || f.score == 0 {
				t.Fatalf("candidate %q scores %d, want %d", text, f.score, want[text])
			}
			delete(want, text)
			lowest = min(lowest, f.score)
		}
		for text, score := range want {
			if score > lowest {
				t.Fatalf("candidate %q of score %d is missing, the worst one has %d", text, score, lowest)
			}
		}
	}
}
