package train

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"
	"unicode/utf8"
)

func countAll(t *testing.T, limit int64, words []string) (*counts, map[string]int64) {
	t.Helper()
	c := &counts{limit: limit, scratch: t.TempDir()}
	want := map[string]int64{}
	var batch table
	var order [nTables][]uint32
	highest := int64(0)
	for i, w := range words {
		batch.add([]byte(w), hashOf([]byte(w)), 1)
		want[w]++
		if i%1000 == 999 || i == len(words)-1 {
			if err := c.add(context.Background(), &batch, &order); err != nil {
				t.Fatal(err)
			}
			batch.reset()
			highest = max(highest, c.held.Load())
		}
	}
	if highest > limit {
		t.Errorf("counts hold %d bytes, may hold %d", highest, limit)
	}
	left, err := os.ReadDir(c.scratch)
	if err != nil || len(left) > 0 {
		t.Errorf("files %v are left behind (%v)", left, err)
	}
	return c, want
}

// A stream of ever new words must not take more memory, and no count may be lost.
func TestCountsThatDoNotFit(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	words := make([]string, 200_000)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", int(math.Exp(r.Float64()*14)))
	}
	for _, limit := range []int64{1 << 30, 1 << 20, 300 << 10} {
		c, want := countAll(t, limit, words)
		if spilt := len(c.runs) > 0; spilt != (limit < 1<<30) {
			t.Errorf("limit %d: %d files", limit, len(c.runs))
		}
		var before []byte
		table := -1
		err := c.each(context.Background(), func(word []byte, n int64) error {
			if want[string(word)] != n {
				return fmt.Errorf("%q counted %d times, want %d", word, n, want[string(word)])
			}
			delete(want, string(word))
			if k := tableOf(hashOf(word)); k == table && bytes.Compare(before, word) >= 0 {
				return fmt.Errorf("%q comes behind %q", word, before)
			} else {
				table = k
			}
			before = append(before[:0], word...)
			return nil
		})
		if err != nil || len(want) > 0 {
			t.Errorf("limit %d: %v, %d words missing", limit, err, len(want))
		}
		c.close()
	}
}

