package train

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Rules are what a normaliser replaces, longest first: text to text, both UTF-8. An empty replacement deletes.
type Rules map[string]string

// RuleNames are the sets of rules that RulesOf knows.
var RuleNames = []string{"nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "identity"}

// RulesOf makes a named set of rules from the Unicode data: NFKC; with nmt_ the changes to it that are usual for
// translation (control characters deleted, white space of all kinds a space, U+FF5E kept); with _cf case folded as
// well. They are the rules that models of the original library carry (release 0.2.3, Unicode 17).
func RulesOf(name string) (Rules, error) {
	var nmt, fold bool
	switch name {
	case "identity":
		return nil, nil
	case "nfkc":
	case "nmt_nfkc":
		nmt = true
	case "nfkc_cf":
		fold = true
	case "nmt_nfkc_cf":
		nmt, fold = true, true
	default:
		return nil, fmt.Errorf("no normalisation rule %q; there are %v", name, RuleNames)
	}
	r := nfkc()
	if nmt {
		r.addNMT()
		r.dropRedundant()
	}
	if fold {
		r.foldCase()
		r.dropRedundant()
	}
	return r, nil
}

// isCharacter leaves out surrogates and noncharacters.
func isCharacter(r rune) bool {
	return utf8.ValidRune(r) && r&0xfffe != 0xfffe && (r < 0xfdd0 || r > 0xfdef)
}

// nfkc makes rules of the single characters that NFKC changes, and of the sequences that it composes, in every spelling:
// a base and marks each as any character of the same decomposition.
func nfkc() Rules {
	r := Rules{}
	spellings := map[rune][]rune{} // other characters, by the one that they decompose to
	sequences := map[string]bool{}
	for c := rune(1); c <= unicode.MaxRune; c++ {
		s := string(c)
		if !isCharacter(c) || norm.NFKD.PropertiesString(s).Decomposition() == nil && decompose(s) == s {
			continue
		}
		if to := compose(s); to != s {
			r[s] = to
		}
		d := decompose(s)
		if first, n := utf8.DecodeRuneInString(d); n == len(d) {
			spellings[first] = append(spellings[first], c)
		} else {
			sequences[d] = true
		}
	}
	for d := range sequences {
		to := compose(d)
		if to == d {
			continue // the rules of its characters do that already
		}
		for _, from := range spelt(d, spellings) {
			if from != to {
				r[from] = to
			}
		}
	}
	r.dropRedundant()
	return r
}

// spelt lists all ways to write a decomposed text.
func spelt(d string, spellings map[rune][]rune) []string {
	all := []string{""}
	for _, c := range d {
		longer := make([]string, 0, len(all)*(1+len(spellings[c])))
		for _, s := range all {
			longer = append(longer, s+string(c))
			for _, w := range spellings[c] {
				longer = append(longer, s+string(w))
			}
		}
		all = longer
	}
	return all
}

// dropRedundant removes the rules that shorter ones make superfluous.
func (r Rules) dropRedundant() {
	byLength := map[int][]string{}
	longest := 1
	for from := range r {
		if n := utf8.RuneCountInString(from); n > 1 {
			byLength[n] = append(byLength[n], from)
			longest = max(longest, n)
		}
	}
	for n := 2; n <= longest; n++ {
		var superfluous []string // those of one length do not speak for one another
		for _, from := range byLength[n] {
			if r.apply(from, n-1) == r[from] {
				superfluous = append(superfluous, from)
			}
		}
		for _, from := range superfluous {
			delete(r, from)
		}
	}
}

// apply normalises a text with the rules of at most maxChars characters.
func (r Rules) apply(text string, maxChars int) string {
	out := make([]byte, 0, 64)
	var ends [8]int
	for len(text) > 0 {
		n := 0 // characters looked at
		for at := 0; at < len(text) && n < min(maxChars, len(ends)); n++ {
			_, size := utf8.DecodeRuneInString(text[at:])
			at += size
			ends[n] = at
		}
		to, end := text[:ends[0]], ends[0]
		for n--; n >= 0; n-- {
			if found, ok := r[text[:ends[n]]]; ok {
				to, end = found, ends[n]
				break
			}
		}
		out = append(out, to...)
		text = text[end:]
	}
	return string(out)
}

// addNMT makes white space of all kinds a space and deletes control characters. U+FF5E stays: Japanese tells it from ~.
func (r Rules) addNMT() {
	for _, c := range "\t\n\f\r\u061c\u1680\u200b\u200c\u200e\u200f\u2028\u2029\u2581\ufeff\ufffd" {
		r[string(c)] = " "
	}
	for c := rune(1); c < 0x20; c++ {
		if c != '\t' && c != '\n' && c != '\f' && c != '\r' {
			r[string(c)] = ""
		}
	}
	for _, c := range "\u007f\u008f\u009f" {
		r[string(c)] = ""
	}
	delete(r, "\uff5e")
}

// foldCase folds what the rules lead to, and all other characters.
func (r Rules) foldCase() {
	for from, to := range r {
		folded := make([]rune, 0, len(to))
		for _, c := range to {
			folded = append(folded, fold(c))
		}
		r[from] = string(folded)
	}
	for c := rune(1); c <= unicode.MaxRune; c++ {
		if _, ok := r[string(c)]; ok || !isCharacter(c) {
			continue
		}
		if to := fold(c); to != c {
			r[string(c)] = string(to)
		}
	}
}

// fold is Unicode's simple case folding (status C and S of CaseFolding.txt): the small letter of the capital, but
// the capital for Cherokee.
func fold(c rune) rune {
	to := unicode.ToLower(unicode.ToUpper(c))
	if unicode.Is(unicode.Cherokee, c) {
		to = unicode.ToUpper(c)
	}
	if to, ok := laterFolds(c); ok {
		return to
	}
	for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
		if other == to {
			return to
		}
	}
	return c
}

func compose(s string) string   { return later.compose(norm.NFKC.String(later.decompose(s))) }
func decompose(s string) string { return norm.NFKD.String(later.decompose(s)) }
