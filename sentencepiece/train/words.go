package train

import (
	"context"
	"unicode/utf8"
)

// words are what is trained on: different words with their counts. A NUL follows each word.
type words struct {
	text   []byte
	starts []uint32 // of each word in text, and the length of text
	counts []int64
	seen   int64 // different words that were counted
	thin   int64 // words with a smaller count were drawn with the probability count/thin and count as thin
}

func (w *words) len() int { return len(w.counts) }

// word is without its NUL.
func (w *words) word(i int) []byte { return w.text[w.starts[i] : w.starts[i+1]-1] }

// maxTextBytes is what 32 bits can point into.
const maxTextBytes = 1<<32 - 1<<20

// wordCost is the memory that a word takes, with what training needs of each of its characters.
func wordCost(word []byte, charBytes int) int64 {
	return int64(len(word)) + 1 + 4 + 8 + int64(charBytes*utf8.RuneCount(word))
}

// collect reads the counts out, without characters that are not covered. If the words need more than limit bytes, rare
// ones are drawn: a word of count c is kept if c ≥ thin, else with the probability c/thin and then with the count thin,
// which leaves the expectation of every sum of counts as it is (threshold sampling, Duffield, Lund and Thorup 2005). A
// word is drawn by its hash, so that the outcome does not depend on the order of words.
func collect(ctx context.Context, cfg *Config, c *counts, covered func(rune) bool, charBytes int, limit int64) (*words, error) {
	w := &words{thin: 1, starts: []uint32{0}}
	var cost int64
	kept := func(word []byte, count int64) bool {
		return count >= w.thin || drawn(hashOf(word), cfg.Seed, float64(count)/float64(w.thin))
	}
	add := func(word []byte, count int64) {
		if len(word) == 0 || !kept(word, count) {
			return
		}
		w.text = append(append(w.text, word...), 0)
		w.starts = append(w.starts, uint32(len(w.text)))
		w.counts = append(w.counts, count)
		cost += wordCost(word, charBytes)
		for cost > limit || len(w.text) > maxTextBytes {
			w.thin *= 2
			cost = w.filter(kept, charBytes)
		}
	}
	err := c.each(ctx, func(word []byte, count int64) error {
		w.seen++
		from := 0
		for at := 0; at < len(word); {
			c, n := utf8.DecodeRune(word[at:])
			if !covered(c) {
				add(word[from:at], count)
				from = at + n
			}
			at += n
		}
		add(word[from:], count)
		return nil
	})
	for i, n := range w.counts {
		w.counts[i] = max(n, w.thin)
	}
	return w, err
}

// filter drops words and says what the others cost.
func (w *words) filter(keep func([]byte, int64) bool, charBytes int) (cost int64) {
	n, size := 0, 0
	for i := range w.counts {
		word := w.word(i)
		if !keep(word, w.counts[i]) {
			continue
		}
		cost += wordCost(word, charBytes)
		from := size
		size += copy(w.text[size:], w.text[w.starts[i]:w.starts[i+1]])
		w.counts[n] = w.counts[i]
		w.starts[n] = uint32(from) // not read again: i ≥ n
		n++
	}
	w.starts[n] = uint32(size)
	w.text, w.starts, w.counts = w.text[:size], w.starts[:n+1], w.counts[:n]
	return cost
}
