package train

import (
	"cmp"
	"slices"
	"strings"
)

// charCount is a character that pieces must be able to write.
type charCount struct {
	char  rune
	count int64
}

// coveredChars are the required characters and the most frequent others until the share of all characters is covered,
// in the order of count and code point.
func coveredChars(cfg *Config, counts *charCounts) (chars []charCount, seen int) {
	required := func(c rune) bool { return strings.ContainsRune(cfg.RequiredChars, c) }
	var total int64
	counts.each(func(c rune, n int64) {
		chars = append(chars, charCount{c, n})
		total += n
		seen++
	})
	for _, c := range cfg.RequiredChars {
		if !slices.ContainsFunc(chars, func(x charCount) bool { return x.char == c }) {
			chars = append(chars, charCount{c, 0})
		}
	}
	slices.SortFunc(chars, func(a, b charCount) int {
		if ra, rb := required(a.char), required(b.char); ra != rb {
			if ra {
				return -1
			}
			return 1
		}
		return byCount(a, b)
	})
	var sum int64
	for i, c := range chars {
		// In float32, as the original compares.
		if !required(c.char) && float32(float64(sum)/float64(total)) >= float32(cfg.Coverage) {
			chars = chars[:i]
			break
		}
		sum += c.count
	}
	slices.SortFunc(chars, byCount)
	return chars, seen
}

func byCount(a, b charCount) int {
	return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.char, b.char))
}
