package train

import (
	"bytes"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// table counts words. It keeps their bytes in one block, so that the collector has nothing to walk through.
type table struct {
	slots   []uint32 // index of an entry + 1; a power of two of them
	entries []entry
	text    []byte
}

type entry struct {
	hash   uint64
	count  int64
	at     uint32 // in text
	length uint32
}

const (
	entryBytes = 24
	slotBytes  = 4
)

// full reports whether the places of words would no longer fit.
func (t *table) full() bool { return len(t.text) > 1<<31 }

// bytes is the memory that the table holds.
func (t *table) bytes() int64 {
	return int64(cap(t.slots))*slotBytes + int64(cap(t.entries))*entryBytes + int64(cap(t.text))
}

func hashOf(word []byte) uint64 { return xxhash.Sum64(word) }

// add counts a word n times.
func (t *table) add(word []byte, hash uint64, n int64) {
	if 4*len(t.entries) >= 3*len(t.slots) {
		t.grow()
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := t.slots[i]
		if s == 0 {
			t.slots[i] = uint32(len(t.entries) + 1)
			break
		}
		if e := &t.entries[s-1]; e.hash == hash && bytes.Equal(t.word(e), word) {
			e.count += n
			return
		}
	}
	t.entries = append(t.entries, entry{hash, n, uint32(len(t.text)), uint32(len(word))})
	t.text = append(t.text, word...)
}

func (t *table) word(e *entry) []byte { return t.text[e.at : e.at+e.length] }

func (t *table) grow() {
	t.slots = make([]uint32, max(64, 2*len(t.slots)))
	mask := uint64(len(t.slots) - 1)
	for n, e := range t.entries {
		i := e.hash & mask
		for t.slots[i] != 0 {
			i = (i + 1) & mask
		}
		t.slots[i] = uint32(n + 1)
	}
}

// reset empties the table and keeps its memory.
func (t *table) reset() {
	clear(t.slots)
	t.entries, t.text = t.entries[:0], t.text[:0]
}

// sort brings the entries into the order of their words; nothing can be added before a reset.
func (t *table) sort() {
	slices.SortFunc(t.entries, func(a, b entry) int { return bytes.Compare(t.word(&a), t.word(&b)) })
}
