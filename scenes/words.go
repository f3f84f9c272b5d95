package scenes

// Version changes when the same seed gives other bytes.
const Version = "1"

// Colours are the words for the colours of objects and grounds. None starts with a vowel: "an" would give it away.
var Colours = []string{"red", "yellow", "green", "blue", "purple", "pink", "white", "black"}

// paint holds the colours, in sRGB, saturated and far from each other.
var paint = [][3]float64{
	{222, 28, 36},   // red
	{252, 214, 16},  // yellow
	{22, 158, 62},   // green
	{28, 68, 216},   // blue
	{122, 32, 158},  // purple
	{255, 128, 190}, // pink
	{246, 246, 244}, // white
	{22, 22, 24},    // black
}

// Shapes are the words for the shapes.
var Shapes = []string{"circle", "square", "triangle", "star", "cross", "ring", "heart", "moon"}

// Textures are the words for an object's texture. The first is not named in captions.
var Textures = []string{"plain", "striped", "dotted"}

// Plural is a shape's word for more than one.
func Plural(shape string) string {
	if shape == "cross" {
		return "crosses"
	}
	return shape + "s"
}

// ContentWords are the words of captions that only the picture tells: colours, and shapes in both numbers.
func ContentWords() []string {
	words := append([]string(nil), Colours...)
	for _, s := range Shapes {
		words = append(words, s, Plural(s))
	}
	return words
}

var numberWords = []string{"no", "one", "two", "three", "four"}
