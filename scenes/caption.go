package scenes

import "strings"

// relations are how the first object of two lies to the second.
var relations = []struct {
	words    string
	vertical bool
	reversed bool // the first lies on the right or below
}{
	{words: "left of"},
	{words: "right of", reversed: true},
	{words: "above", vertical: true},
	{words: "below", vertical: true, reversed: true},
}

// templates of captions: {one} and {other} stand for objects, {many} for a group, {ground} for its colour.
var templates = map[Kind][]string{
	Single: {
		"a {one} on a {ground} background",
		"a {size} {one} on a {ground} background",
		"there is a {one} on a {ground} background",
		"a picture of a {one} on {ground}",
		"a {one} {place} of a {ground} picture",
		"a {ground} background with a {one}",
	},
	Two: {
		"a {one} {relation} a {other} on a {ground} background",
		"a {one} is {relation} a {other} on {ground}",
		"a {one} and a {other} on a {ground} background",
		"on a {ground} background, a {one} {relation} a {other}",
	},
	Group: {
		"{many} on a {ground} background",
		"there are {many} on a {ground} background",
		"a picture of {many} on {ground}",
		"a {ground} background with {many}",
	},
}

// Caption says what the scene shows, in one of several ways.
func (s Scene) Caption() string {
	all := templates[s.Kind]
	text := all[s.phrase%uint64(len(all))]
	first := s.Objects[0]
	pairs := []string{
		"{one}", first.name(s.phrase>>32&1 == 1),
		"{ground}", Colours[s.Ground],
		"{size}", first.sizeWord(),
		"{place}", first.place(),
		"{relation}", relations[s.relation].words,
		"{many}", numberWords[len(s.Objects)] + " " + Colours[first.Colour] + " " + Plural(Shapes[first.Shape]),
	}
	if len(s.Objects) > 1 {
		pairs = append(pairs, "{other}", s.Objects[1].name(false))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// name is "red circle", or "striped red circle" where the texture is to be told and is not plain.
func (o Object) name(texture bool) string {
	n := Colours[o.Colour] + " " + Shapes[o.Shape]
	if texture && o.Texture > 0 {
		n = Textures[o.Texture] + " " + n
	}
	return n
}

// sizeWord splits the two ranges that single objects are drawn from.
func (o Object) sizeWord() string {
	if o.Size < 0.46 {
		return "small"
	}
	return "large"
}

// place names the third of the picture in which the centre lies.
func (o Object) place() string {
	column, row := third(o.X), third(o.Y)
	switch {
	case column == 1 && row == 1:
		return "in the middle"
	case row == 1:
		return []string{"on the left", "", "on the right"}[column]
	case column == 1:
		return []string{"in the upper part", "", "in the lower part"}[row]
	}
	return []string{"in the upper", "", "in the lower"}[row] + " " + []string{"left", "", "right"}[column]
}

// third says in which of three parts a coordinate of a centre lies. Centres of large objects keep near the middle, so the
// middle part is narrow.
func third(v float64) int {
	switch {
	case v < 0.44:
		return 0
	case v > 0.56:
		return 2
	}
	return 1
}
