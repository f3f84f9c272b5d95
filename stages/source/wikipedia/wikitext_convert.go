package wikipedia

import "strings"

// unitNames spells the codes of {{convert}} as people read them. Other codes are read as they are.
var unitNames = map[string]string{
	"sqmi": "sq mi", "mi2": "sq mi", "km2": "km²", "m2": "m²", "cm2": "cm²", "mm2": "mm²", "ft2": "sq ft", "sqft": "sq ft",
	"in2": "sq in", "sqin": "sq in", "yd2": "sq yd", "sqyd": "sq yd", "m3": "m³", "km3": "km³", "cm3": "cm³", "ft3": "cu ft",
	"cuft": "cu ft", "cuin": "cu in", "in3": "cu in", "cuyd": "cu yd", "cumi": "cu mi", "c": "°C", "C": "°C", "F": "°F",
	"f": "°F", "K": "K", "acre": "acres", "kn": "knots", "impgal": "imp gal", "usgal": "US gal", "USgal": "US gal",
	"ST": "short tons", "LT": "long tons", "t": "t", "nmi": "nmi", "m/s": "m/s", "m3/s": "m³/s", "cuft/s": "cu ft/s",
	"PD/sqmi": "per square mile", "/sqmi": "per square mile", "/km2": "per km²", "PD/km2": "per km²", "lbf.ft": "lbf⋅ft",
	"m.": "m", "foot": "feet", "inch": "in", "metre": "m", "meter": "m", "kilometre": "km", "kilometer": "km", "mile": "miles",
}

var rangeWords = map[string]string{
	"-": "–", "–": "–", "&ndash;": "–", "to": " to ", "and": " and ", "or": " or ", "by": " by ", "x": " × ", "×": " × ",
	"xx": " × ", "*": " × ", "+/-": " ± ", "±": " ± ", "+/−": " ± ", "to(-)": " to ", "and(-)": " and ", ",": ", ", "/": "/",
}

// convert writes the measure that was given, not what it is converted to: "{{convert|5|to|10|km|mi}}" becomes
// "5 to 10 km", "{{convert|6|ft|2|in|m}}" becomes "6 ft 2 in".
func convert(a args) {
	p := a.positional()
	var b strings.Builder
	i := 0
	for i < len(p) && isNumber(p[i]) {
		b.WriteString(p[i])
		i++
		if i+1 >= len(p) || !isNumber(p[i+1]) {
			if i < len(p) {
				writeUnit(&b, p[i])
			}
			break
		}
		if word, ok := rangeWords[p[i]]; ok {
			b.WriteString(word)
		} else { // feet and inches
			writeUnit(&b, p[i])
			b.WriteByte(' ')
		}
		i++
	}
	a.joined(b.String())
}

func writeUnit(b *strings.Builder, unit string) {
	if name, ok := unitNames[unit]; ok {
		unit = name
	}
	if unit != "" {
		b.WriteByte(' ')
		b.WriteString(unit)
	}
}

// isNumber accepts what {{convert}} takes for one: 1,200.5, −3, 1/2, 2+1/2, 1e6.
func isNumber(s string) bool {
	digits := false
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits = true
		case strings.ContainsRune("+-−.,/⁄e ", r):
		default:
			return false
		}
	}
	return digits
}
