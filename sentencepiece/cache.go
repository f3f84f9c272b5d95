package sentencepiece

import (
	"math"
	"math/bits"
)

// wordCache remembers how short stretches of text between barriers are cut. It belongs to one call at a time, so it
// needs no locks, and it begins small and doubles while new words come, up to maxCached entries.
//
// A key is at most cachedBytes of text in the compact form, padded with zeros. Two of them share a bucket, which is a
// cache line, and each has two buckets that it may lie in, so that the table can be filled. If both are full, a new key
// pushes out one that was not asked for again: half of a large text's words come once, and must not push out the others.
type wordCache struct {
	buckets []bucket // a power of two of them
	added   int      // since the table last grew
	touched uint64   // of no meaning: touch must have a result
}

// key is a struct since an array of two would go through memory.
type key struct{ low, high uint64 }

type bucket struct {
	keys    [2]key
	answers [2]answer
}

// answer is how a stretch is cut, packed into 16 bytes.
type answer struct {
	ids   [3]uint32 // raw: up to six of 16 bits, or in large vocabularies up to four of 24
	limit uint16    // the upper half of a float32, but for the lowest three bits: the number of ids
	reach uint16    // the upper half of a float32, which has no sign, and in its place the mark taken
}

// taken marks an answer that was asked for again.
const taken = 1 << 15

// cut is an answer unpacked.
type cut struct {
	ids   [cachedIDs]int32
	n     int
	limit float32 // it holds if the score before the stretch is closer to 0 than this; 0: never
	reach float32 // how much further from 0 the score may be behind the stretch
}

const (
	cachedBytes = 16
	cachedIDs   = 6
	minCached   = 1 << 8
	maxCached   = 1 << 18 // of 32 bytes: 8 MiB
)

// A larger vocabulary takes 24 bits an id instead of 16.
const wideVocabulary = 1 << 16

// pack returns false if there are too many ids.
func (c *cut) pack(wide bool) (a answer, ok bool) {
	i := &c.ids
	if wide {
		a.ids = [3]uint32{uint32(i[0] | i[1]<<24), uint32(i[1]>>8 | i[2]<<16), uint32(i[2]>>16 | i[3]<<8)}
	} else {
		a.ids = [3]uint32{uint32(i[0] | i[1]<<16), uint32(i[2] | i[3]<<16), uint32(i[4] | i[5]<<16)}
	}
	a.limit = uint16(math.Float32bits(c.limit)>>16)&^7 | uint16(c.n)        // rounded down
	a.reach = uint16((uint64(math.Float32bits(c.reach)) + 1<<16 - 1) >> 16) // rounded up
	return a, c.n <= 4 || !wide
}

// within is the cut's limit.
func (a *answer) within() float32 { return math.Float32frombits(uint32(a.limit&^7) << 16) }

func (a *answer) reaches() float32 { return math.Float32frombits(uint32(a.reach&^taken) << 16) }

// take marks the answer. It writes once only, so that what was asked for does not all go back to memory.
func (a *answer) take() {
	if a.reach&taken == 0 {
		a.reach |= taken
	}
}

// unpack writes ids, of which the first n count.
func (a *answer) unpack(to *[cachedIDs]int32, wide bool) (n int) {
	x, y, z := a.ids[0], a.ids[1], a.ids[2]
	if wide {
		to[0] = int32(x & 0xffffff)
		to[1] = int32(x>>24 | y&0xffff<<8)
		to[2] = int32(y>>16 | z&0xff<<16)
		to[3] = int32(z >> 8)
	} else {
		to[0], to[1] = int32(x&0xffff), int32(x>>16)
		to[2], to[3] = int32(y&0xffff), int32(y>>16)
		to[4], to[5] = int32(z&0xffff), int32(z>>16)
	}
	return int(a.limit & 7)
}

// begin makes the first buckets. It comes before all else.
func (c *wordCache) begin() {
	if c.buckets == nil {
		c.buckets = make([]bucket, minCached/2)
	}
}

