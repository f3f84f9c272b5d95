package sentencepiece

import (
	"math/rand/v2"
	"testing"
)

// randomKeys are n different strings of few letters, so that they share prefixes.
func randomKeys(n int) (keys []entry) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for len(keys) < n {
		b := make([]byte, 1+r.IntN(12))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz\xe2\x96\x81\xff"[min(r.IntN(30), r.IntN(30))]
		}
		if !seen[string(b)] {
			seen[string(b)] = true
			keys = append(keys, entry{string(b), int32(len(keys))})
		}
	}
	return keys
}

func TestTrieFindsItsKeysAndNoOthers(t *testing.T) {
	keys := randomKeys(20000)
	want := map[string]int32{}
	for _, k := range keys {
		want[k.key] = k.value
	}
	tr, err := newTrie(keys)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range want {
		if got := find(tr, k); got != v {
			t.Fatalf("find(%q) = %d, want %d", k, got, v)
		}
		for _, other := range []string{k + "a", k[1:], k[:len(k)-1], k + "\x00"} {
			v, ok := want[other]
			if got := find(tr, other); ok && got != v || !ok && got >= 0 {
				t.Fatalf("find(%q) = %d, want %d, %v", other, got, v, ok)
			}
		}
		long := 0
		for n := range len(k) + 1 {
			if _, ok := want[k[:n]]; ok {
				long = n
			}
		}
		if got := longest(tr, k+"\x01"); got != long {
			t.Fatalf("longest(%q) = %d, want %d", k, got, long)
		}
	}
	if empty, err := newTrie(nil); err != nil || find(empty, "a") >= 0 || longest(empty, "\x00a") != 0 {
		t.Errorf("an empty trie finds something, or error %v", err)
	}
}

func BenchmarkNewTrie(b *testing.B) {
	keys := randomKeys(250_000) // XLM-R's number of pieces
	for b.Loop() {
		if _, err := newTrie(keys); err != nil {
			b.Fatal(err)
		}
	}
}
