package scenes

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Article is an encyclopedia page in wikitext.
type Article struct {
	Title string
	Text  string // wikitext
}

// fact is what the articles say of a shape, always the same, so that a language model has something to learn.
type fact struct {
	about   string   // its definition
	details []string // more sentences
}

var facts = map[string]fact{
	"circle": {"a round shape without corners", []string{
		"Every point of its edge lies at the same distance from the centre.",
		"A line through the centre from edge to edge is called the diameter.",
		"Half of the diameter is the radius.",
		"A wheel and a coin have the form of a circle."}},
	"square": {"a shape with four equal sides and four right angles", []string{
		"All four sides have the same length.",
		"The two diagonals meet in the middle.",
		"A square that is turned a little is still a square.",
		"The tiles of a floor are often squares."}},
	"triangle": {"a shape with three sides and three corners", []string{
		"The three angles add up to half a turn.",
		"If all sides are equal, all angles are equal as well.",
		"A triangle is stiff, so builders use it in roofs and bridges.",
		"A triangle has fewer corners than a square."}},
	"star": {"a shape with five points and five notches", []string{
		"Its points lie on one circle and its notches on a smaller one.",
		"A star can be drawn in a single stroke.",
		"Many flags show a star.",
		"A star has more corners than a cross has arms."}},
	"cross": {"a shape of two bars that meet in the middle", []string{
		"It has four arms of the same length.",
		"The arms of a cross stand at right angles.",
		"A red cross on a white ground stands for help.",
		"A cross has twelve corners, which is three times as many as a square."}},
	"ring": {"a circle with a round hole in the middle", []string{
		"Its outer edge and its inner edge have the same centre.",
		"What lies behind a ring can be seen through its hole.",
		"A ring can be worn on a finger.",
		"A ring covers less than a circle of the same size."}},
	"heart": {"a shape with two round halves above and one point below", []string{
		"Its left half and its right half mirror each other.",
		"The point of a heart looks down.",
		"A heart stands for love.",
		"Playing cards show red hearts."}},
	"moon": {"the part of a circle that is left when a smaller circle is cut out at its side", []string{
		"It has two points, and its back is round.",
		"The moon in the sky shows this shape a few days after it is new.",
		"A moon may open to any side.",
		"A moon covers less than a circle of the same size."}},
}

// things says where a colour is met.
var things = map[string][]string{
	"red": {"ripe cherries", "fire engines", "poppies"}, "yellow": {"lemons", "sunflowers", "butter"},
	"green": {"grass", "leaves", "frogs"}, "blue": {"the clear sky", "deep water", "cornflowers"},
	"purple": {"plums", "violets", "ripe figs"}, "pink": {"peach blossoms", "flamingos", "roses in spring"},
	"white": {"snow", "milk", "chalk"}, "black": {"coal", "ravens", "the night"},
}

// mixes are rules that articles repeat.
var mixes = []string{
	"Blue paint and yellow paint together give green.",
	"Red paint and blue paint together give purple.",
	"Red paint and white paint together give pink.",
	"Black is what is left when no light comes back.",
	"White light holds all the other colours.",
}

// NewArticle writes article i of a seed, about 60 to 200 words: on a shape, a colour, or a picture.
func NewArticle(seed uint64, i int) Article {
	r := generator(seed, "article", i)
	w := &writer{r: r}
	var title string
	switch i % 4 {
	case 0:
		title = w.onShape()
	case 1:
		title = w.onColour()
	default:
		title = w.onPicture()
	}
	return Article{Title: fmt.Sprintf("%s (%d)", title, i+1), Text: strings.TrimSpace(w.b.String()) + "\n"}
}

type writer struct {
	r *rand.Rand
	b strings.Builder
}

// say writes sentences as a paragraph.
func (w *writer) say(sentences ...string) {
	w.b.WriteString(strings.Join(sentences, " ") + "\n\n")
}

func (w *writer) pick(from []string) string { return from[w.r.IntN(len(from))] }

