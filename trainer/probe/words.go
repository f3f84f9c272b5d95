package probe

import (
	"cmp"
	"context"
	"slices"

	"github.com/imglish/imglish/mixer"
	"github.com/imglish/imglish/pipeline"
)

// Word is a word of captions, as the text tokenizer cuts it behind a space.
type Word struct {
	Text   string
	Pieces []int32
}

// Words is how often masked words of captions are right: all of a word's pieces, masked alone in its caption.
type Words struct {
	Words  int       `json:"words"` // masked, one at a time
	Right  float64   `json:"right"` // with the caption's own image
	Wrong  float64   `json:"wrong"` // with another sample's image
	None   float64   `json:"none"`  // with the text alone
	ByWord []WordRow `json:"by_word"`
}

// WordRow is one word's share of Words.
type WordRow struct {
	Word  string  `json:"word"`
	Words int     `json:"words"`
	Right float64 `json:"right"`
	Wrong float64 `json:"wrong"`
	None  float64 `json:"none"`
}

// asked is one word in one caption.
type asked struct {
	word int // index in the list of words
	pair pairRow
	from int // first masked piece, within the caption
}

// pairRow is row i of a micro-batch of pairs.
type pairRow struct {
	mi *mixer.Micro
	i  int
}

// findWords lists every word of the captions, in order, the longest match at each place.
func findWords(pairs []pairRow, words []Word, most int) (found []asked) {
	order := make([]int, len(words))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(words[b].Pieces), len(words[a].Pieces)) })
	for _, p := range pairs {
		ids := original(p.mi, p.i)
		for from := 0; from < len(ids); from++ {
			for _, w := range order {
				n := len(words[w].Pieces)
				if n > 0 && from+n <= len(ids) && slices.Equal(ids[from:from+n], words[w].Pieces) {
					if found = append(found, asked{w, p, from}); len(found) == most {
						return found
					}
					from += n - 1
					break
				}
			}
		}
	}
	return found
}

// wordChunk is how many captions go to the model in one call.
const wordChunk = 16

// measureWords asks the model for every word found, three times. The wrong image is that of the pair half the list away.
func measureWords(ctx context.Context, m Model, micros []*mixer.Micro, o Options) (Words, error) {
	var pairs []pairRow
	other := map[pairRow]pairRow{}
	for _, mi := range micros {
		for i := range mi.N {
			pairs = append(pairs, pairRow{mi, i})
		}
	}
	for k, p := range pairs {
		other[p] = pairs[(k+(len(pairs)+1)/2)%len(pairs)]
	}
	found := findWords(pairs, o.Words, o.MaxWords)
	if len(pairs) < 2 {
		found = nil // there is no wrong image
	}
	counts, hits := make([]int, len(o.Words)), make([][3]int, len(o.Words))
	for from := 0; from < len(found); from += wordChunk {
		if err := ctx.Err(); err != nil {
			return Words{}, context.Cause(ctx)
		}
		part := found[from:min(from+wordChunk, len(found))]
		for way := range 3 {
			var images []pairRow // none for the text alone
			for _, a := range part {
				switch way {
				case 0:
					images = append(images, a.pair)
				case 1:
					images = append(images, other[a.pair])
				}
			}
			right, err := ask(m, part, images, o)
			if err != nil {
				return Words{}, err
			}
			for k, a := range part {
				hits[a.word][way] += one(right[k])
			}
		}
		for _, a := range part {
			counts[a.word]++
		}
		o.progress(int64(from+len(part)), int64(len(found)), "words of captions")
	}
	var r Words
	var sum [3]int
	for w, n := range counts {
		if n == 0 {
			continue
		}
		h := hits[w]
		r.ByWord = append(r.ByWord, WordRow{o.Words[w].Text, n, share(h[0], n), share(h[1], n), share(h[2], n)})
		r.Words += n
		for way := range sum {
			sum[way] += h[way]
		}
	}
	r.Right, r.Wrong, r.None = share(sum[0], r.Words), share(sum[1], r.Words), share(sum[2], r.Words)
	return r, nil
}

// ask masks each word alone in its caption and says which the model gets right. images is empty or one for each.
func ask(m Model, words []asked, images []pairRow, o Options) ([]bool, error) {
	q := &mixer.Micro{Kind: pipeline.Kind_TEXT, N: len(words), CuSeqlens: []int32{0}}
	for k, a := range words {
		ids := original(a.pair.mi, a.pair.i)
		n := len(o.Words[a.word].Pieces)
		for j, id := range ids {
			target := int32(mixer.Ignore)
			if j >= a.from && j < a.from+n {
				target, id = id, o.Mask
			}
			q.InputIDs, q.Targets = append(q.InputIDs, id), append(q.Targets, target)
		}
		q.CuSeqlens = append(q.CuSeqlens, int32(len(q.InputIDs)))
		if len(images) == 0 {
			continue
		}
		im := images[k]
		q.Kind, q.S, q.G = pipeline.Kind_PAIR, im.mi.S, im.mi.G
		size, cells := im.mi.S*im.mi.S*3, im.mi.G*im.mi.G
		q.Pixels = append(q.Pixels, im.mi.Pixels[im.i*size:(im.i+1)*size]...)
		q.Codes = append(q.Codes, im.mi.Codes[im.i*cells:(im.i+1)*cells]...)
		q.VMask = append(q.VMask, make([]uint8, cells)...) // the whole image is seen
	}
	p, err := m.Predict(q)
	if err != nil {
		return nil, err
	}
	right := make([]bool, len(words))
	for k := range words {
		right[k] = true
		for j := q.CuSeqlens[k]; j < q.CuSeqlens[k+1]; j++ {
			if q.Targets[j] != mixer.Ignore && p.IDs[j] != q.Targets[j] {
				right[k] = false
			}
		}
	}
	return right, nil
}
