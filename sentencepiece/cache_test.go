package sentencepiece

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestAnswersArePackedOnTheSafeSide(t *testing.T) {
	x := rand.New(rand.NewPCG(2, 2))
	for range 100_000 {
		wide := x.IntN(2) == 0
		c := cut{n: x.IntN(cachedIDs + 1), limit: 1e5 * x.Float32() * x.Float32(), reach: 300 * x.Float32() * x.Float32()}
		if x.IntN(10) == 0 {
			c.limit = float32(math.Inf(1))
		}
		for i := range c.n {
			c.ids[i] = int32(x.IntN(1 << 16))
			if wide {
				c.ids[i] = int32(x.IntN(maxFastVocabulary))
			}
		}
		a, ok := c.pack(wide)
		if ok != (c.n <= 4 || !wide) {
			t.Fatalf("%d ids, wide %v: %v", c.n, wide, ok)
		}
		if !ok {
			continue
		}
		var ids [cachedIDs]int32
		if n := a.unpack(&ids, wide); n != c.n || !slices.Equal(ids[:n], c.ids[:n]) {
			t.Fatalf("%v, %d became %v, %d", c.ids, c.n, ids, n)
		}
		if x.IntN(2) == 0 {
			a.take()
		}
		if a.within() > c.limit || a.within() < 0.9*c.limit-1e-30 || a.reaches() < c.reach || a.reaches() > 1.02*c.reach {
			t.Fatalf("%v became %v and %v", c, a.within(), a.reaches())
		}
	}
}

// Keys that differ in one bit are others, wherever the bit is.
func TestCacheTellsKeysApart(t *testing.T) {
	x := rand.New(rand.NewPCG(6, 6))
	for range 2000 {
		k, z := key{x.Uint64(), x.Uint64() >> (8 * x.IntN(8))}, key{x.Uint64(), x.Uint64()}
		b := bucket{keys: [2]key{k, z}}
		if b.way(k) != 0 || b.way(z) != 1 {
			t.Fatalf("%x and %x: ways %d and %d", k, z, b.way(k), b.way(z))
		}
		for bit := range 64 {
			low, high := key{k.low ^ 1<<bit, k.high}, key{k.low, k.high ^ 1<<bit}
			for _, other := range []key{low, high, {low.low, high.high}} {
				if w := b.way(other); w >= 0 {
					t.Fatalf("%x is taken for %x", other, b.keys[w])
				}
			}
		}
	}
}

// A text's words are remembered while many times as many come once.
func TestCacheKeepsWhatIsAskedForAgain(t *testing.T) {
	const words, once = maxCached / 4, 8 * maxCached
	x := rand.New(rand.NewPCG(7, 7))
	var c wordCache
	c.begin()
	ask := func(k key) bool {
		if a := c.find(k, hashKey(k)); a != nil {
			a.take()
			return true
		}
		c.add(k, answer{})
		return false
	}
	missed := 0
	for i := range uint64(once) {
		ask(key{1 + i, 1})
		for range 4 {
			if k := x.Uint64N(words); !ask(key{1 + k, 0}) && i > once/2 {
				missed++
			}
		}
	}
	if share := float64(missed) / (4 * once / 2); share > 0.02 {
		t.Errorf("%.1f %% of the words were forgotten", 100*share)
	}
	if n := 2 * len(c.buckets); n != maxCached {
		t.Errorf("%d places, want %d", n, maxCached)
	}
}
