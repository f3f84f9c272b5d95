package sentencepiece

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
)

// trie finds the pieces that start at a place of a text: a double array. The children of a node with base b lie at
// b XOR label; no two nodes share a base, so a cell's label alone says whose child it is.
//
// A cell, from the low bits: label (8), in use (1), value + 1 (27), base (28). Cells 0..255 stay empty, so that base 0
// means "no children". The number of cells is a multiple of 256, so b XOR label never leaves the array.
type trie struct {
	cells []uint64
	root  uint64
}

const (
	cellUsed   = 1 << 8
	valueShift = 9
	valueBits  = 27
	baseShift  = valueShift + valueBits
	baseBits   = 64 - baseShift
)

// step goes from a node down by one byte. ok is false if there is no such child.
func (t *trie) step(node uint64, c byte) (child uint64, ok bool) {
	child = t.cells[(node>>baseShift)^uint64(c)]
	return child, child&(cellUsed|0xff) == cellUsed|uint64(c)
}

// cellValue is the value of the key that ends at a node, or -1.
func cellValue(node uint64) int32 {
	return int32(node>>valueShift&(1<<valueBits-1)) - 1
}

// walk goes down from a node by a whole string.
func walk[T string | []byte](t *trie, node uint64, s T) (end uint64, ok bool) {
	ok = true
	for i := 0; i < len(s); i++ {
		if node, ok = t.step(node, s[i]); !ok {
			return 0, false
		}
	}
	return node, true
}

// find returns the value of a key, or -1.
func find[T string | []byte](t *trie, key T) int32 {
	if node, ok := walk(t, t.root, key); ok {
		return cellValue(node)
	}
	return -1
}

// longest returns the length of the longest key that text starts with, or 0.
func longest[T string | []byte](t *trie, text T) (length int) {
	node, ok := t.root, true
	for i := 0; i < len(text); i++ {
		if node, ok = t.step(node, text[i]); !ok {
			break
		}
		if cellValue(node) >= 0 {
			length = i + 1
		}
	}
	return length
}

// entry is a key of a trie. Keys are not empty and all different; values are from 0 to 2^27 - 2.
type entry struct {
	key   string
	value int32
}

var errTrieTooLarge = errors.New("more pieces than the trie can hold")

func newTrie(entries []entry) (*trie, error) {
	t := new(trie)
	return t, t.build(entries)
}

// build makes an empty trie one of entries.
func (t *trie) build(entries []entry) error {
	for _, e := range entries {
		if e.value >= 1<<valueBits-1 {
			return errTrieTooLarge
		}
	}
	b := builder{}
	b.reserve(2*len(entries) + openBlocks*blockSize)
	b.cells, b.isBase = b.cells[:blockSize], b.isBase[:blockSize]
	b.before, b.after = b.before[:blockSize], b.after[:blockSize]
	root := b.place(sorted(entries), 0)
	if len(b.cells) > 1<<baseBits {
		return errTrieTooLarge
	}
	t.cells, t.root = b.cells, root<<baseShift
	return nil
}

// sorted returns entries in the order of their keys: by their first eight bytes, which a radix sort does fast, then by
// the rest.
func sorted(entries []entry) []entry {
	type place struct {
		start uint64 // the first bytes, big-endian
		at    int32
	}
	places, other := make([]place, len(entries)), make([]place, len(entries))
	for i, e := range entries {
		var start [8]byte
		copy(start[:], e.key)
		places[i] = place{binary.BigEndian.Uint64(start[:]), int32(i)}
	}
	for shift := 0; shift < 64; shift += 8 {
		var next [257]int
		for _, p := range places {
			next[p.start>>shift&0xff+1]++
		}
		for i := range 256 {
			next[i+1] += next[i]
		}
		for _, p := range places {
			to := &next[p.start>>shift&0xff]
			other[*to] = p
			*to++
		}
		places, other = other, places
	}
	out := make([]entry, len(entries))
	for i, p := range places {
		out[i] = entries[p.at]
	}
	for from := 0; from < len(out); {
		to := from + 1
		for to < len(out) && places[to].start == places[from].start {
			to++
		}
		if to > from+1 {
			slices.SortFunc(out[from:to], func(a, b entry) int { return strings.Compare(a.key, b.key) })
		}
		from = to
	}
	return out
}

