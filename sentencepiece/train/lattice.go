package train

import (
	"math"
	"unicode/utf8"
)

// unknownPenalty is how much worse than the worst piece a character is that is no piece, as in the original.
const unknownPenalty = 10

// model is a vocabulary ready to segment words.
type model struct {
	vocab *vocab
	trie  *trie
	// prob are exp(vocab.scores), 0 for pieces that are no longer there, whose scores are -Inf.
	prob         []float64
	unknownScore float64
	unknownProb  float64
}

func newModel(v *vocab) *model {
	m := &model{vocab: v, trie: newTrie(v), prob: make([]float64, v.len())}
	m.rescore()
	return m
}

// rescore takes over changed scores.
func (m *model) rescore() {
	lowest := 0.0
	for i, s := range m.vocab.scores {
		m.prob[i] = math.Exp(s)
		if !math.IsInf(s, -1) {
			lowest = min(lowest, s)
		}
	}
	m.unknownScore = lowest - unknownPenalty
	m.unknownProb = math.Exp(m.unknownScore)
}

// arc is a piece at a place of a word. piece -1: an unknown character.
type arc struct {
	from, to int32
	piece    int32
}

// lattice is memory for one word at a time.
type lattice struct {
	arcs        []arc
	alpha, beta []float64
	best        []float64
	last        []arc
	path        []int32
}

// arcsOf lists all pieces at all places of a word, by where they start. With whole false, not the piece that is the word.
func (l *lattice) arcsOf(m *model, word []byte, whole bool) {
	l.arcs = l.arcs[:0]
	units := m.trie.units
	for from := 0; from < len(word); {
		char := min(charBytes(word[from]), len(word)-from)
		single := false
		unit := units[0]
		for to := from; to < len(word); {
			b := word[to]
			unit = units[uint32(unit>>32)^uint32(b)]
			if byte(unit) != b {
				break
			}
			to++
			piece := pieceOf(unit)
			if piece == noPiece || m.prob[piece] == 0 || !whole && to-from == len(word) {
				continue
			}
			l.arcs = append(l.arcs, arc{int32(from), int32(to), int32(piece)})
			single = single || to-from == char
		}
		if !single && (whole || char < len(word)) {
			l.arcs = append(l.arcs, arc{int32(from), int32(from + char), -1})
		}
		from += char
	}
}

// grown is memory for n numbers.
func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, 2*n)
	}
	return s[:n]
}

// tooSmall is a probability of a word from which on rounding matters.
const tooSmall = 1e-270

// expect calls f with each piece at each place of a word and the probability that the word's segmentation has it there.
// It returns the logarithm of the word's probability, all segmentations summed up (forward-backward algorithm).
func (l *lattice) expect(m *model, word []byte, f func(piece int32, p float64)) float64 {
	l.arcsOf(m, word, true)
	n := len(word)
	l.alpha, l.beta = grown(l.alpha, n+1), grown(l.beta, n+1)
	alpha, beta := l.alpha, l.beta
	clear(alpha)
	clear(beta)
	alpha[0], beta[n] = 1, 1
	for _, a := range l.arcs {
		p := m.unknownProb
		if a.piece >= 0 {
			p = m.prob[a.piece]
		}
		alpha[a.to] += alpha[a.from] * p
	}
	sum := alpha[n]
	if sum < tooSmall {
		return l.expectByLogarithms(m, n, f)
	}
	scale := 1 / sum
	for i := len(l.arcs) - 1; i >= 0; i-- {
		a := l.arcs[i]
		if a.piece < 0 {
			beta[a.from] += beta[a.to] * m.unknownProb
			continue
		}
		behind := beta[a.to] * m.prob[a.piece]
		beta[a.from] += behind
		f(a.piece, alpha[a.from]*behind*scale)
	}
	return math.Log(sum)
}

// expectByLogarithms is expect for words of any length, and its definition.
func (l *lattice) expectByLogarithms(m *model, n int, f func(piece int32, p float64)) float64 {
	alpha, beta := l.alpha, l.beta
	for i := range alpha {
		alpha[i], beta[i] = math.Inf(-1), math.Inf(-1)
	}
	alpha[0], beta[n] = 0, 0
	score := func(a arc) float64 {
		if a.piece < 0 {
			return m.unknownScore
		}
		return m.vocab.scores[a.piece]
	}
	for _, a := range l.arcs {
		alpha[a.to] = logAdd(alpha[a.to], alpha[a.from]+score(a))
	}
	for i := len(l.arcs) - 1; i >= 0; i-- {
		a := l.arcs[i]
		beta[a.from] = logAdd(beta[a.from], beta[a.to]+score(a))
		if a.piece >= 0 {
			f(a.piece, math.Exp(alpha[a.from]+score(a)+beta[a.to]-alpha[n]))
		}
	}
	return alpha[n]
}

// logAdd is log(exp(a)+exp(b)).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// viterbi is the best segmentation of a word and its score; -1 stands for unknown characters. With whole false, the best
// one of several pieces; ok is false if there is none.
func (l *lattice) viterbi(m *model, word []byte, whole bool) (path []int32, score float64, ok bool) {
	if !whole && utf8.RuneCount(word) < 2 {
		return nil, 0, false
	}
	l.arcsOf(m, word, whole)
	n := len(word)
	l.best, l.last = grown(l.best, n+1), grown(l.last, n+1)
	for i := range l.best {
		l.best[i] = math.Inf(-1)
	}
	l.best[0] = 0
	for _, a := range l.arcs {
		s := l.best[a.from]
		if a.piece >= 0 {
			s += m.vocab.scores[a.piece]
		} else {
			s += m.unknownScore
		}
		if s > l.best[a.to] {
			l.best[a.to], l.last[a.to] = s, a
		}
	}
	l.path = l.path[:0]
	for at := int32(n); at > 0; at = l.last[at].from {
		l.path = append(l.path, l.last[at].piece)
	}
	return l.path, l.best[n], true
}
