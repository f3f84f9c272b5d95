package sentencepiece_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/imglish/imglish/sentencepiece"
)

func ExampleModel_Encode() {
	m, err := sentencepiece.Load("testdata/uni8k.model")
	if err != nil {
		fmt.Println(err)
		return
	}
	text := "Call me\u3000Ishmael."
	e := m.Encode(text)
	for i, p := range e.Pieces {
		fmt.Printf("%s %q\n", p, text[e.Spans[i][0]:e.Spans[i][1]])
	}
	fmt.Println(m.Decode(e.IDs))
	// Output:
	// ▁Call "Call"
	// ▁me " me"
	// ▁Ishmael "\u3000Ishmael"
	// . "."
	// Call me Ishmael.
}

// What a model is trained on can be cut otherwise each time it is read; the seed says how.
func ExampleModel_Sample() {
	m, err := sentencepiece.Load("testdata/uni8k.model")
	if err != nil {
		fmt.Println(err)
		return
	}
	best, err := m.NBest("unbelievable", 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range best {
		fmt.Printf("%.2f %q\n", s.Score, s.Pieces)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2 {
		e, err := m.Sample("unbelievable", 0.2, rng)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q\n", e.Pieces)
	}
	// Output:
	// -42.72 ["▁un" "bel" "ie" "v" "able"]
	// -45.38 ["▁unb" "el" "ie" "v" "able"]
	// -45.70 ["▁un" "bel" "ie" "va" "ble"]
	// ["▁" "un" "bel" "ie" "va" "ble"]
	// ["▁un" "b" "el" "ie" "v" "able"]
}

func BenchmarkAppendIDs(b *testing.B) {
	for _, name := range []string{"uni8k", "bpe4k"} {
		b.Run(name, func(b *testing.B) {
			m := load(b, name)
			const text = "Some years ago, never mind how long precisely, having little or no money in my purse, and nothing " +
				"particular to interest me on shore, I thought I would sail about a little and see the watery part of the world."
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var ids []int32
			for b.Loop() {
				ids = m.AppendIDs(ids[:0], text)
			}
		})
	}
}
