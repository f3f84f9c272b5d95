package sentencepiece_test

import (
	"fmt"
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
