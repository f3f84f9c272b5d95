package train

import "strings"

// later is what Unicode 16 and 17 added to NFKC, which golang.org/x/text, at Unicode 15, does not know yet. With newer
// tables it changes nothing.
var later = newLaterForms()

type laterForms struct{ toComposed, toDecomposed *strings.Replacer }

// compositions of Unicode 16: the parts of each, then the character.
var laterCompositions = [][2]string{
	{"\U000105d2\u0307", "\U000105c9"}, {"\U000105da\u0307", "\U000105e4"}, // Todhri
	{"\U00011382\U000113c9", "\U00011383"}, {"\U00011384\U000113bb", "\U00011385"}, // Tulu-Tigalari
	{"\U0001138b\U000113c2", "\U0001138e"}, {"\U00011390\U000113c9", "\U00011391"},
	{"\U000113c2\U000113c2", "\U000113c5"}, {"\U000113c2\U000113b8", "\U000113c7"},
	{"\U000113c2\U000113c9", "\U000113c8"},
	{"\U0001611e\U0001611e\U0001611f", "\U00016126"}, {"\U0001611e\U0001611e\U00016120", "\U00016128"}, // Gurung Khema
	{"\U0001611e\U00016129\U0001611f", "\U00016127"},
	{"\U0001611e\U0001611e", "\U00016121"}, {"\U0001611e\U00016129", "\U00016122"},
	{"\U0001611e\U0001611f", "\U00016123"}, {"\U00016129\U0001611f", "\U00016124"},
	{"\U0001611e\U00016120", "\U00016125"},
	{"\U00016d63\U00016d67\U00016d67", "\U00016d6a"}, // Kirat Rai
	{"\U00016d67\U00016d67", "\U00016d68"}, {"\U00016d63\U00016d67", "\U00016d69"},
}

func newLaterForms() laterForms {
	var to, from []string
	for _, c := range laterCompositions {
		to = append(to, c[0], c[1])
		from = append(from, c[1], c[0])
	}
	for c := rune(0x1ccd6); c <= 0x1ccef; c++ { // outlined capitals of Unicode 16
		from = append(from, string(c), string('A'+c-0x1ccd6))
	}
	for c := rune(0x1ccf0); c <= 0x1ccf9; c++ { // outlined digits
		from = append(from, string(c), string('0'+c-0x1ccf0))
	}
	from = append(from, "\ua7f1", "S") // modifier letter of Unicode 17
	return laterForms{strings.NewReplacer(to...), strings.NewReplacer(from...)}
}

func (l laterForms) compose(s string) string   { return l.toComposed.Replace(s) }
func (l laterForms) decompose(s string) string { return l.toDecomposed.Replace(s) }

// laterFolds is what they added to case folding.
func laterFolds(c rune) (to rune, ok bool) {
	switch {
	case 0x10d50 <= c && c <= 0x10d65: // Garay
		return c + 0x20, true
	case 0x16ea0 <= c && c <= 0x16eb8: // Beria Erfe
		return c + 0x1b, true
	}
	switch c {
	case 0x1c89, 0xa7cc, 0xa7ce, 0xa7d2, 0xa7d4, 0xa7da:
		return c + 1, true
	case 0xa7cb:
		return 0x264, true
	case 0xa7dc:
		return 0x19b, true
	}
	return 0, false
}