// touch asks memory for what words are likely to be found in.
func (c *wordCache) touch(words []word) {
	mask, touched := uint64(len(c.buckets)-1), uint64(0)
	for i := range words {
		touched |= c.buckets[words[i].hash&mask].keys[0].low
	}
	c.touched = touched
}

// find returns nil if a key, whose hash is given, is not there.
func (c *wordCache) find(k key, hash uint64) *answer {
	mask := uint64(len(c.buckets) - 1)
	b := &c.buckets[hash&mask]
	way := b.way(k)
	if way < 0 {
		b = &c.buckets[hash>>32&mask]
		if way = b.way(k); way < 0 {
			return nil
		}
	}
	return &b.answers[way&1]
}

// way says which of the two keys is k, or -1. It has a branch for neither only: which one it is cannot be foreseen.
func (b *bucket) way(k key) int {
	first := (b.keys[0].low ^ k.low) | (b.keys[0].high ^ k.high)
	second := (b.keys[1].low ^ k.low) | (b.keys[1].high ^ k.high)
	if min(first, second) != 0 {
		return -1
	}
	way := 1
	if first == 0 {
		way = 0
	}
	return way
}

// add stores an answer whose key is not there.
func (c *wordCache) add(k key, a answer) {
	if c.added++; c.added > 2*len(c.buckets) && len(c.buckets) < maxCached/2 {
		old := c.buckets
		c.buckets = make([]bucket, 2*len(old))
		c.added = 0
		for i := range old {
			for way := 1; way >= 0; way-- {
				if b := &old[i]; b.keys[way].low != 0 {
					c.put(b.keys[way], b.answers[way])
				}
			}
		}
	}
	c.put(k, a)
}

func (c *wordCache) put(k key, a answer) {
	hash, mask := hashKey(k), uint64(len(c.buckets)-1)
	b, second := &c.buckets[hash&mask], &c.buckets[hash>>32&mask]
	way := b.empty()
	if way < 0 {
		if way = second.empty(); way >= 0 {
			b = second
		} else if way = b.idle(); way < 0 {
			if way = second.idle(); way >= 0 {
				b = second
			} else { // all were asked for again: those of the first bucket must be so once more
				b.answers[0].reach &^= taken
				b.answers[1].reach &^= taken
				way = int(hash >> 63)
			}
		}
	}
	b.keys[way], b.answers[way] = k, a
}

// empty is a place without a key; -1: none.
func (b *bucket) empty() int {
	for way := range b.keys {
		if b.keys[way].low == 0 {
			return way
		}
	}
	return -1
}

// idle is a place whose answer was not taken; -1: none.
func (b *bucket) idle() int {
	for way := range b.answers {
		if b.answers[way].reach&taken == 0 {
			return way
		}
	}
	return -1
}

func hashKey(k key) uint64 {
	high, low := bits.Mul64(k.low^0x9e3779b97f4a7c15, k.high^0xd1b54a32d192ed03)
	return high ^ low
}

// keyOf is the key of at most cachedBytes of text. Behind the text, as many bytes of memory must be there.
func keyOf(text []byte) key {
	n := len(text)
	text = text[:cachedBytes]
	return key{load8(text, 0), load8(text, 8)}.first(n)
}

// first keeps the first n bytes of a key, n from 0 to cachedBytes.
func (k key) first(n int) key {
	if n <= 8 {
		return key{k.low & lowBytes(n), 0}
	}
	return key{k.low, k.high & lowBytes(n-8)}
}

// behindSpace puts a space before a key's bytes, of which the last is dropped.
func (k key) behindSpace() key { return key{k.low<<8 | ' ', k.high<<8 | k.low>>56} }

// lowBytes is a mask of the lowest n bytes, n from 0 to 8.
func lowBytes(n int) uint64 { return 1<<(8*n) - 1 }

func load8[T string | []byte](s T, at int) uint64 {
	s = s[at : at+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
