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
	"pi": "π", "okina": "ʻ", "hamza": "ʾ", "ayin": "ʿ", "asterisk": "*", "colon": ":", "snds ": " – ", "ellipsis": "...",
	"degree": "°", "prime": "′", "minus": "−", "times": "×", "x mark": "", "check mark": "", "ell": "ℓ", "hbar": "ħ",
	"root": "√", "infinity": "∞", "en": "–", "em": "—", "euro": "€", "pound": "£", "half": "½", "numero": "No. ",
	"o'": "O'", "snowman": "☃", "circa": "c. ", "c.": "c. ", "ca.": "c. ", "fl.": "fl. ", "floruit": "fl. ",
	"ref": "", "sic": "",
}

// templates are those whose text is made of their arguments. Names are lower case.
var templates map[string]func(args)

func init() {
	templates = map[string]func(args){
		"convert": convert, "cvt": convert, "conv": convert,
		"val": val, "number": first, "nts": first, "ntsh": nil, "gaps": concatenated, "digits": first,
		"frac": fraction, "fraction": fraction, "sfrac": fraction, "⁄": fraction, "tmath": nil,
		"e": power("×10"), "e-sp": power("× 10"), "10^": power("10"), "sup": script(tagRaised), "sub": script(tagLowered),
		"su":   func(a args) { a.joined(a.text("p"), a.text("b")) },
		"chem": concatenated, "chem2": first, "nuclide": nil,
		"as of": asOf, "asof": asOf,
		"ship":   func(a args) { a.joined(a.text("1"), a.text("2")) },
		"sclass": func(a args) { a.joined(a.text("1")+"-class", a.text("2")) }, "sclass-": func(a args) { a.joined(a.text("1")+"-class", a.text("2")) },
		"sortname": func(a args) { a.joined(a.text("1"), a.text("2")) },
		"nihongo":  nihongo, "nihongo2": first, "nihongo3": first, "nihongo foot": first,
		"blockquote": block, "quote": block, "cquote": block, "quotation": block, "bq": block, "rquote": nil, "poemquote": block,
		"poem quote": block, "block indent": block, "blockindent": block, "quoteblock": block,
		"hlist": list(", "), "flatlist": first, "plainlist": first, "ubl": list(", "), "unbulleted list": list(", "),
		"music": music, "coord": nil, "ordinal": nil, "tooltip": first,
	}
	delete(templates, "")
	add := func(f func(args), names ...string) {
		for _, n := range names {
			templates[n] = f
		}
	}
	add(first, "nowrap", "nobr", "nobreak", "j", "small", "smaller", "big", "larger", "huge", "resize", "abbr", "abbrlink",
		"mono", "code", "tt", "kbd", "samp", "var", "mvar", "math", "em", "strong", "nobold", "noitalic", "smallcaps", "sc",
		"sc1", "sc2", "smcp", "allcaps", "small caps", "u", "underline", "strike", "angbr", "angle bracket", "char", "unicode",
		"script", "polytonic", "hebrew", "rtl-lang", "grc", "lang2iso", "center", "centre", "left", "right", "not a typo",
		"as written", "typo", "proper name", "chinese title disambiguation", "visible anchor", "vanchor", "va", "ill",
		"interlanguage link", "interlanguage link multi", "link-interwiki", "red link", "bigmath", "intmath", "normal",
		"flag", "flagcountry", "flagu", "fb", "country", "italic title", "title", "ucfirst", "lcfirst", "lc", "uc",
		"format number", "formatnum", "nobreak space", "keypress", "key press", "button", "notatypo", "mvar",
		"pre2", "codett", "inline code", "plain link", "noprint", "hilite", "highlight", "bold", "italic", "mathcal", "gloss",
		"term", "defn", "glossary term", "angle brackets", "overline", "overset", "underset", "tlit", "big math", "langx1",
		"script/hebrew", "script/arabic", "script/nastaliq", "script/greek", "script/cyrillic", "ipa symbol", "fix html")
	add(second, "lang", "langx", "langr", "color", "colour", "font color", "font colour", "fontcolor", "font", "sort", "transl1",
		"abbr2", "tooltip2", "anchored", "bgcolor", "text color", "size")
	add(third, "transl", "transliteration", "translit")
	for name, prefix := range map[string]string{
		"circa": "c. ", "c.": "c. ", "ca.": "c. ", "fl.": "fl. ", "floruit": "fl. ", "reign": "r. ", "r.": "r. ", "b.": "b. ",
		"d.": "d. ", "isbn": "ISBN ", "issn": "ISSN ", "usd": "US$", "us$": "US$", "gbp": "£", "£": "£", "eur": "€", "euro": "€",
		"€": "€", "inr": "₹", "indian rupee": "₹", "indianrupee": "₹", "jpy": "¥", "yen": "¥", "cad": "CA$", "aud": "A$", "au$": "A$",
		"nz$": "NZ$", "no.": "No. ", "numero": "No. ", "abs": "", "uss": "USS ", "hms": "HMS ", "hmas": "HMAS ", "hmcs": "HMCS ",
		"ss": "SS ", "rms": "RMS ", "mv": "MV ", "ins": "INS ", "usns": "USNS ", "uscgc": "USCGC ", "sms": "SMS ", "ms": "MS ",
		"root": "√", "pound": "£",
	} {
		templates[name] = prefixed(prefix)
	}
	for name, f := range templates { // names that are listed only to say that they are left out
		if f == nil {
			delete(templates, name)
		}
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
		s += "×10" + otherLine(e, raisedFrom, raisedTo)
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
