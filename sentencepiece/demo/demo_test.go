package demo_test

import (
	"fmt"
	"testing"

	"github.com/imglish/imglish/scenes"
	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/sentencepiece/demo"
)

// The demo masks colours and shapes and asks what they were, so each must be one piece, alone and in every caption.
func TestContentWordsAreSinglePieces(t *testing.T) {
	m, err := demo.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range scenes.ContentWords() {
		if e := m.Encode(word); len(e.Pieces) != 1 || e.Pieces[0] != "▁"+word {
			t.Errorf("%q is cut into %q, want one piece", word, e.Pieces)
		}
	}
	for i := range 2000 {
		caption := scenes.New(3, i).Caption()
		e := m.Encode(caption)
		if len(e.IDs) > 62 {
			t.Errorf("caption of %d pieces, a pair has room for 62: %q", len(e.IDs), caption)
		}
		for k, id := range e.IDs {
			if id == 0 {
				t.Errorf("%q: piece %d %q is unknown", caption, k, e.Pieces[k])
			}
		}
		if got := m.Decode(e.IDs); got != caption {
			t.Errorf("%q decodes to %q", caption, got)
		}
	}
}

func TestSize(t *testing.T) {
	m, err := demo.Load()
	if err != nil {
		t.Fatal(err)
	}
	want := sentencepiece.Special{BOS: 0, Pad: 1, EOS: 2, Unk: 3, Mask: 1201, Vocab: 1202}
	if s := m.Special(); s != want || m.Size() != 1200 {
		t.Errorf("%d pieces, specials %+v, want 1200 and %+v", m.Size(), s, want)
	}
}

func Example() {
	m, _ := demo.Load()
	fmt.Println(m.Encode("a red circle on a blue background").Pieces)
	// Output: [▁a ▁red ▁circle ▁on ▁a ▁blue ▁background]
}
