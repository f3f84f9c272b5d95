package metrics_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/trainer"
)

func TestTraining(t *testing.T) {
	tr := metrics.NewTraining(100)
	base := serve(t, metrics.Config{Collectors: []prometheus.Collector{tr}, Live: fine, Ready: tr.Ready})
	if code, body := get(t, base+"/readyz"); code != http.StatusServiceUnavailable || body != "the first batch is not there yet\n" {
		t.Errorf("/readyz before the first batch: %d %q", code, body)
	}
	scrape(t, base) // nothing there yet is no error
	loss, norm := 2.5, 0.25
	tr.Batch(2 * time.Second)
	if code, body := get(t, base+"/readyz"); code != http.StatusOK {
		t.Errorf("/readyz behind the first batch: %d %q", code, body)
	}
	tr.Step(trainer.Report{Step: 40, Total: &loss, Image: &loss, LR: 1e-3, GradNorm: &norm, Tokens: 1000, Masked: 400, Seconds: 3, Wait: 2})
	tr.Batch(0)
	tr.Step(trainer.Report{Step: 41, Text: &loss, LR: 2e-3, Skipped: true, Tokens: 10, Masked: 4, Seconds: 1})
	f := scrape(t, base)
	for name, want := range map[string]float64{
		"imglish_train_step": 42, "imglish_train_target_steps": 100, "imglish_train_steps_total": 2, "imglish_train_bad_steps_total": 1,
		"imglish_train_tokens_total": 1010, "imglish_train_masked_total": 404, "imglish_train_seconds_total": 4,
		"imglish_train_wait_seconds_total": 2, "imglish_train_batch_wait_seconds": 2, "imglish_train_learning_rate": 2e-3,
	} {
		if got := sample(t, f, name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if got := sample(t, f, "imglish_train_loss", "term=text"); got != loss {
		t.Errorf("loss of texts: %v", got)
	}
	// What the last step does not have is not shown as what an earlier one had.
	if n := len(f["imglish_train_loss"].GetMetric()); n != 1 || f["imglish_train_gradient_norm"] != nil {
		t.Errorf("%d losses, gradient norm %v, want 1 and none", n, f["imglish_train_gradient_norm"])
	}
}
