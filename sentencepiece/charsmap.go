package sentencepiece

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// charsmap is a model's precompiled normalisation rules: a double array in the layout of darts-clone, whose values are
// places in a blob of NUL-terminated strings. A rule maps a byte sequence to one of them.
//
// The stored form: size of the array in bytes (uint32), the array (uint32 each), the strings; little-endian.
type charsmap struct {
	units []uint32
	blob  string
}

// maxRulePrefixes is how many rules that are prefixes of one another the original looks at.
const maxRulePrefixes = 32

// maxRuleBytes bounds what a rule looks at and what it puts there. The longest of Unicode's have 33 bytes; a model that
// was made to do harm could have a trie with loops, or blow a text up a million times.
const maxRuleBytes = 1 << 10

var errCharsmap = errors.New("broken normalisation rules")

func parseCharsmap(data []byte) (*charsmap, error) {
	if len(data) <= 4 {
		return nil, fmt.Errorf("%w: only %d bytes", errCharsmap, len(data))
	}
	size := uint64(binary.LittleEndian.Uint32(data))
	data = data[4:]
	if size == 0 || size%4 != 0 || size >= uint64(len(data)) {
		return nil, fmt.Errorf("%w: an array of %d bytes in a block of %d", errCharsmap, size, len(data))
	}
	c := &charsmap{units: make([]uint32, size/4), blob: string(data[size:])}
	for i := range c.units {
		c.units[i] = binary.LittleEndian.Uint32(data[4*i:])
	}
	if c.blob[len(c.blob)-1] != 0 {
		return nil, fmt.Errorf("%w: the last string has no end", errCharsmap)
	}
	for rest := c.blob; rest != ""; {
		n := strings.IndexByte(rest, 0)
		if n > maxRuleBytes {
			return nil, fmt.Errorf("%w: a rule puts %d bytes, more than %d", errCharsmap, n, maxRuleBytes)
		}
		rest = rest[n+1:]
	}
	for i, u := range c.units {
		// A unit with the top bit is a value.
		if at := u & 0x7fffffff; u>>31 == 1 && uint64(at) >= uint64(len(c.blob)) {
			return nil, fmt.Errorf("%w: unit %d points to byte %d of %d", errCharsmap, i, at, len(c.blob))
		}
	}
	return c, nil
}

// unitOffset is what leads from a node to its children.
func unitOffset(u uint32) uint32 { return u >> 10 << (u & (1 << 9) >> 6) }

// longest applies the longest rule that text starts with. length is 0 if there is none.
func (c *charsmap) longest(text string) (to string, length int) {
	text = text[:min(len(text), maxRuleBytes)]
	at := unitOffset(c.units[0])
	var value uint32
	for i, found := 0, 0; i < len(text) && found < maxRulePrefixes; i++ {
		at ^= uint32(text[i])
		if int64(at) >= int64(len(c.units)) {
			break
		}
		u := c.units[at]
		if u&(1<<31|0xff) != uint32(text[i]) {
			break
		}
		at ^= unitOffset(u)
		if u>>8&1 == 1 {
			if int64(at) >= int64(len(c.units)) {
				break
			}
			value, length = c.units[at]&0x7fffffff, i+1
			found++
		}
	}
	if length == 0 || int64(value) >= int64(len(c.blob)) {
		return "", 0
	}
	to = c.blob[value:]
	return to[:strings.IndexByte(to, 0)], length
}

// plainASCII says for each ASCII byte whether it is left alone when another ASCII byte, or nothing, follows it: most
// text is such bytes, and they need no search. Rules such as "e, combining acute → é" do not speak against it.
func (c *charsmap) plainASCII() (plain [256]bool) {
	var text [2]byte
	for a := range 128 {
		text[0] = byte(a)
		_, n := c.longest(string(text[:1]))
		plain[a] = n == 0
		for b := 0; b < 128 && plain[a]; b++ {
			text[1] = byte(b)
			plain[a] = !c.reaches(text)
		}
	}
	return plain
}

// reaches says whether some rule starts with two bytes.
func (c *charsmap) reaches(text [2]byte) bool {
	at := unitOffset(c.units[0])
	for _, b := range text {
		at ^= uint32(b)
		if int64(at) >= int64(len(c.units)) || c.units[at]&(1<<31|0xff) != uint32(b) {
			return false
		}
		at ^= unitOffset(c.units[at])
	}
	return true
}
