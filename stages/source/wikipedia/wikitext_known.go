package wikipedia

import (
	"strconv"
	"strings"
)

// symbols are templates that stand for a text that never changes. Names are lower case.
var symbols = map[string]string{
	"nbsp": " ", "space": " ", "nnbsp": " ", "thinsp": " ", "thin space": " ", "hair space": " ", "zwsp": "", "zwj": "\u200d",
	"shy": "", "wbr": "", "clear": "", "-": "", "spaces": " ",
	"·": " · ", "dot": " · ", "middot": " · ", "•": " • ", "bullet": " • ", "bull": " • ",
	"ndash": "–", "en dash": "–", "mdash": "—", "em dash": "—", "nsndns": " – ",
	"snd": " – ", "spnd": " – ", "sndash": " – ", "spndash": " – ", "spaced ndash": " – ", "spaced en dash": " – ",
	"spaced en dash space": " – ", "dash": " – ", "snds": " – ", "smd": " — ", "spaced mdash": " — ", "spaced em dash": " — ",
	"'": "'", "`": "ʻ", "'s": "'s", "\"": "\"", "'-": "'", "\"'": "\"'", "'\"": "'\"",
	"=": "=", "!": "|", "!!": "||", "pipe": "|", "((": "{{", "))": "}}", "(": "{", ")": "}", "!(": "[", ")!": "]",
	"pi": "π", "okina": "ʻ", "hamza": "ʾ", "ayin": "ʿ", "asterisk": "*", "colon": ":", "ellipsis": "...",
	"degree": "°", "prime": "′", "minus": "−", "times": "×", "x mark": "", "check mark": "", "ell": "ℓ", "hbar": "ħ",
	"root": "√", "infinity": "∞", "euro": "€", "pound": "£", "half": "½", "numero": "No. ",
	"o'": "O'", "snowman": "☃", "circa": "c. ", "c.": "c. ", "ca.": "c. ", "fl.": "fl. ", "floruit": "fl. ",
	"mdashb": "—", "-\"": "\"", "' \"": "'\"", "\" '": "\"'", "·w": " · ", "!((": "[[", "))!": "]]",
}

// templates are those whose text is made of their arguments. Names are lower case.
var templates map[string]func(args)

// It is filled at start, since what it holds leads back to it: the argument of a template may be a template.
func init() {
	templates = map[string]func(args){
		"convert": convert, "cvt": convert, "conv": convert,
		"val": val, "gaps": concatenated, "chem": concatenated,
		"frac": fraction, "fraction": fraction, "sfrac": fraction, "⁄": fraction,
		"e": power("×10"), "e-sp": power("× 10"), "10^": power("10"), "sup": script(tagRaised), "sub": script(tagLowered),
		"su":    func(a args) { a.joined(a.text("p"), a.text("b")) },
		"as of": asOf, "asof": asOf,
		"ship":     func(a args) { a.joined(a.text("1"), a.text("2")) },
		"sclass":   func(a args) { a.joined(a.text("1")+"-class", a.text("2")) },
		"sclass-":  func(a args) { a.joined(a.text("1")+"-class", a.text("2")) },
		"sortname": func(a args) { a.joined(a.text("1"), a.text("2")) },
		"nihongo":  nihongo,
		"music":    music,
		"angbr":    func(a args) { a.joined("⟨" + a.text("1") + "⟩") },
		"hlist":    list(", "), "ubl": list(", "), "unbulleted list": list(", "),
	}
	add := func(f func(args), names ...string) {
		for _, n := range names {
			templates[n] = f
		}
	}
	add(block, "blockquote", "quote", "cquote", "quotation", "bq", "poemquote", "poem quote", "block indent", "blockindent",
		"quoteblock")
	add(first, "nowrap", "nobr", "nobreak", "j", "small", "smaller", "midsize", "big", "larger", "huge", "resize", "abbr",
		"abbrlink", "tooltip", "mono", "code", "codett", "inline code", "pre2", "tt", "kbd", "samp", "var", "mvar", "math",
		"bigmath", "big math", "intmath", "em", "strong", "bold", "italic", "nobold", "noitalic", "normal", "smallcaps", "sc",
		"sc1", "sc2", "smcp", "allcaps", "small caps", "u", "underline", "overline", "strike", "highlight", "hilite",
		"char", "unicode", "script", "script/hebrew", "script/arabic", "script/greek", "script/cyrillic", "polytonic", "hebrew",
		"grc", "iast", "ipa", "ipa symbol", "center", "centre", "left", "right", "noprint", "longitem", "flatlist", "plainlist",
		"not a typo", "notatypo", "as written", "typo", "proper name", "visible anchor", "vanchor", "va", "red link",
		"ill", "interlanguage link", "interlanguage link multi", "link-interwiki", "flag", "flagcountry", "flagu", "country",
		"lc", "uc", "lcfirst", "ucfirst", "number", "nts", "digits", "format number", "formatnum", "format price", "railgauge",
		"keypress", "key press", "button", "gloss", "term", "defn", "glossary term", "chem2", "nihongo2", "nihongo3",
		"nihongo foot")
	add(second, "lang", "langx", "rtl-lang", "color", "colour", "text color", "font color", "font colour", "fontcolor", "font",
		"sort")
	add(third, "transl", "transliteration", "translit")
	for name, prefix := range map[string]string{
		"circa": "c. ", "c.": "c. ", "ca.": "c. ", "fl.": "fl. ", "floruit": "fl. ", "reign": "r. ", "r.": "r. ", "b.": "b. ",
		"d.": "d. ", "isbn": "ISBN ", "issn": "ISSN ", "usd": "US$", "us$": "US$", "gbp": "£", "£": "£", "eur": "€", "euro": "€",
		"€": "€", "inr": "₹", "indian rupee": "₹", "indianrupee": "₹", "jpy": "¥", "yen": "¥", "cad": "CA$", "aud": "A$", "au$": "A$",
		"nz$": "NZ$", "no.": "No. ", "numero": "No. ", "uss": "USS ", "hms": "HMS ", "hmas": "HMAS ", "hmcs": "HMCS ",
		"ss": "SS ", "rms": "RMS ", "mv": "MV ", "ins": "INS ", "usns": "USNS ", "uscgc": "USCGC ", "sms": "SMS ", "ms": "MS ",
		"root": "√", "pound": "£",
	} {
		templates[name] = prefixed(prefix)
	}
	// A template that is a symbol when it stands alone, and more with arguments, is in both tables.
	for name := range templates {
		if s, ok := symbols[name]; ok {
			f := templates[name]
			templates[name] = func(a args) {
				if len(a.list) == 0 {
					a.w.write(s)
					return
				}
				f(a)
			}
			delete(symbols, name)
		}
	}
}

