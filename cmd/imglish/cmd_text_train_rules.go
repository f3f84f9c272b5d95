package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/imglish/imglish/sentencepiece/train"
)

// readRules reads normalisation rules in the form of the original trainer: code points in hex, parted by spaces; a tab;
// what they become, the same way, or nothing; then perhaps a tab and a remark.
func readRules(path string) (train.Rules, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rules := train.Rules{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		if lines.Text() == "" {
			continue
		}
		fields := append(strings.Split(lines.Text(), "\t"), "")
		from, err := codePoints(fields[0])
		if err == nil && from == "" {
			err = fmt.Errorf("no code points before the tab")
		}
		to, err2 := codePoints(fields[1])
		if err == nil {
			err = err2
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, n, err)
		}
		rules[from] = to
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("%s: no rules in it", path)
	}
	return rules, nil
}

func codePoints(s string) (string, error) {
	var out strings.Builder
	for _, hex := range strings.Fields(s) {
		c, err := strconv.ParseUint(strings.TrimPrefix(hex, "U+"), 16, 32)
		if err != nil || c == 0 || !utf8.ValidRune(rune(c)) {
			return "", fmt.Errorf("%q is no code point in hex", hex)
		}
		out.WriteRune(rune(c))
	}
	return out.String(), nil
}
