package sentencepiece

import (
	"math"
	"unicode/utf8"
)

// charTrie is Unigram's trie on the fast way. A step is a character, not a byte, and all that it needs lies side by
// side: it waits for memory once. It is a double array as trie is, whose labels are the numbers of the characters: the
// child by character c of the node with base b is cell b XOR c if that is its label. No two nodes share a base, and no
// node has base 0, which so leads nowhere.
type charTrie struct {
	root uint32
	// The numbers of the characters in pieces are from 1 on; others have 0, which leads nowhere. Those of character c
	// stand in pages of 256: numbers[pages[c>>8]<<8|c&0xff]. Page 0 is of zeros.
	pages   []uint16
	numbers []uint32
	cells   []charCell
	pieces  []pieceEnd // by cell
}

// charCell is a node: its label in the lower half, the base of its children (0: none) in the upper one.
type charCell uint64

func newCell(label, below uint32) charCell { return charCell(label) | charCell(below)<<32 }

// step is a cell's own number and the base of its children if it has a label, and 0 twice if not, without a branch.
func (c charCell) step(cell, label uint32) (found, below uint32) {
	right := uint32(int64(uint64(uint32(c)^label)-1) >> 63) // all ones, or 0
	return cell & right, c.below() & right
}

func (c charCell) below() uint32 { return uint32(c >> 32) }

// pieceEnd is the piece that ends at a cell: its score, and its length in characters and id as in a bestEnd. If there
// is none, the score is -∞.
type pieceEnd struct {
	score float32
	last  uint32
}

const (
	noPiece = 1<<idBits - 1
	noLabel = math.MaxUint32 // of cells that are not in use
)

// behind is the end of a path of some score and the piece.
func (e pieceEnd) behind(score float32) bestEnd {
	return bestEnd(ordered(e.score+score))<<32 | bestEnd(e.last)
}

func (t *charTrie) number(c rune) uint32 {
	page := 0
	if int(c>>8) < len(t.pages) {
		page = int(t.pages[c>>8])
	}
	return t.numbers[page<<8|int(c&0xff)]
}

// appendNumbers appends those of the first n characters of a UTF-8 text, and returns how many bytes they have.
func (t *charTrie) appendNumbers(to []uint32, text []byte, n int) (numbers []uint32, size int) {
	at := 0
	for ; n > 0 && at < len(text); n-- {
		c := rune(text[at])
		switch {
		case c < utf8.RuneSelf:
			at++
		case c>>4 == 0xe && at+2 < len(text):
			c = c&0xf<<12 | rune(text[at+1]&0x3f)<<6 | rune(text[at+2]&0x3f)
			at += 3
		default:
			var size int
			c, size = utf8.DecodeRune(text[at:])
			at += size
		}
		to = append(to, t.number(c))
	}
	return to, at
}