func prefixed(p string) func(args) {
	return func(a args) {
		s := a.text("1")
		if s == "" {
			a.w.leaveOut()
			return
		}
		a.w.write(p + s)
	}
}

func list(separator string) func(args) {
	return func(a args) {
		var kept []string
		for _, s := range a.positional() {
			if s != "" {
				kept = append(kept, s)
			}
		}
		a.joined(strings.Join(kept, separator))
	}
}

func concatenated(a args) { a.w.write(strings.Join(a.positional(), "")) }

func script(kind tagKind) func(args) {
	return func(a args) { a.w.script(kind, strings.Join(a.positional(), "")) }
}

func power(prefix string) func(args) {
	return func(a args) {
		a.w.write(prefix)
		a.w.script(tagRaised, a.text("1"))
	}
}

// fraction writes {{frac|1|2}} as 1/2 and {{frac|3|1|2}} as 3 1/2.
func fraction(a args) {
	switch p := a.positional(); len(p) {
	case 0:
		a.w.write("/")
	case 1:
		a.w.write("1/" + p[0])
	case 2:
		a.w.write(p[0] + "/" + p[1])
	default:
		a.w.write(p[0] + " " + p[1] + "/" + p[2])
	}
}

// val writes {{val|1.5|0.2|e=3|u=km}} as 1.5 ± 0.2 ×10³ km.
func val(a args) {
	p := a.positional()
	if len(p) == 0 {
		a.w.leaveOut()
		return
	}
	s := p[0]
	if len(p) > 1 && p[1] != "" {
		s += " ± " + p[1]
	}
	if e := a.text("e"); e != "" {
		s += "×10^" + e
	}
	unit := a.text("u")
	if unit == "" {
		unit = a.text("ul")
	}
	a.joined(a.text("p")+s, unit)
}

var months = strings.Fields("January February March April May June July August September October November December")

// asOf writes {{as of|2010|5|3}} as "As of 3 May 2010".
func asOf(a args) {
	if s := a.text("alt"); s != "" {
		a.w.write(s)
		return
	}
	start := "As of"
	if a.text("lc") != "" {
		start = "as of"
	}
	month := a.text("2")
	if n, err := strconv.Atoi(month); err == nil && n >= 1 && n <= len(months) {
		month = months[n-1]
	}
	a.joined(start, a.text("3"), month, a.text("1"))
}

// nihongo writes {{nihongo|English|kanji|rōmaji}} as "English (kanji, rōmaji)".
func nihongo(a args) {
	var inside []string
	for _, n := range []string{"2", "3"} {
		if s := a.text(n); s != "" {
			inside = append(inside, s)
		}
	}
	text := a.text("1")
	if len(inside) > 0 {
		more := strings.Join(inside, ", ")
		if text == "" {
			text = more
		} else {
			text += " (" + more + ")"
		}
	}
	a.joined(text)
}

func music(a args) {
	signs := map[string]string{"sharp": "♯", "#": "♯", "flat": "♭", "b": "♭", "natural": "♮"}
	s := a.text("1")
	if sign, ok := signs[strings.ToLower(s)]; ok {
		s = sign
	}
	a.joined(s)
}
