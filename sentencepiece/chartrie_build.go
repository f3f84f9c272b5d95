package sentencepiece

import (
	"math"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// newCharTrie returns nil if a trie would be too large. Pieces are UTF-8, not empty and all different.
func newCharTrie(pieces []entry, scores []float32) *charTrie {
	b := charBuilder{keys: sorted(pieces)}
	labels := b.numberChars()
	b.listNodes()
	if !b.place(1 << bits.Len(uint(labels))) {
		return nil
	}
	b.cells, b.pieces = make([]charCell, len(b.isBase)), make([]pieceEnd, len(b.isBase))
	for i := range b.cells {
		b.cells[i], b.pieces[i] = newCell(noLabel, 0), pieceEnd{float32(math.Inf(-1)), noPiece}
	}
	for i, n := range b.nodes {
		for _, k := range b.children(int32(i)) {
			cell := n.base ^ k.label
			below := uint32(0)
			if k.node > 0 {
				below = b.nodes[k.node].base
			}
			b.cells[cell] = newCell(k.label, below)
			if k.piece >= 0 {
				p := b.keys[k.piece]
				b.pieces[cell] = pieceEnd{scores[p.value], lastPiece(utf8.RuneCountInString(p.key), p.value)}
			}
		}
	}
	b.root = b.nodes[0].base
	return &b.charTrie
}

// charBuilder lists all nodes, and then places those with the most children first, while there is most room.
type charBuilder struct {
	charTrie
	keys   []entry // in the order of their keys
	nodes  []charNode
	kids   []charKid
	isBase []bool   // by cell
	free   []uint32 // by cell: itself, or if it is taken one that is nearer to the next free one; also behind the last
}

// charNode is a node with children.
type charNode struct {
	from, to   int32 // the pieces below it
	depth      int32 // bytes that these share
	first, end int32 // its children in kids
	base       uint32
}

type charKid struct {
	label uint32
	node  int32 // 0: it has no children
	piece int32 // -1: none ends there
}

const (
	// charTries is how many places a node is tried at before more room is made.
	charTries = 256
	// maxCharCells (of 16 bytes) bounds what a vocabulary made to do harm may take.
	maxCharCells = 1 << 22
)

// numberChars numbers the characters of all pieces, the frequent ones first, so that the cells of their nodes lie
// together. It returns how many there are.
func (b *charBuilder) numberChars() int {
	b.pages = make([]uint16, (utf8.MaxRune+1)>>8)
	b.numbers = make([]uint32, 256)
	var chars []rune
	for _, p := range b.keys {
		for _, c := range p.key {
			if b.pages[c>>8] == 0 {
				b.pages[c>>8] = uint16(len(b.numbers) >> 8)
				b.numbers = append(b.numbers, make([]uint32, 256)...)
			}
			n := b.at(c)
			if *n == 0 {
				chars = append(chars, c)
			}
			*n++
		}
	}
	slices.SortStableFunc(chars, func(a, c rune) int { return int(*b.at(c)) - int(*b.at(a)) })
	for i, c := range chars {
		*b.at(c) = uint32(i + 1)
	}
	return len(chars)
}

func (b *charBuilder) at(c rune) *uint32 { return &b.numbers[int(b.pages[c>>8])<<8|int(c&0xff)] }

// listNodes finds the nodes, level by level.
func (b *charBuilder) listNodes() {
	b.nodes = []charNode{{to: int32(len(b.keys))}}
	for i := 0; i < len(b.nodes); i++ {
		n := b.nodes[i]
		n.first = int32(len(b.kids))
		for at := n.from; at < n.to; {
			key := b.keys[at].key
			c, size := utf8.DecodeRuneInString(key[n.depth:])
			below := int(n.depth) + size
			next := at + 1
			for next < n.to && len(b.keys[next].key) >= below && b.keys[next].key[n.depth:below] == key[n.depth:below] {
				next++
			}
			k := charKid{label: *b.at(c), piece: -1}
			if len(key) == below {
				k.piece = at
				at++
			}
			if at < next {
				k.node = int32(len(b.nodes))
				b.nodes = append(b.nodes, charNode{from: at, to: next, depth: int32(below)})
			}
			b.kids = append(b.kids, k)
			at = next
		}
		n.end = int32(len(b.kids))
		b.nodes[i] = n
	}
}

func (b *charBuilder) children(node int32) []charKid {
	n := &b.nodes[node]
	return b.kids[n.first:n.end]
}

// place finds the nodes' bases. Cells come in blocks of a power of two, more than there are labels, so that b XOR label
// stays in b's block. It returns false if they become too many.
func (b *charBuilder) place(block int) bool {
	b.free = []uint32{0}
	b.grow(block)
	b.isBase[0], b.free[0] = true, 1
	order := make([]int32, len(b.nodes))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(i, j int32) int { return len(b.children(j)) - len(b.children(i)) })
	size, from := 0, uint32(0)
	for _, i := range order {
		kids := b.children(i)
		if len(kids) == 0 {
			break // the root of a trie without pieces
		}
		if len(kids) != size {
			size, from = len(kids), 0 // what is too full for larger nodes may do
		}
		base, found := uint32(0), false
		for range charTries {
			cell := b.nextFree(from)
			if int(cell) == len(b.isBase) {
				break
			}
			from = cell + 1
			base = cell ^ kids[0].label
			if found = b.fits(base, kids); found {
				break
			}
		}
		if !found {
			base = uint32(len(b.isBase))
			if b.grow(block); len(b.isBase) > maxCharCells {
				return false
			}
			from = base
		}
		b.nodes[i].base, b.isBase[base] = base, true
		for _, k := range kids {
			b.free[base^k.label] = base ^ k.label + 1
		}
	}
	return true
}

func (b *charBuilder) grow(block int) {
	b.isBase = append(b.isBase, make([]bool, block)...)
	for len(b.free) <= len(b.isBase) {
		b.free = append(b.free, uint32(len(b.free)))
	}
}

// nextFree is the first free cell from one on, or the end.
func (b *charBuilder) nextFree(cell uint32) uint32 {
	for b.free[cell] != cell {
		b.free[cell] = b.free[b.free[cell]]
		cell = b.free[cell]
	}
	return cell
}

func (b *charBuilder) fits(base uint32, kids []charKid) bool {
	if b.isBase[base] {
		return false
	}
	for _, k := range kids {
		if cell := base ^ k.label; b.free[cell] != cell {
			return false
		}
	}
	return true
}
