package metrics

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/vqkd/train"
)

// What the training of a visual tokenizer does, in this process. Measures are taken on held-out views, every so many steps.
var (
	tokenizerStep       = &metric{"imglish_tokenizer_step", gauge, "Steps of a tokenizer's training done in all, earlier runs' included.", nil}
	tokenizerTotal      = &metric{"imglish_tokenizer_target_steps", gauge, "Steps that the training is to make in all.", nil}
	tokenizerLoss       = &metric{"imglish_tokenizer_loss", gauge, "Losses, means of the last steps: teacher (1 − cosine) and commitment.", []string{"term"}}
	tokenizerRate       = &metric{"imglish_tokenizer_learning_rate", gauge, "Learning rate of the last step.", nil}
	tokenizerRestarted  = &metric{"imglish_tokenizer_restarted_codes_total", counter, "Dead codes that this process has placed anew.", nil}
	tokenizerCodes      = &metric{"imglish_tokenizer_codes", gauge, "Codes in the codebook.", nil}
	tokenizerDead       = &metric{"imglish_tokenizer_dead_codes", gauge, "Codes that no held-out patch takes.", nil}
	tokenizerPerplexity = &metric{"imglish_tokenizer_perplexity", gauge, "2 to the entropy of the held-out codes, at most the codes.", nil}
	tokenizerLargest    = &metric{"imglish_tokenizer_largest_code_ratio", gauge, "Share of the held-out patches that the commonest code takes.", nil}
	tokenizerStable     = &metric{"imglish_tokenizer_stable_ratio", gauge, "Share of the held-out patches whose code stays under a change: jpeg (quality 95), noise (±2).", []string{"change"}}
	tokenizerExplained  = &metric{"imglish_tokenizer_explained_ratio", gauge, "Share of the variance of the teacher's vectors that the codes tell.", nil}
)

var tokenizerMetrics = []*metric{
	tokenizerStep, tokenizerTotal, tokenizerLoss, tokenizerRate, tokenizerRestarted, tokenizerCodes, tokenizerDead,
	tokenizerPerplexity, tokenizerLargest, tokenizerStable, tokenizerExplained,
}

// Tokenizer shows the training of a visual tokenizer. Its methods may be called from any goroutine.
type Tokenizer struct {
	steps, codes int

	mu        sync.Mutex
	last      *train.Report
	restarted int
}

// NewTokenizer shows a training of so many steps in all and so many codes.
func NewTokenizer(steps, codes int) *Tokenizer { return &Tokenizer{steps: steps, codes: codes} }

// Step notes that a step is made.
func (t *Tokenizer) Step(r train.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = &r
	t.restarted += r.Restarted
}

var errNoStep = errors.New("the first step is not made yet")

// Ready says whether the first step is made.
func (t *Tokenizer) Ready() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		return errNoStep
	}
	return nil
}

// Describe implements prometheus.Collector.
func (t *Tokenizer) Describe(ch chan<- *prometheus.Desc) { describe(ch, tokenizerMetrics) }

// Collect implements prometheus.Collector.
func (t *Tokenizer) Collect(ch chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ch <- tokenizerTotal.value(float64(t.steps))
	ch <- tokenizerCodes.value(float64(t.codes))
	ch <- tokenizerRestarted.value(float64(t.restarted))
	if t.last == nil {
		return
	}
	ch <- tokenizerStep.value(float64(t.last.Step))
	ch <- tokenizerLoss.value(t.last.Loss, "teacher")
	ch <- tokenizerLoss.value(t.last.Commitment, "commitment")
	ch <- tokenizerRate.value(t.last.Rate)
	if m := t.last.Measures; m != nil {
		ch <- tokenizerDead.value(float64(m.Dead))
		ch <- tokenizerPerplexity.value(m.Perplexity)
		ch <- tokenizerLargest.value(m.Largest)
		ch <- tokenizerStable.value(m.JPEG, "jpeg")
		ch <- tokenizerStable.value(m.Noise, "noise")
		ch <- tokenizerExplained.value(m.Explained)
	}
}
