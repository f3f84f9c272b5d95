package audit

import (
	"cmp"
	"math"
	"slices"
)

// Usage says how much of a vocabulary is used.
type Usage struct {
	Tokens   int64 `json:"tokens"`   // counted, over all rows
	Vocab    int   `json:"vocab"`    // tokens that there are
	Distinct int   `json:"distinct"` // tokens that occur
	// Perplexity is e to the entropy of the shares: as many tokens, used equally, would have the same entropy.
	Perplexity float64 `json:"perplexity"`
	Top        []Token `json:"top"` // the commonest, at most 10
}

// Token is one code or piece and how often it occurs.
type Token struct {
	ID    int     `json:"id"`
	Count int64   `json:"count"`
	Share float64 `json:"share"`
}

// topTokens is how many of the commonest are shown: one that fills a tenth of all is a sign of collapse.
const topTokens = 10

// usage sums up the counts of a vocabulary: counts[i] is how often token i occurs.
func usage(counts []int64) Usage {
	u := Usage{Vocab: len(counts), Top: []Token{}}
	var used []Token
	for id, n := range counts {
		if n > 0 {
			u.Tokens += n
			used = append(used, Token{ID: id, Count: n})
		}
	}
	u.Distinct = len(used)
	entropy := 0.0
	for i := range used {
		used[i].Share = float64(used[i].Count) / float64(u.Tokens)
		entropy -= used[i].Share * math.Log(used[i].Share)
	}
	if u.Tokens > 0 {
		u.Perplexity = math.Exp(entropy)
	}
	slices.SortFunc(used, func(a, b Token) int { return cmp.Or(-cmp.Compare(a.Count, b.Count), cmp.Compare(a.ID, b.ID)) })
	u.Top = append(u.Top, used[:min(len(used), topTokens)]...)
	return u
}
