package scenes_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/scenes"
)

func ExampleNew() {
	s := scenes.New(7, 4)
	fmt.Println(s.Caption())
	im := s.Render(224)
	fmt.Println(im.W, im.H)
	// Output:
	// a green triangle below a red heart on a blue background
	// 224 224
}

// What a caption names must be true, and its words must come from the scene.
func TestCaptionsTellTheTruth(t *testing.T) {
	content := scenes.ContentWords()
	for i := range 3000 {
		s := scenes.New(3, i)
		caption := s.Caption()
		truth := s.Truth("x", 256)
		if strings.ContainsAny(caption, "{}") {
			t.Fatalf("caption %q has a hole", caption)
		}
		var known []string
		known = append(known, truth.Ground)
		for _, o := range truth.Objects {
			known = append(known, o.Colour, o.Shape, scenes.Plural(o.Shape))
		}
		for _, w := range strings.Fields(strings.ReplaceAll(caption, ",", "")) {
			if slices.Contains(content, w) && !slices.Contains(known, w) {
				t.Errorf("caption %q names %s, which is not there: %v", caption, w, known)
			}
		}
		if s.Kind != scenes.Two {
			continue
		}
		a, b := truth.Objects[0].Box, truth.Objects[1].Box
		for words, holds := range map[string]bool{
			" left of ": a[2] <= b[0], " right of ": a[0] >= b[2], " above ": a[3] <= b[1], " below ": a[1] >= b[3],
		} {
			if strings.Contains(caption, words) && !holds {
				t.Errorf("caption %q, boxes %v and %v", caption, a, b)
			}
		}
	}
}

// A colour or shape must not be guessable without the picture: each is as frequent as the others, alone and given the
// other words.
func TestWordsAreBalanced(t *testing.T) {
	const n = 40000
	joint := map[[2]string]int{}
	grounds := map[string]int{}
	for i := range n {
		s := scenes.New(11, i)
		o := s.Objects[0]
		joint[[2]string{scenes.Colours[o.Colour], scenes.Shapes[o.Shape]}]++
		grounds[scenes.Colours[s.Ground]]++
		if o.Colour == s.Ground {
			t.Fatalf("scene %d: object and ground are both %s", i, scenes.Colours[s.Ground])
		}
	}
	check := func(what string, got int, share float64) {
		want := share * n
		if sigma := math.Sqrt(want * (1 - share)); math.Abs(float64(got)-want) > 5*sigma {
			t.Errorf("%s: %d of %d, want about %.0f", what, got, n, want)
		}
	}
	for _, c := range scenes.Colours {
		check("ground "+c, grounds[c], 1/float64(len(scenes.Colours)))
		for _, s := range scenes.Shapes {
			check(c+" "+s, joint[[2]string{c, s}], 1/float64(len(scenes.Colours)*len(scenes.Shapes)))
		}
	}
	for _, w := range append(slices.Clone(scenes.Colours), scenes.Shapes...) {
		if strings.Contains("aeiou", w[:1]) {
			t.Errorf("%q takes another article, which tells it", w)
		}
	}
}

// Objects must be large enough for a grid of 14×14 patches, whole, apart from each other, and of their colour.
func TestObjectsCanBeSeen(t *testing.T) {
	const side = 224
	smallest := 99.0
	for i := range 250 {
		s := scenes.New(5, i)
		truth := s.Truth("x", side)
		im := s.Render(side)
		total := 0
		for k, o := range truth.Objects {
			w, h := o.Box[2]-o.Box[0], o.Box[3]-o.Box[1]
			patches := float64(max(w, h)) * 14 / side
			smallest = min(smallest, patches)
			if patches < 3 || float64(min(w, h))*14/side < 2 {
				t.Errorf("scene %d: %s of %d×%d pixels is %.1f patches wide", i, o.Shape, w, h, patches)
			}
			if o.Box[0] < 1 || o.Box[1] < 1 || o.Box[2] > side-1 || o.Box[3] > side-1 {
				t.Errorf("scene %d: %s at %v touches the border", i, o.Shape, o.Box)
			}
			mask := s.Mask(k, side)
			var mean [3]float64
			area := 0
			for y := range side {
				for x := range side {
					if mask.Pix[y*mask.Stride+x] == 0 {
						continue
					}
					area++
					r, g, b := im.At(x, y)
					mean[0] += float64(r)
					mean[1] += float64(g)
					mean[2] += float64(b)
				}
			}
			total += area
			if area != o.Area {
				t.Errorf("scene %d: area %d, mask has %d", i, o.Area, area)
			}
			if got := nearest(mean, area); got != o.Colour {
				t.Errorf("scene %d: a %s %s looks %s", i, o.Colour, o.Shape, got)
			}
		}
		if got := groundColour(im); got != truth.Ground {
			t.Errorf("scene %d: a %s ground looks %s", i, truth.Ground, got)
		}
	}
	t.Logf("the smallest object is %.2f patches wide", smallest)
}

// looks is how the colours look, written apart from the generator's own table.
var looks = map[string][3]float64{
	"red": {220, 30, 40}, "yellow": {250, 210, 20}, "green": {20, 160, 60}, "blue": {30, 70, 215},
	"purple": {120, 35, 160}, "pink": {255, 130, 190}, "white": {245, 245, 245}, "black": {20, 20, 20},
}

func nearest(sum [3]float64, n int) string {
	best, name := math.Inf(1), ""
	for k, c := range looks {
		d := 0.0
		for i := range c {
			d += math.Pow(sum[i]/float64(n)-c[i], 2)
		}
		if d < best {
			best, name = d, k
		}
	}
	return name
}

func groundColour(im *pixels.Image) string {
	var mean [3]float64
	n := 0
	for y := range im.H {
		for _, x := range []int{0, im.W - 1} { // no object touches the border
			r, g, b := im.At(x, y)
			mean[0] += float64(r)
			mean[1] += float64(g)
			mean[2] += float64(b)
			n++
		}
	}
	return nearest(mean, n)
}

func TestQuestions(t *testing.T) {
	yes, asked := 0, 0
	for i := range 4000 {
		s := scenes.New(9, i)
		there := map[string]bool{}
		for _, o := range s.Objects {
			there[scenes.Shapes[o.Shape]] = true
		}
		for _, q := range s.Questions() {
			if q.Question == "" || q.Answer == "" {
				t.Fatalf("scene %d: question %+v", i, q)
			}
			if shape, ok := strings.CutPrefix(q.Question, "is there a "); ok {
				asked++
				shape = strings.TrimSuffix(shape, "?")
				if (q.Answer == "yes") != there[shape] {
					t.Errorf("scene %d with %v: %q is answered %q", i, there, q.Question, q.Answer)
				}
				if q.Answer == "yes" {
					yes++
				}
			}
		}
	}
	if share := float64(yes) / float64(asked); share < 0.45 || share > 0.56 {
		t.Errorf("%.2f of the answers are yes, want about half", share)
	}
}

func TestArticles(t *testing.T) {
	for i := range 400 {
		a := scenes.NewArticle(2, i)
		if n := len(strings.Fields(a.Text)); n < 50 || n > 220 {
			t.Errorf("article %q has %d words", a.Title, n)
		}
		if strings.Contains(a.Text, "%!") {
			t.Errorf("article %q: %s", a.Title, a.Text)
		}
	}
}

func BenchmarkScene(b *testing.B) {
	i := 0
	for b.Loop() {
		scenes.New(1, i).Render(256)
		i++
	}
}
