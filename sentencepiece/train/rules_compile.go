package train

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxRulePrefixes is how many rules that are prefixes of one another the original library looks at.
const maxRulePrefixes = 32

// Compile gives rules the form in which a .model carries them: a double array of darts-clone's layout whose values are
// places in a block of NUL-terminated replacements. Equal tails are stored once: 225,000 rules take 240 kB.
func (r Rules) Compile() ([]byte, error) {
	if len(r) == 0 {
		return nil, nil
	}
	keys := slices.Sorted(maps.Keys(r))
	places := map[string]int{}
	var block []byte
	for _, to := range slices.Compact(slices.Sorted(maps.Values(r))) {
		if strings.IndexByte(to, 0) >= 0 || !utf8.ValidString(to) {
			return nil, fmt.Errorf("normalisation rule to %q: must be UTF-8 without NUL", to)
		}
		places[to] = len(block)
		block = append(append(block, to...), 0)
	}
	values := make([]int, len(keys))
	for i, from := range keys {
		if from == "" || strings.IndexByte(from, 0) >= 0 || !utf8.ValidString(from) {
			return nil, fmt.Errorf("normalisation rule from %q: must be UTF-8 without NUL, not empty", from)
		}
		values[i] = places[r[from]]
	}
	g := &graph{keys: keys, values: values, known: map[string]int{}}
	units, err := layOut(g.nodes, g.add(0, len(keys), 0, 0))
	if g.deepest >= maxRulePrefixes {
		return nil, fmt.Errorf("%d normalisation rules are prefixes of one another, more than %d", g.deepest, maxRulePrefixes-1)
	}
	if err != nil {
		return nil, err
	}
	data := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		data = binary.LittleEndian.AppendUint32(data, u)
	}
	return append(data, block...), nil
}

// graph is the smallest acyclic automaton of a sorted list of keys: nodes that look alike are one.
type graph struct {
	keys    []string
	values  []int
	nodes   []graphNode
	known   map[string]int // node by what it looks like
	deepest int            // most keys that are prefixes of one another
}

type graphNode struct {
	value  int // -1: no key ends here
	labels []byte
	next   []int
}

// add makes the node of the keys from..to, which share depth bytes, of which prefixes are keys themselves.
func (g *graph) add(from, to, depth, prefixes int) int {
	n := graphNode{value: -1}
	if len(g.keys[from]) == depth {
		n.value = g.values[from]
		from++
		prefixes++
		g.deepest = max(g.deepest, prefixes)
	}
	looks := binary.AppendVarint(nil, int64(n.value))
	for from < to {
		end, b := from+1, g.keys[from][depth]
		for end < to && g.keys[end][depth] == b {
			end++
		}
		next := g.add(from, end, depth+1, prefixes)
		n.labels, n.next = append(n.labels, b), append(n.next, next)
		looks = binary.AppendVarint(append(looks, b), int64(next))
		from = end
	}
	if i, ok := g.known[string(looks)]; ok {
		return i
	}
	g.known[string(looks)] = len(g.nodes)
	g.nodes = append(g.nodes, n)
	return len(g.nodes) - 1
}

// A unit of the array is a node, as it is seen from its parent: the label that leads to it (bits 0-7), whether a key
// ends there (8), and what its own place XOR the label of a child must be combined with to reach that child (10-30;
// in steps of 256 if bit 9 is set). The child with label 0 is the value, marked by bit 31.
const (
	unitHasValue  = 1 << 8
	unitIsValue   = 1 << 31
	unitMaxOffset = 1 << 21
)

// layOut places the children of all nodes; the root stands at 0.
func layOut(nodes []graphNode, root int) ([]uint32, error) {
	p := places{bases: make([]int, len(nodes))}
	for i := range p.bases {
		p.bases[i] = -1
	}
	p.grow(1)
	p.taken[0], p.isBase[0] = true, true // the original wants the root to point elsewhere
	var place func(node, at int) error
	place = func(node, at int) error {
		n := &nodes[node]
		base, old := p.bases[node], p.bases[node] >= 0
		if !old {
			base = p.find(n)
			p.bases[node] = base
		}
		if at^base >= unitMaxOffset {
			return errors.New("too many normalisation rules")
		}
		p.units[at] |= uint32(at^base) << 10
		if n.value >= 0 {
			p.units[at] |= unitHasValue
		}
		if old {
			return nil
		}
		if n.value >= 0 {
			if n.value > math.MaxInt32 {
				return errors.New("too many normalisation rules")
			}
			p.units[base] = unitIsValue | uint32(n.value)
		}
		for _, b := range n.labels {
			p.units[base^int(b)] = uint32(b)
		}
		for i, b := range n.labels {
			if err := place(n.next[i], base^int(b)); err != nil {
				return err
			}
		}
		return nil
	}
	if err := place(root, 0); err != nil {
		return nil, err
	}
	for i := range p.units {
		if !p.taken[i] {
			p.units[i] = unitIsValue // else its label 0 would be taken for a NUL of the text
		}
	}
	return p.units, nil
}

// places are the units and which of them are taken. Two nodes never have the same base: a label alone then tells whose
// child a unit is.
type places struct {
	units  []uint32
	taken  []bool
	isBase []bool
	bases  []int // of each node, -1: not placed yet
	first  int   // no unit before it is free
}

func (p *places) grow(n int) {
	n = (n + 255) &^ 255
	p.units = append(p.units, make([]uint32, n-len(p.units))...)
	p.taken = append(p.taken, make([]bool, n-len(p.taken))...)
	p.isBase = append(p.isBase, make([]bool, n-len(p.isBase))...)
}

// find takes the units of a node's children.
func (p *places) find(n *graphNode) (base int) {
	labels := n.labels
	if n.value >= 0 {
		labels = append([]byte{0}, labels...)
	}
	p.first = max(p.first, len(p.units)-1<<13) // further back few are free
	for p.first < len(p.taken) && p.taken[p.first] {
		p.first++
	}
	for at := p.first; ; at++ {
		if at >= len(p.units) {
			p.grow(len(p.units) + 256)
		}
		base = at ^ int(labels[0])
		if p.taken[at] || p.isBase[base] {
			continue
		}
		free := true
		for _, b := range labels[1:] {
			free = free && !p.taken[base^int(b)]
		}
		if free {
			break
		}
	}
	p.isBase[base] = true
	for _, b := range labels {
		p.taken[base^int(b)] = true
	}
	return base
}
