package probe_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/trainer"
	"github.com/imglish/imglish/trainer/probe"
)

const mask = 3

// reader is a model that answers by a rule: at patches the code 7; at pieces 20 plus the image's first pixel, or 20
// without an image; the second piece of a word is the first plus 10.
type reader struct{ asked []*mixer.Micro }

func (m *reader) Predict(mi *mixer.Micro) (p trainer.Prediction, err error) {
	m.asked = append(m.asked, mi)
	for _, v := range mi.VMask {
		p.Codes = append(p.Codes, map[bool]int32{true: 7, false: -1}[v != 0])
	}
	for i := range max(0, len(mi.CuSeqlens)-1) {
		answer := int32(20)
		if mi.Pixels != nil {
			answer += int32(mi.Pixels[i*mi.S*mi.S*3])
		}
		for k := mi.CuSeqlens[i]; k < mi.CuSeqlens[i+1]; k++ {
			if mi.Targets[k] == mixer.Ignore {
				p.IDs = append(p.IDs, -1)
				continue
			}
			p.IDs = append(p.IDs, answer)
			answer += 10
		}
	}
	return p, nil
}

func near(x, y float64) bool { return math.Abs(x-y) < 1e-9 }

func TestImages(t *testing.T) {
	mi := &mixer.Micro{
		Kind: pipeline.Kind_IMAGE, N: 2, S: 2, G: 2, Pixels: make([]uint8, 2*12),
		Codes: []uint16{7, 5, 5, 7 /**/, 7, 9, 9, 9},
		VMask: []uint8{1, 0, 0, 1 /**/, 0, 1, 1, 0},
	}
	got, err := probe.Measure(t.Context(), &reader{}, []*mixer.Micro{mi}, nil, probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Masked: 7, 7, 9, 9. All: 7×3, 9×3, so the majority is the lower, 7. By place: 7, 5|9 → 5, 5|9 → 5, 7|9 → 7.
	// Own commonest visible: 5 for the first view; 7 and 9 once each for the second, so 7.
	want := probe.Codes{Patches: 4, Model: 0.5, Majority: 0.5, PositionMajority: 0.5, CommonestOwnCode: 0, MaskedShareOfView: 0.5}
	if diff := cmp.Diff(want, got.Image, cmpopts.IgnoreFields(probe.Codes{}, "Perplexity")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p := []float64{3. / 8, 3. / 8, 2. / 8}
	entropy := 0.0
	for _, v := range p {
		entropy -= v * math.Log(v)
	}
	if !near(got.Image.Perplexity, math.Exp(entropy)) {
		t.Errorf("perplexity %v, want %v", got.Image.Perplexity, math.Exp(entropy))
	}
}

// text makes one micro-batch of rows, each all its true ids; those in masked (by row) are asked for.
func text(kind pipeline.Kind, rows [][]int32, masked map[int]int) *mixer.Micro {
	mi := &mixer.Micro{Kind: kind, N: len(rows), CuSeqlens: []int32{0}}
	for i, ids := range rows {
		for k, id := range ids {
			target := int32(mixer.Ignore)
			if at, ok := masked[i]; ok && at == k {
				target, id = id, mask
			}
			mi.InputIDs, mi.Targets = append(mi.InputIDs, id), append(mi.Targets, target)
		}
		mi.CuSeqlens = append(mi.CuSeqlens, int32(len(mi.InputIDs)))
	}
	return mi
}

func TestTexts(t *testing.T) {
	var trained probe.Counts
	// 30 is the commonest piece; behind 40 comes 20; the masked 41 counts as itself.
	trained.Add(text(pipeline.Kind_TEXT, [][]int32{{0, 30, 30, 40, 20, 2}, {0, 30, 41, 40, 20, 2}}, map[int]int{1: 2}))
	held := text(pipeline.Kind_TEXT, [][]int32{{0, 40, 20, 2}, {0, 30, 41, 2}, {0, 77, 30, 2}}, map[int]int{0: 2, 1: 2, 2: 2})
	got, err := probe.Measure(t.Context(), &reader{}, []*mixer.Micro{held}, &trained, probe.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Truths 20, 41, 30. Model: 20 each. Majority: 30. Bigram: 40 → 20; 30 → 30 or 41 once each, so 30; 77 unknown → 30.
	want := probe.Pieces{Pieces: 3, Model: 1. / 3, Majority: 1. / 3, Bigram: 2. / 3}
	if diff := cmp.Diff(want, got.Text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWords(t *testing.T) {
	// Captions: the colour 20+c of picture c; one colour, 25, has two pieces.
	rows := [][]int32{{0, 9, 21, 8, 2}, {0, 9, 22, 8, 2}, {0, 20, 9, 21, 2}, {0, 25, 35, 8, 2}}
	mi := text(pipeline.Kind_PAIR, rows, map[int]int{0: 3})
	mi.S, mi.G = 1, 1
	for _, c := range []uint8{1, 2, 0, 5} {
		mi.Pixels = append(mi.Pixels, c, c, c)
		mi.Codes, mi.VMask = append(mi.Codes, 1), append(mi.VMask, 1)
	}
	m := &reader{}
	got, err := probe.Measure(t.Context(), m, []*mixer.Micro{mi}, nil, probe.Options{
		Mask: mask,
		Words: []probe.Word{
			{"zero", []int32{20}}, {"one", []int32{21}}, {"two", []int32{22}}, {"half five", []int32{25}}, {"five", []int32{25, 35}}, {"absent", []int32{99}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	// Wrong images are 2 away: 0, 5, 1, 2. Row 0 asks 21, row 1 22, row 2 20 and 21, row 3 25 35.
	want := probe.Words{Words: 5, Right: 4. / 5, Wrong: 1. / 5, None: 1. / 5, ByWord: []probe.WordRow{
		{"zero", 1, 1, 0, 1}, {"one", 2, 0.5, 0.5, 0}, {"two", 1, 1, 0, 0}, {"five", 1, 1, 0, 0},
	}}
	if diff := cmp.Diff(want, got.Words); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, q := range m.asked[1:] {
		for i := range q.N {
			n := 0
			for k := q.CuSeqlens[i]; k < q.CuSeqlens[i+1]; k++ {
				if (q.Targets[k] == mixer.Ignore) == (q.InputIDs[k] == mask) {
					t.Fatalf("row %d of %v asks for %v", i, q.InputIDs, q.Targets)
				}
				n += map[bool]int{true: 1, false: 0}[q.Targets[k] != mixer.Ignore]
			}
			if n < 1 || n > 2 {
				t.Fatalf("row %d masks %d pieces, want those of one word", i, n)
			}
		}
		for _, v := range q.VMask {
			if v != 0 {
				t.Fatalf("a patch is masked while words are asked for")
			}
		}
	}
}
