package masking

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// script plays recorded draws back and checks that each is asked for with the recorded bounds.
type script struct {
	t    *testing.T
	next []draw
}

type draw struct {
	kind   string
	lo, hi float64 // choice: n, k
	value  float64
	chosen []int
}

func (s *script) take(kind string, lo, hi float64) draw {
	s.t.Helper()
	if len(s.next) == 0 {
		s.t.Fatalf("%s(%v, %v) asked for behind the last recorded draw", kind, lo, hi)
	}
	d := s.next[0]
	s.next = s.next[1:]
	if d.kind != kind || math.Abs(d.lo-lo) > 1e-12 || math.Abs(d.hi-hi) > 1e-12 {
		s.t.Fatalf("asked for %s(%v, %v), recorded was %s(%v, %v)", kind, lo, hi, d.kind, d.lo, d.hi)
	}
	return d
}

func (s *script) Uniform(lo, hi float64) float64 {
	s.t.Helper()
	return s.take("uniform", lo, hi).value
}
func (s *script) Int(lo, hi int) int {
	s.t.Helper()
	return int(s.take("randint", float64(lo), float64(hi)).value)
}
func (s *script) Choose(n, k int) []int {
	s.t.Helper()
	return s.take("choice", float64(n), float64(k)).chosen
}

// The 100 traces were recorded from the public code: each value that it drew, and the mask that it made.
func TestBEiT2ReplaysPublicCode(t *testing.T) {
	f, err := os.Open("testdata/traces.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	masks := 0
	for lines.Scan() {
		var trace struct {
			Size, Num, Min int
			Draws          [][]any
			Mask           []string
		}
		if err := json.Unmarshal(lines.Bytes(), &trace); err != nil {
			t.Fatal(err)
		}
		s := &script{t: t}
		for _, d := range trace.Draws {
			rec := draw{kind: d[0].(string), lo: d[1].(float64), hi: d[2].(float64)}
			switch v := d[3].(type) {
			case float64:
				rec.value = v
			case []any:
				for _, x := range v {
					rec.chosen = append(rec.chosen, int(x.(float64)))
				}
			}
			s.next = append(s.next, rec)
		}
		mask, _ := BEiT2(s, trace.Size, trace.Size, trace.Num, trace.Min)
		if got, want := text(mask), strings.Join(trace.Mask, ""); got != want {
			t.Errorf("mask %d: got %s, want %s", masks, got, want)
		}
		if len(s.next) > 0 {
			t.Errorf("mask %d: %d recorded draws not asked for", masks, len(s.next))
		}
		masks++
	}
	if err := lines.Err(); err != nil || masks != 100 {
		t.Fatalf("replayed %d masks, want 100; error %v", masks, err)
	}
}

// The example of the BEiT line: blocks of 6×4, 4×5 and 5×7 patches that do not overlap on a grid of 14×14.
func TestPaperPublishedExample(t *testing.T) {
	want := []Block{{0, 0, 6, 4}, {0, 5, 4, 5}, {7, 3, 5, 7}}
	areas := []float64{24, 20, 34.3} // the last interval ends at 0.4·196 - 44 = 34.4
	d := &script{t: t}
	masked := 0.0
	for i, b := range want {
		d.next = append(d.next,
			draw{kind: "uniform", lo: 16, hi: 78.4 - masked, value: areas[i]},
			draw{kind: "uniform", lo: 0.3, hi: 1 / 0.3, value: float64(b.Height) / float64(b.Width)},
			draw{kind: "randint", lo: 0, hi: float64(14 - b.Height), value: float64(b.Top)},
			draw{kind: "randint", lo: 0, hi: float64(14 - b.Width), value: float64(b.Left)})
		masked += float64(b.Height * b.Width)
	}
	mask, blocks := paper(d, 14, 14)
	if diff := cmp.Diff(want, blocks); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	var sizes []int
	again := make([]uint8, 196)
	count := 0
	for _, b := range blocks {
		count += b.fill(again, 14)
		sizes = append(sizes, count)
	}
	if diff := cmp.Diff([]int{24, 44, 79}, sizes); diff != "" {
		t.Errorf("|M| after each block (-want +got):\n%s", diff)
	}
	if text(mask) != text(again) {
		t.Errorf("mask %s is not the union of its blocks %s", text(mask), text(again))
	}
	if len(d.next) > 0 {
		t.Errorf("stopped %d draws early", len(d.next))
	}
}

// A block that is too high is drawn again, size and aspect; with 0.4N - |M| under 16 the size is 16 and not drawn.
func TestPaperDrawsAgainAndFloorsSize(t *testing.T) {
	d := &script{t: t, next: []draw{
		{kind: "uniform", lo: 16, hi: 78.4, value: 78.4},
		{kind: "uniform", lo: 0.3, hi: 1 / 0.3, value: 3.3}, // 16 high: does not fit
		{kind: "uniform", lo: 16, hi: 78.4, value: 72},
		{kind: "uniform", lo: 0.3, hi: 1 / 0.3, value: 0.5}, // 6×12
		{kind: "randint", lo: 0, hi: 8, value: 8},
		{kind: "randint", lo: 0, hi: 2, value: 2},
		{kind: "uniform", lo: 0.3, hi: 1 / 0.3, value: 1}, // 4×4, overlaps in 8 patches
		{kind: "randint", lo: 0, hi: 10, value: 6},
		{kind: "randint", lo: 0, hi: 10, value: 2},
	}}
	mask, blocks := paper(d, 14, 14)
	if want := []Block{{8, 2, 6, 12}, {6, 2, 4, 4}}; !cmp.Equal(blocks, want) {
		t.Errorf("blocks = %v, want %v", blocks, want)
	}
	if n := strings.Count(text(mask), "1"); n != 80 {
		t.Errorf("%d patches masked, want 80", n)
	}
}

// 4.5 patches round to 4 and 5.5 to 6, as Python's and numpy's round do.
func TestShapeRoundsHalfToEven(t *testing.T) {
	if b, ok := shape(20.25, 1); !ok || b.Height != 4 || b.Width != 4 {
		t.Errorf("shape(20.25, 1) = %v, want 4×4", b)
	}
	if b, ok := shape(30.25, 1); !ok || b.Height != 6 || b.Width != 6 {
		t.Errorf("shape(30.25, 1) = %v, want 6×6", b)
	}
}

func text(mask []uint8) string {
	b := make([]byte, len(mask))
	for i, m := range mask {
		b[i] = '0' + m
	}
	return string(b)
}
