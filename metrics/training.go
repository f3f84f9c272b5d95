package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/trainer"
)

// What a training run does, in this process.
var (
	trainStep     = &metric{"imglish_train_step", gauge, "Steps done in all, earlier runs' included.", nil}
	trainTotal    = &metric{"imglish_train_target_steps", gauge, "Steps that the run is to make in all.", nil}
	trainSteps    = &metric{"imglish_train_steps_total", counter, "Steps made by this process.", nil}
	trainBad      = &metric{"imglish_train_bad_steps_total", counter, "Steps whose gradients were not finite and that changed nothing.", nil}
	trainTokens   = &metric{"imglish_train_tokens_total", counter, "Rows that went through the model: class tokens, patches and pieces.", nil}
	trainMasked   = &metric{"imglish_train_masked_total", counter, "Positions that were predicted.", nil}
	trainSeconds  = &metric{"imglish_train_seconds_total", counter, "Time of all steps, waiting for batches included.", nil}
	trainWaitSum  = &metric{"imglish_train_wait_seconds_total", counter, "Of that, time spent waiting for batches.", nil}
	trainWait     = &metric{"imglish_train_batch_wait_seconds", histogram, "Time that a step waited for its batch.", nil}
	trainLoss     = &metric{"imglish_train_loss", gauge, "Losses of the last step, means over masked positions: total, image, text, pair_image, pair_text.", []string{"term"}}
	trainRate     = &metric{"imglish_train_learning_rate", gauge, "Learning rate of the last step.", nil}
	trainGradient = &metric{"imglish_train_gradient_norm", gauge, "Norm of all gradients of the last step, before clipping.", nil}
)

var trainMetrics = []*metric{
	trainStep, trainTotal, trainSteps, trainBad, trainTokens, trainMasked, trainSeconds, trainWaitSum, trainWait,
	trainLoss, trainRate, trainGradient,
}

// Training shows a training run. Its methods may be called from any goroutine.
type Training struct {
	steps int64 // to be made in all
	wait  prometheus.Histogram

	mu      sync.Mutex
	last    *trainer.Report
	batches int64
	done    int64
	bad     int64
	tokens  int64
	masked  int64
	seconds float64
	waited  float64
}

// NewTraining shows a run of so many steps in all.
func NewTraining(steps int64) *Training {
	return &Training{steps: steps, wait: prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: trainWait.name, Help: trainWait.help,
		Buckets: []float64{0.0001, 0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60}, // a batch that is there; one that is read from afar
	})}
}

// Batch notes that a batch is there.
func (t *Training) Batch(waited time.Duration) {
	t.wait.Observe(waited.Seconds())
	t.mu.Lock()
	defer t.mu.Unlock()
	t.batches++
}

// Step notes that a step is made.
func (t *Training) Step(r trainer.Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = &r
	t.done++
	if r.Skipped {
		t.bad++
	}
	t.tokens += int64(r.Tokens)
	t.masked += int64(r.Masked)
	t.seconds += r.Seconds
	t.waited += r.Wait
}

// Ready says whether the first batch is there.
func (t *Training) Ready() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.batches == 0 {
		return errNoBatch
	}
	return nil
}

// Describe implements prometheus.Collector.
func (t *Training) Describe(ch chan<- *prometheus.Desc) { describe(ch, trainMetrics) }

// Collect implements prometheus.Collector.
func (t *Training) Collect(ch chan<- prometheus.Metric) {
	t.wait.Collect(ch)
	t.mu.Lock()
	defer t.mu.Unlock()
	ch <- trainTotal.value(float64(t.steps))
	ch <- trainSteps.value(float64(t.done))
	ch <- trainBad.value(float64(t.bad))
	ch <- trainTokens.value(float64(t.tokens))
	ch <- trainMasked.value(float64(t.masked))
	ch <- trainSeconds.value(t.seconds)
	ch <- trainWaitSum.value(t.waited)
	if t.last == nil {
		return
	}
	ch <- trainStep.value(float64(t.last.Step + 1))
	ch <- trainRate.value(t.last.LR)
	if g := t.last.GradNorm; g != nil {
		ch <- trainGradient.value(*g)
	}
	for _, l := range []struct {
		term string
		v    *float64
	}{{"total", t.last.Total}, {"image", t.last.Image}, {"text", t.last.Text}, {"pair_image", t.last.PairImage}, {"pair_text", t.last.PairText}} {
		if l.v != nil {
			ch <- trainLoss.value(*l.v, l.term)
		}
	}
}
