package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// scored is a trained piece.
type scored struct {
	text  string
	score float64
}

// overshoot is how many times the vocabulary EM ends with; the rest goes by score.
const overshoot = 1.1

// seedBytes is the memory that one candidate takes at most: among the best, as a piece with its score and probability,
// its place in the trie, and with its sums and loss.
const seedBytes = 160

// unigram trains pieces beside the symbols: want of them, or as many as there are.
func unigram(ctx context.Context, cfg *Config, w *words, chars []charCount, want, seeds int, progress Progress) ([]scored, error) {
	z := newShaper(cfg)
	progress("words", 0, int64(w.len()), "looking for frequent texts")
	found, err := mine(ctx, w, z, seeds, cfg.Threads)
	if err != nil {
		return nil, err
	}
	e := newEM(w, seedVocab(w, chars, found), min(cfg.Threads, 16))
	found = nil
	target := int(overshoot * float64(want))
	done := int64(0)
	for round := 1; ; round++ {
		left := e.model.vocab.len()
		for sub := range cfg.SubIterations {
			counts, likelihood, err := e.expected(ctx)
			if err != nil {
				return nil, err
			}
			left = e.maximize(counts)
			done += int64(w.len())
			progress("words through EM", done, 0, fmt.Sprintf("round %d.%d, %d pieces of %d, log likelihood %.6g", round, sub+1, left, target, likelihood))
		}
		if left <= target {
			break
		}
		v, err := e.prune(ctx, max(target, int(cfg.Shrink*float64(left))))
		if err != nil {
			return nil, err
		}
		e.model = newModel(v)
	}
	return finish(e.model.vocab, chars, want), nil
}

// seedVocab are the candidates and all characters, with probabilities in proportion to what they cover of the text.
func seedVocab(w *words, chars []charCount, found []candidate) *vocab {
	var pieces [][]byte
	var scores []float64
	sum := 0.0
	add := func(piece []byte, score float64) {
		pieces, scores = append(pieces, piece), append(scores, score)
		sum += score
	}
	for _, c := range chars {
		if c.count > 0 {
			add([]byte(string(c.char)), float64(c.count))
		}
	}
	for _, c := range found {
		add(w.text[c.at:int(c.at)+int(c.bytes)], float64(c.score))
	}
	for i, s := range scores {
		scores[i] = math.Log(s) - math.Log(sum)
	}
	return newVocab(pieces, scores)
}

// mostLoss says of each piece whether it is among those that stay.
func mostLoss(loss []float64, limit int) (keep func(i int) bool) {
	var order []uint32
	stay := make([]bool, len(loss))
	n := 0
	for i, l := range loss {
		switch {
		case math.IsNaN(l):
		case math.IsInf(l, 1):
			stay[i] = true
			n++
		default:
			order = append(order, uint32(i))
		}
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Or(cmp.Compare(loss[b], loss[a]), cmp.Compare(a, b)) })
	for _, i := range order[:max(0, min(len(order), limit-n))] {
		stay[i] = true
	}
	return func(i int) bool { return stay[i] }
}

// belowLowest is by how much the scores of characters that EM has dropped differ, so that frequent ones are better.
const belowLowest = 0.0001

// finish takes all characters and then the most probable pieces.
func finish(v *vocab, chars []charCount, want int) []scored {
	lowest := 0.0
	for _, s := range v.scores {
		if !math.IsInf(s, -1) {
			lowest = min(lowest, s)
		}
	}
	var pieces []scored
	taken := map[string]bool{}
	for _, c := range chars {
		text := string(c.char)
		taken[text] = true
		if i, ok := v.find([]byte(text)); ok && !math.IsInf(v.scores[i], -1) {
			pieces = append(pieces, scored{text, v.scores[i]})
			continue
		}
		lowest -= belowLowest
		pieces = append(pieces, scored{text, lowest})
	}
	var others []scored
	for i, s := range v.scores {
		if text := string(v.piece(i)); !taken[text] && !math.IsInf(s, -1) {
			others = append(others, scored{text, s})
		}
	}
	byScore := func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.text, b.text)) }
	slices.SortFunc(others, byScore)
	pieces = append(pieces, others[:min(len(others), max(0, want-len(pieces)))]...)
	slices.SortFunc(pieces, byScore)
	return pieces
}