func TestWordsThatDoNotFitAreThinnedOut(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	stream := make([]string, 300_000)
	for i := range stream {
		stream[i] = fmt.Sprintf("%d", int(math.Exp(r.Float64()*13)))
	}
	cfg := Defaults()
	firstDigits := func(w *words) (n [10]float64, total float64) {
		for i := range w.len() {
			n[w.word(i)[0]-'0'] += float64(w.counts[i])
			total += float64(w.counts[i])
		}
		return n, total
	}
	all := func(rune) bool { return true }
	collectAll := func(limit int64, seed uint64) *words {
		c, _ := countAll(t, 1<<30, stream)
		cfg.Seed = seed
		w, err := collect(context.Background(), &cfg, c, all, 8, limit)
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	whole := collectAll(1<<30, 0)
	want, total := firstDigits(whole)
	if whole.thin != 1 || total != float64(len(stream)) {
		t.Fatalf("thinned at %d, %v words of %d", whole.thin, total, len(stream))
	}
	const limit = 500_000
	other := collectAll(limit, 1)
	for _, seed := range []uint64{0, 1} {
		w := collectAll(limit, seed)
		cost := int64(0)
		for i := range w.len() {
			cost += wordCost(w.word(i), 8)
			if w.counts[i] < w.thin {
				t.Fatalf("%q counts %d, thinned at %d", w.word(i), w.counts[i], w.thin)
			}
		}
		if cost > limit || cost < limit/4 || w.thin < 2 {
			t.Errorf("words cost %d of %d, thinned at %d", cost, limit, w.thin)
		}
		got, sum := firstDigits(w)
		if math.Abs(sum-total) > 0.02*total {
			t.Errorf("counts add up to %v, want about %v", sum, total)
		}
		for d := range want {
			if math.Abs(got[d]-want[d]) > 0.05*want[d]+200 {
				t.Errorf("words with %d count %v, want about %v", d, got[d], want[d])
			}
		}
		if same := bytes.Equal(w.text, other.text); same != (seed == 1) {
			t.Errorf("seed %d draws the words of seed 1: %v", seed, same)
		}
	}
}

// Memory must not show in the model as long as words need not be thinned out.
func TestSpillingDoesNotChangeTheModel(t *testing.T) {
	all := texts(20000, 8)
	for i := range all {
		all[i] += fmt.Sprintf(" %x", mix(uint64(i))) // each text a word that no other has
	}
	c := small()
	c.Threads = 3
	want, _ := mustTrain(t, c, all)
	limit := c.room().counts
	c.MemoryBytes = minMemory
	if want.Stats.Spills > 0 || c.room().counts > limit/8 {
		t.Fatalf("%d spills, %d bytes", want.Stats.Spills, c.room().counts)
	}
	// The least budget is still too large for a quick test: counts get less by hand.
	norm, symbols := normOf(t, &c)
	read1 := func(limit int64) (*words, *corpus) {
		k, err := read(context.Background(), &c, norm, symbols, limit, seq(all), func(string, int64, int64, string) {})
		if err != nil {
			t.Fatal(err)
		}
		w, err := collect(context.Background(), &c, &k.counts, func(rune) bool { return true }, 8, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		return w, k
	}
	whole, _ := read1(1 << 30)
	c.Threads = 1 // several may all add their texts before the first of them writes, and then there is one file
	spilt, k := read1(256 << 10)
	if len(k.counts.runs) < 2 {
		t.Fatalf("%d files", len(k.counts.runs))
	}
	k.counts.close()
	if !bytes.Equal(whole.text, spilt.text) || fmt.Sprint(whole.counts) != fmt.Sprint(spilt.counts) {
		t.Error("counts that went to a file are others")
	}
}

func FuzzCut(f *testing.F) {
	f.Add("▁abc12中文の,x  y", uint8(0))
	f.Add("a\u0301b\u0301中\u0301x", uint8(3))
	f.Add("1a2▁▁▁b", uint8(0x1f))
	f.Fuzz(func(t *testing.T, text string, flags uint8) {
		if !utf8.ValidString(text) {
			return
		}
		on := func(bit int) bool { return flags>>bit&1 == 1 }
		c := Config{MaxPieceChars: 6, SplitByScript: on(0), SplitBySpace: on(1), SplitByNumber: on(2), SplitDigits: on(3), SpaceOnlyPieces: on(4)}
		z := newShaper(&c)
		r := &reader{cfg: &c, shaper: z, symbols: new([256][]string)}
		r.cut([]byte(text))
		words := map[string]int64{}
		bytes := 0
		for i := range r.batch.entries {
			e := &r.batch.entries[i]
			words[string(r.batch.word(e))] = e.count
			bytes += int(e.length) * int(e.count)
		}
		// Nothing is lost, and each text that may be a piece occurs in the words as often as in the text.
		chars := []rune(text)
		want := 0
		for _, c := range chars {
			if c != 0 {
				want += utf8.RuneLen(c)
			}
		}
		if bytes != want {
			t.Fatalf("words of %d bytes, want %d: %v", bytes, want, words)
		}
		inText, inWords := map[string]int64{}, map[string]int64{}
		count := func(chars []rune, n int64, to map[string]int64) {
			for from := range chars {
				for end := from + 1; end <= min(len(chars), from+6); end++ {
					if p := string(chars[from:end]); z.valid([]byte(p)) {
						to[p] += n
					}
				}
			}
		}
		count(chars, 1, inText)
		for w, n := range words {
			count([]rune(w), n, inWords)
		}
		if len(text) > maxWordBytes {
			return // a long word is cut anywhere
		}
		for p, n := range inText {
			if inWords[p] != n {
				t.Fatalf("%q occurs %d times in %q, in its words %v %d times", p, n, text, words, inWords[p])
			}
		}
	})
}