// builder places nodes into the first cells that fit. It looks at the free cells of the last openBlocks blocks of 256
// only: what is still free before them is too scattered to be worth the search.
type builder struct {
	cells  []uint64
	isBase []bool
	// The free cells of the open blocks are a list in ascending order; 0, which is never free, stands for its two ends.
	before, after []int32
	labels        []byte // of the node that is being placed
}

const (
	blockSize  = 256
	openBlocks = 16
	// cellTaken marks a cell whose content is not known yet; it is in use from then on.
	cellTaken = cellUsed
)

// reserve makes room for some cells.
func (b *builder) reserve(n int) {
	b.cells, b.isBase = make([]uint64, 0, n), make([]bool, 0, n)
	b.before, b.after = make([]int32, 0, n), make([]int32, 0, n)
}

// grow adds a block of free cells, and closes the oldest open one.
func (b *builder) grow() {
	from := int32(len(b.cells))
	b.cells = append(b.cells, make([]uint64, blockSize)...)
	b.isBase = append(b.isBase, make([]bool, blockSize)...)
	for c := from; c < from+blockSize; c++ {
		last := b.before[0]
		b.before, b.after = append(b.before, last), append(b.after, 0)
		b.after[last], b.before[0] = c, c
	}
	for c := b.after[0]; c != 0 && c < from-(openBlocks-1)*blockSize; c = b.after[0] {
		b.unlink(c)
	}
}

// take takes a cell, and off the list if it is there.
func (b *builder) take(c int32) {
	b.cells[c] = cellTaken
	if b.after[b.before[c]] == c {
		b.unlink(c)
	}
}

func (b *builder) unlink(c int32) {
	b.after[b.before[c]], b.before[b.after[c]] = b.after[c], b.before[c]
	b.before[c], b.after[c] = c, 0 // c is nobody's neighbour any more: after[c] is not c
}

// place stores the nodes below the prefix of depth bytes that all entries share, and returns its base, 0 for none.
func (b *builder) place(entries []entry, depth int) uint64 {
	if len(entries) > 0 && len(entries[0].key) == depth {
		entries = entries[1:]
	}
	if len(entries) == 0 {
		return 0
	}
	labels := b.labels[:0]
	for _, e := range entries {
		if c := e.key[depth]; len(labels) == 0 || labels[len(labels)-1] != c {
			labels = append(labels, c)
		}
	}
	b.labels = labels
	base := b.findBase(labels)
	for _, c := range labels {
		b.take(int32(base ^ uint64(c)))
	}
	for len(entries) > 0 {
		c, n := entries[0].key[depth], 1
		for n < len(entries) && entries[n].key[depth] == c {
			n++
		}
		v := int32(-1)
		if len(entries[0].key) == depth+1 {
			v = entries[0].value
		}
		below := b.place(entries[:n], depth+1)
		b.cells[base^uint64(c)] = uint64(c) | cellUsed | uint64(v+1)<<valueShift | below<<baseShift
		entries = entries[n:]
	}
	return base
}

func (b *builder) findBase(labels []byte) uint64 {
	for cell := b.after[0]; cell != 0; cell = b.after[cell] {
		if base := uint64(cell) ^ uint64(labels[0]); b.fits(base, labels) {
			b.isBase[base] = true
			return base
		}
	}
	base := uint64(len(b.cells))
	b.grow()
	b.isBase[base] = true
	return base
}

func (b *builder) fits(base uint64, labels []byte) bool {
	if b.isBase[base] {
		return false
	}
	for _, c := range labels {
		if b.cells[base^uint64(c)] != 0 {
			return false
		}
	}
	return true
}