// some picks n different ones in a drawn order.
func (w *writer) some(from []string, n int) (out []string) {
	for _, i := range w.r.Perm(len(from))[:n] {
		out = append(out, from[i])
	}
	return out
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (w *writer) onShape() string {
	s := w.pick(Shapes)
	f := facts[s]
	fmt.Fprintf(&w.b, "{{Infobox shape|name=%s}}\n", s)
	w.say(append([]string{fmt.Sprintf("A '''%s''' is %s.", s, f.about)}, w.some(f.details, 2+w.r.IntN(2))...)...)
	w.b.WriteString("== Colour ==\n")
	c := w.some(Colours, 2)
	w.say(fmt.Sprintf("A %s may have any colour. A [[%s]] %s has the colour of %s.", s, c[0], s, w.pick(things[c[0]])),
		fmt.Sprintf("On a %s ground a %s %s is easy to see.", c[1], c[0], s), w.pick(mixes))
	w.b.WriteString("== In pictures ==\n")
	w.scene(s)
	w.b.WriteString("== See also ==\n")
	for _, o := range w.some(Shapes, 2) {
		fmt.Fprintf(&w.b, "* [[%s|%s]]\n", upper(o), Plural(o))
	}
	w.b.WriteString("\n[[Category:Shapes]]\n")
	return upper(s)
}

func (w *writer) onColour() string {
	c := w.pick(Colours)
	t := w.some(things[c], 2)
	w.say(fmt.Sprintf("'''%s''' is a colour.<ref>{{cite book|title=Colours and shapes}}</ref>", upper(c)),
		fmt.Sprintf("It is the colour of %s and of %s.", t[0], t[1]), w.pick(mixes))
	s := w.some(Shapes, 2)
	w.say(fmt.Sprintf("A %s [[%s]] is %s.", c, s[0], facts[s[0]].about),
		fmt.Sprintf("A %s [[%s]] is %s.", c, s[1], facts[s[1]].about),
		fmt.Sprintf("Both are %s, but their form is not the same.", c))
	w.b.WriteString("== In pictures ==\n")
	w.scene(s[0])
	w.b.WriteString("[[Category:Colours]]\n")
	return upper(c)
}

func (w *writer) onPicture() string {
	s := w.pick(Shapes)
	w.say("'''" + upper(w.pick([]string{"a drawing", "a picture", "a poster", "a painting"})) + "''' of shapes is described here.")
	w.scene(s)
	w.scene(w.pick(Shapes))
	w.say(w.some(facts[s].details, 2)...)
	w.b.WriteString("[[Category:Pictures]]\n")
	return "Picture of a " + s
}

// scene describes a picture with a shape. Its sentences draw conclusions, so that the end follows from the beginning.
func (w *writer) scene(s string) {
	c := w.some(Colours, 4)
	switch w.r.IntN(4) {
	case 0:
		rel, back := "left", "right"
		if w.r.IntN(2) == 1 {
			rel, back = back, rel
		}
		o := w.other(s)
		w.say(fmt.Sprintf("In the picture a %s %s lies to the %s of a %s %s.", c[0], s, rel, c[1], o),
			fmt.Sprintf("So the %s %s lies to the %s of the %s %s.", c[1], o, back, c[0], s),
			fmt.Sprintf("The ground is %s like %s.", c[2], w.pick(things[c[2]])))
	case 1:
		n, m := 1+w.r.IntN(2), 1+w.r.IntN(2)
		o := w.other(s)
		w.say(fmt.Sprintf("There %s on a %s ground.", join(count(n, c[0], s), count(m, c[1], o), n), c[2]),
			fmt.Sprintf("That makes %s shapes in all.", numberWords[n+m]),
			fmt.Sprintf("None of them is %s.", c[3]))
	case 2:
		w.say(fmt.Sprintf("A small %s %s lies above a large %s one on a %s background.", c[0], s, c[1], c[2]),
			fmt.Sprintf("The lower %s is the larger one, and it is %s.", s, c[1]),
			fmt.Sprintf("The upper one is %s like %s.", c[0], w.pick(things[c[0]])))
	default:
		n := 2 + w.r.IntN(3)
		w.say(fmt.Sprintf("The picture shows %s %s %s on a %s background.", numberWords[n], c[0], Plural(s), c[1]),
			fmt.Sprintf("If one of the %s is taken away, %s left.", Plural(s), left(n-1)),
			fmt.Sprintf("All of them are %s, and the background stays %s.", c[0], c[1]))
	}
}

func (w *writer) other(s string) string {
	for {
		if o := w.pick(Shapes); o != s {
			return o
		}
	}
}

func left(n int) string {
	if n == 1 {
		return "one is"
	}
	return numberWords[n] + " are"
}

func count(n int, colour, shape string) string {
	if n == 1 {
		return "one " + colour + " " + shape
	}
	return numberWords[n] + " " + colour + " " + Plural(shape)
}

func join(a, b string, n int) string {
	verb := "are "
	if n == 1 {
		verb = "is "
	}
	return verb + a + " and " + b
}
