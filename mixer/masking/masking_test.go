package masking_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imglish/imglish/mixer/masking"
)

// Every grid ends, also those that no block of 16 fits, with more than 0.4N patches masked and every block inside.
func TestPaperAnyGrid(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for h := 1; h <= 20; h++ {
		for _, w := range []int{1, 2, 3, 4, 5, 7, 14, 40} {
			mask, blocks := masking.Paper(r, h, w)
			n := 0
			for _, m := range mask {
				n += int(m)
			}
			if 5*n <= 2*h*w {
				t.Errorf("%d×%d: %d patches masked, want more than %v", h, w, n, 0.4*float64(h*w))
			}
			for _, b := range blocks {
				if b.Top < 0 || b.Left < 0 || b.Height < 1 || b.Width < 1 || b.Top+b.Height > h || b.Left+b.Width > w {
					t.Errorf("%d×%d: block %+v is not inside", h, w, b)
				}
			}
		}
	}
}

// A generator is a function of its whole key: each field counts, and the value stays the same over releases, since
// batches are resumed and compared by it.
func TestRandKey(t *testing.T) {
	id := [16]byte{1, 2, 3}
	draws := map[uint64]string{}
	for name, r := range map[string]*rand.Rand{
		"base":     masking.Rand(7, "mask", 2, id, 5),
		"seed":     masking.Rand(8, "mask", 2, id, 5),
		"purpose":  masking.Rand(7, "text", 2, id, 5),
		"epoch":    masking.Rand(7, "mask", 3, id, 5),
		"id":       masking.Rand(7, "mask", 2, [16]byte{1, 2, 4}, 5),
		"part":     masking.Rand(7, "mask", 2, id, 6),
		"no part":  masking.Rand(7, "mask", 2, id),
		"two":      masking.Rand(7, "mask", 2, id, 5, 0),
		"boundary": masking.Rand(7, "mas", 2, id, 5),
	} {
		v := r.Uint64()
		if other, ok := draws[v]; ok {
			t.Errorf("%s and %s draw the same", name, other)
		}
		draws[v] = name
	}
	if a, b := masking.Rand(7, "mask", 2, id, 5).Uint64(), masking.Rand(7, "mask", 2, id, 5).Uint64(); a != b {
		t.Errorf("the same key drew %d and %d", a, b)
	}
	r := masking.Rand(7, "mask", 2, id, 5)
	if got, want := fmt.Sprintf("%#x %d %.6f", r.Uint64(), r.IntN(1000), r.Float64()), goldenDraws; got != want {
		t.Errorf("draws of a fixed key = %q, want %q", got, want)
	}
}

func TestCount(t *testing.T) {
	for _, tt := range []struct {
		n    int
		p    float64
		want int
	}{{0, .15, 0}, {1, .15, 1}, {3, .15, 1}, {10, .15, 2}, {16, .15, 2}, {17, .15, 3}, {510, .15, 77}, {5, .5, 3}, {4, .5, 2}, {3, 1.5, 3}} {
		if got := masking.Count(tt.n, tt.p); got != tt.want {
			t.Errorf("Count(%d, %v) = %d, want %d", tt.n, tt.p, got, tt.want)
		}
	}
}

// Shares over many texts: each piece is masked equally often, specials never, and 80/10/10 hold.
func TestTextShares(t *testing.T) {
	const vocab, texts, length = 1000, 4000, 21
	rule := masking.BERT(vocab-1, 4, vocab-1, 0, 1, 2)
	r := rand.New(rand.NewPCG(5, 6))
	at := make([]int, length)
	var masked, mask, random, kept int
	for range texts {
		ids, targets := make([]int32, length), make([]int32, length)
		for i := range ids {
			ids[i] = 4 + r.Int32N(vocab-5)
		}
		ids[0], ids[length-1] = 0, 2
		was := slices.Clone(ids)
		where := masking.Text(r, ids, targets, 0.5, rule)
		if len(where) != 10 || !slices.IsSorted(where) {
			t.Fatalf("masked %v, want 10 positions of 19 pieces in order", where)
		}
		for i := range ids {
			at0 := slices.Contains(where, i)
			switch {
			case at0 && targets[i] != was[i], !at0 && targets[i] != masking.Ignored, !at0 && ids[i] != was[i]:
				t.Fatalf("position %d: masked %v, id %d, was %d, target %d", i, at0, ids[i], was[i], targets[i])
			case !at0:
				continue
			case ids[i] == vocab-1:
				mask++
			case ids[i] == was[i]:
				kept++
			default:
				random++
			}
			at[i]++
			masked++
		}
	}
	if at[0] != 0 || at[length-1] != 0 {
		t.Errorf("bos masked %d times, eos %d times", at[0], at[length-1])
	}
	for i := 1; i < length-1; i++ {
		if share := float64(at[i]) / texts; share < .48 || share > .575 { // 10/19 = .526
			t.Errorf("position %d masked in %.3f of the texts, want 0.526", i, share)
		}
	}
	for _, s := range []struct {
		name string
		got  int
		want float64
	}{{"<mask>", mask, .8}, {"random", random, .1}, {"kept", kept, .1}} {
		if share := float64(s.got) / float64(masked); share < s.want-.01 || share > s.want+.01 {
			t.Errorf("%s: %.3f of the masked pieces, want %.2f", s.name, share, s.want)
		}
	}
}

func TestTextWithoutPieces(t *testing.T) {
	ids, targets := []int32{0, 2}, []int32{9, 9}
	where := masking.Text(rand.New(rand.NewPCG(1, 1)), ids, targets, .15, masking.BERT(9, 4, 9, 0, 1, 2))
	if len(where) != 0 || targets[0] != masking.Ignored || targets[1] != masking.Ignored {
		t.Errorf("masked %v, targets %v, want nothing predicted", where, targets)
	}
}

func ExamplePaper() {
	r := masking.Rand(1, "mask", 0, [16]byte{0xab}, 0)
	mask, blocks := masking.Paper(r, 14, 14)
	n := 0
	for _, m := range mask {
		n += int(m)
	}
	fmt.Println(len(mask), "patches,", n >= 79 && n <= 98, len(blocks) > 0)
	// Output: 196 patches, true true
}

func BenchmarkPaper(b *testing.B) {
	id := [16]byte{}
	for b.Loop() {
		masking.Paper(masking.Rand(1, "mask", 0, id, 0), 14, 14)
	}
}

// goldenDraws are the first draws of Rand(7, "mask", 2, {1, 2, 3}, 5): Uint64, IntN(1000), Float64.
const goldenDraws = "0x14f04209f1169604 82 0.115301"
