package train

import (
	"errors"
	"fmt"
)

// ErrRejected marks a tokenizer that fell below a floor, at the end or at several measures in a row before it.
var ErrRejected = errors.New("the tokenizer is not good enough")

// shortfall is a measure below its floor.
type shortfall struct {
	what       string
	got, floor float64
	advice     string
}

func (s shortfall) String() string {
	return fmt.Sprintf("%s is %.1f %%, its floor %.1f %%", s.what, 100*s.got, 100*s.floor)
}

// below says which floors the measures are under.
func (c Config) below(m Measures) []shortfall {
	var out []shortfall
	for _, s := range []shortfall{
		{"usage", m.Usage, c.MinUsage,
			"the codebook collapses: fewer codes, more views a step, a lower rate, a longer start without the quantiser (free), or restarts (restart_every) help; too few held-out views (views) make usage look low"},
		{"perplexity as a share of the codes", m.Perplexity / float64(c.Codes), c.MinPerplexity,
			"a few codes take nearly all patches: fewer codes, a lower rate or pictures that differ more help"},
		{"stability", m.Stability(), c.MinStability,
			"codes change with noise that nobody sees: fewer codes, more steps or a larger share of roughened inputs (roughen) help"},
	} {
		if s.got < s.floor {
			out = append(out, s)
		}
	}
	return out
}

// rejection is the error of a tokenizer below a floor.
type rejection struct {
	text string
	low  shortfall
}

func (r *rejection) Error() string { return fmt.Sprintf("%v: %s", ErrRejected, r.text) }
func (r *rejection) Unwrap() error { return ErrRejected }

// Hint says what to try.
func (r *rejection) Hint() string { return r.low.advice }

// watch counts the measures in a row below a floor, within one process: a run that goes on counts anew.
type watch struct {
	low   int // measures in a row
	since int // step of the first of them
}

// see takes the measures of a step. note is for the line that tells of them; err ends the run.
func (w *watch) see(c Config, step int, m Measures) (note string, err error) {
	low := c.below(m)
	if len(low) == 0 || float64(step) < c.FloorsFrom*float64(c.Steps) {
		w.low = 0
		return "", nil
	}
	if w.low++; w.low == 1 {
		w.since = step
	}
	if c.Patience == 0 {
		return fmt.Sprintf("; BELOW A FLOOR: %s", low[0]), nil
	}
	note = fmt.Sprintf("; BELOW A FLOOR (%d of %d): %s", w.low, c.Patience, low[0])
	if w.low < c.Patience {
		return note, nil
	}
	low[0].advice += ". With lower floors the same command goes on from there"
	return note, &rejection{low: low[0], text: fmt.Sprintf("below a floor for %d measures in a row since step %d: %s; stopped behind step %d of %d",
		w.low, w.since, low[0], step, c.Steps)}
}
