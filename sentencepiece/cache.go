package sentencepiece

import "math/bits"

// wordCache remembers how short stretches of text between barriers are cut. It belongs to one call at a time, so it
// needs no locks, and it begins small and doubles while new words come, up to maxCached entries.
//
// A key is at most 16 bytes of text in the compact form, padded with zeros. Two entries share a key's place; a new one
// pushes the older of them out.
type wordCache struct {
	entries []cached // a power of two of them
	added   int      // since the table last grew
}

// cached is one answer: a cache line.
type cached struct {
	key   [2]uint64
	ids   [cachedIDs]int32 // raw
	limit float32          // the answer holds if the score before it is closer to 0 than this; 0 or less: never
	reach float32          // how much further from 0 the score may be behind it
	n     int32
	_     int32
}

const (
	cachedBytes = 16
	cachedIDs   = 8
	minCached   = 1 << 8
	maxCached   = 1 << 15 // of 64 bytes: 2 MiB
)

func (c *wordCache) find(key [2]uint64) *cached {
	if len(c.entries) == 0 {
		c.entries = make([]cached, minCached)
	}
	at := hashKey(key) & uint64(len(c.entries)-1)
	if e := &c.entries[at]; e.key == key {
		return e
	}
	if e := &c.entries[at^1]; e.key == key {
		return e
	}
	return nil
}

// add stores an answer whose key is not there.
func (c *wordCache) add(e *cached) {
	if c.added++; c.added > len(c.entries) && len(c.entries) < maxCached {
		old := c.entries
		c.entries = make([]cached, 2*len(old))
		c.added = 0
		for i := range old {
			if old[i].key[0] != 0 {
				c.put(&old[i])
			}
		}
	}
	c.put(e)
}

func (c *wordCache) put(e *cached) {
	at := hashKey(e.key) & uint64(len(c.entries)-1)
	c.entries[at^1] = c.entries[at]
	c.entries[at] = *e
}

func hashKey(key [2]uint64) uint64 {
	high, low := bits.Mul64(key[0]^0x9e3779b97f4a7c15, key[1]^0xd1b54a32d192ed03)
	return high ^ low
}

// keyOf is the key of at most cachedBytes of text. Behind the text, as many bytes of memory must be there.
func keyOf(text []byte) (key [2]uint64) {
	n := len(text)
	text = text[:cachedBytes]
	key[0], key[1] = load8(text, 0), load8(text, 8)
	if n <= 8 {
		return [2]uint64{key[0] & lowBytes(n), 0}
	}
	return [2]uint64{key[0], key[1] & lowBytes(n-8)}
}

// lowBytes is a mask of the lowest n bytes, n from 0 to 8.
func lowBytes(n int) uint64 { return 1<<(8*n) - 1 }

func load8[T string | []byte](s T, at int) uint64 {
	s = s[at : at+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
