package sentencepiece

// lattice holds all pieces that a text can be cut into, for what asks for more than the best path. Places are counted
// in characters. Nodes are in the order of their starts, then of their lengths, as the original inserts them: sums and
// ties depend on it.
type lattice struct {
	starts []int // byte where each character starts, and the end of the text
	nodes  []latticeNode
	begin  []int32 // begin[i]: the first node that starts at character i; the next starts at begin[i+1]
	ends   []int32 // nodes by the character that they end at
	end    []int32 // end[i]: where in ends the nodes that end at character i start
}

type latticeNode struct {
	id       int32
	from, to int32 // characters
	score    float32
	best     float32 // sum of the best path that ends with this node
	prev     int32   // the node before on that path
}

// Nodes that stand for the two ends of the text.
const (
	latticeStart int32 = iota
	latticeEnd
	latticePieces // the first that is a piece
)

// newLattice makes the lattice of a text that is not empty.
func (u *unigram) newLattice(text []byte) *lattice {
	l := &lattice{}
	for at := 0; at < len(text); at += charLength(text[at]) {
		l.starts = append(l.starts, at)
	}
	n := int32(len(l.starts))
	l.starts = append(l.starts, len(text))
	l.nodes = []latticeNode{latticeStart: {id: -1}, latticeEnd: {id: -1, from: n, to: n}}
	l.begin = make([]int32, n+1)
	for i := range n {
		l.begin[i] = int32(len(l.nodes))
		from, hasChar, last := l.starts[i], false, i
		node, ok := u.pieces.root, true
		for to := from; to < len(text); {
			if node, ok = u.pieces.step(node, text[to]); !ok {
				break
			}
			to++
			for l.starts[last] < to {
				last++
			}
			id := cellValue(node)
			if id < 0 || u.kinds[id] == kindUnused {
				continue
			}
			score := u.scores[id]
			if u.kinds[id] == kindUserDefined {
				score = userBonus(int(last - i)) // of characters here, of bytes in segment: so does the original
			}
			l.nodes = append(l.nodes, latticeNode{id: id, from: i, to: last, score: score})
			hasChar = hasChar || last == i+1
		}
		if !hasChar {
			l.nodes = append(l.nodes, latticeNode{id: u.unknown, from: i, to: i + 1, score: u.unknownScore})
		}
	}
	l.begin[n] = int32(len(l.nodes))
	l.sortEnds(n)
	return l
}

func (l *lattice) sortEnds(n int32) {
	l.end = make([]int32, n+2)
	for i, node := range l.nodes {
		if int32(i) != latticeEnd {
			l.end[node.to+1]++
		}
	}
	for i := range n + 1 {
		l.end[i+1] += l.end[i]
	}
	next := append([]int32(nil), l.end...)
	l.ends = make([]int32, len(l.nodes)-1)
	for i, node := range l.nodes {
		if int32(i) != latticeEnd {
			l.ends[next[node.to]] = int32(i)
			next[node.to]++
		}
	}
}

// endingAt are the nodes that end where a node starts.
func (l *lattice) before(node int32) []int32 {
	at := l.nodes[node].from
	return l.ends[l.end[at]:l.end[at+1]]
}

// inOrder calls f for each node but the start, none before one that ends where it starts.
func (l *lattice) inOrder(f func(node int32)) {
	for i := latticePieces; int(i) < len(l.nodes); i++ {
		f(i)
	}
	f(latticeEnd)
}

// viterbi finds the best path to each node.
func (l *lattice) viterbi() {
	l.inOrder(func(i int32) {
		right := &l.nodes[i]
		right.prev = -1
		for _, j := range l.before(i) {
			if sum := l.nodes[j].best + right.score; right.prev < 0 || sum > right.best {
				right.best, right.prev = sum, j
			}
		}
	})
}

// bestPath is what viterbi found, with its score.
func (l *lattice) bestPath() path {
	p := path{score: l.nodes[latticeEnd].best}
	for i := l.nodes[latticeEnd].prev; i != latticeStart; i = l.nodes[i].prev {
		p.nodes = append(p.nodes, i)
	}
	for i, j := 0, len(p.nodes)-1; i < j; i, j = i+1, j-1 {
		p.nodes[i], p.nodes[j] = p.nodes[j], p.nodes[i]
	}
	return p
}

// path is a segmentation: nodes from the start to the end, without these two.
type path struct {
	nodes []int32
	score float32
}

// spans turns a path into what an Encoding is made of.
func (l *lattice) spans(p path) []span {
	out := make([]span, len(p.nodes))
	for i, j := range p.nodes {
		n := &l.nodes[j]
		out[i] = span{n.id, l.starts[n.to] - l.starts[n.from]}
	}
	return out
}
