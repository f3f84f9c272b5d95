package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/imglish/imglish/sentencepiece"
)

// How many segmentations of each text are drawn on both sides.
const draws = 20_000

// compareSampling draws segmentations of short texts with both libraries, whose generators differ, and asks whether the
// two samples can be of one distribution: a chi-square test of each text, whose sum over the texts is judged. It
// returns how far that sum lies from what is expected, in standard deviations.
func compareSampling(program string, m model, texts []string, alpha float32, nbest int) (deviation float64, err error) {
	ours, err := sentencepiece.Load(m.path)
	if err != nil {
		return 0, err
	}
	o, err := startWith(program, m.path, "sample", strconv.Itoa(draws), fmt.Sprint(alpha), strconv.Itoa(nbest))
	if err != nil {
		return 0, err
	}
	go func() {
		for _, t := range texts {
			if o.send(t) != nil {
				return
			}
		}
		o.done()
	}()
	rng := rand.New(rand.NewPCG(3, 5))
	var sum, freedom float64
	for _, text := range texts {
		theirs, err := o.drawn()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", m.name, err)
		}
		mine := map[string]int{}
		for range draws {
			var e sentencepiece.Encoding
			if nbest > 1 {
				e, err = ours.SampleNBest(text, nbest, alpha, rng)
			} else {
				e, err = ours.Sample(text, alpha, rng)
			}
			if err != nil {
				return 0, err
			}
			mine[fmt.Sprint(e.IDs)]++
		}
		s, f := chiSquare(mine, theirs)
		sum, freedom = sum+s, freedom+f
	}
	if err := o.cmd.Wait(); err != nil {
		return 0, err
	}
	return (sum - freedom) / math.Sqrt(2*max(freedom, 1)), nil
}

// drawn reads the answer of one text in sampling.
func (o *original) drawn() (counts map[string]int, err error) {
	defer func() {
		if r, ok := recover().(readError); ok {
			err = fmt.Errorf("the original's answer: %w", r.error)
		}
	}()
	counts = map[string]int{}
	for range draws {
		ids := make([]int32, o.number())
		for i := range ids {
			ids[i] = int32(o.number())
		}
		counts[fmt.Sprint(ids)]++
	}
	return counts, nil
}

// chiSquare compares two samples of the same size. What both have seldom is one class.
func chiSquare(a, b map[string]int) (sum, freedom float64) {
	classes := 0
	var rareA, rareB int
	term := func(x, y int) {
		if x+y > 0 {
			d := float64(x - y)
			sum += d * d / float64(x+y)
			classes++
		}
	}
	seen := map[string]bool{}
	for _, m := range []map[string]int{a, b} {
		for k := range m {
			if seen[k] {
				continue
			}
			seen[k] = true
			if a[k]+b[k] < 20 {
				rareA, rareB = rareA+a[k], rareB+b[k]
			} else {
				term(a[k], b[k])
			}
		}
	}
	term(rareA, rareB)
	return sum, float64(classes - 1)
}
