package train

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"unicode/utf8"
)

// plainBPE is the definition: count all pairs anew for each merge.
func plainBPE(w *words, z *shaper, chars, want int) (merges []string) {
	var split [][]string
	known := map[string]bool{}
	for i := range w.len() {
		var s []string
		for _, c := range string(w.word(i)) {
			s = append(s, string(c))
			known[string(c)] = true
		}
		split = append(split, s)
	}
	for len(merges)+chars < want {
		counts := map[[2]string]int64{}
		for i, s := range split {
			for k := 1; k < len(s); k++ {
				counts[[2]string{s[k-1], s[k]}] += w.counts[i]
			}
		}
		var best [2]string
		for p, n := range counts {
			text, other := p[0]+p[1], best[0]+best[1]
			if !z.valid([]byte(text)) {
				continue
			}
			a, b := utf8.RuneCountInString(text), utf8.RuneCountInString(other)
			m := counts[best]
			if other == "" || n > m || n == m && (a < b || a == b && (text < other || text == other && len(p[0]) < len(best[0]))) {
				best = p
			}
		}
		text := best[0] + best[1]
		if text == "" {
			break
		}
		if !known[text] {
			known[text] = true
			merges = append(merges, text)
		}
		for i, s := range split {
			var out []string
			for k := 0; k < len(s); k++ {
				if k+1 < len(s) && s[k] == best[0] && s[k+1] == best[1] {
					out = append(out, text)
					k++
				} else {
					out = append(out, s[k])
				}
			}
			split[i] = out
		}
	}
	return merges
}

func TestBPEAgainstCountingAnew(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 60 {
		c := Defaults()
		c.MaxPieceChars = 2 + r.IntN(8)
		w := wordsFrom(randomWords(r, 1+r.IntN(120), []string{"ab", "abcdé", "▁a中b"}[r.IntN(3)]))
		chars := charsOf(w)
		want := len(chars) + r.IntN(60)
		got, err := bpe(context.Background(), &c, w, chars, want, func(string, int64, int64, string) {})
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for i, p := range got {
			texts = append(texts, p.text)
			if p.score != -float64(i) {
				t.Fatalf("piece %d scores %v", i, p.score)
			}
		}
		plain := plainBPE(w, newShaper(&c), len(chars), want)
		if merges := texts[:len(texts)-len(chars)]; !slices.Equal(merges, plain) {
			t.Fatalf("merges %q, want %q", merges, plain)
		}
	}
}
