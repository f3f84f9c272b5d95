package metrics_test

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/vqkd/train"
)

func TestTokenizer(t *testing.T) {
	tok := metrics.NewTokenizer(600, 256)
	base := serve(t, metrics.Config{Collectors: []prometheus.Collector{tok}, Live: fine, Ready: tok.Ready})
	if code, body := get(t, base+"/readyz"); code != http.StatusServiceUnavailable || body != "the first step is not made yet\n" {
		t.Errorf("/readyz before the first step: %d %q", code, body)
	}
	scrape(t, base) // nothing there yet is no error
	tok.Step(train.Report{Step: 7, Loss: 0.5, Commitment: 0.25, Rate: 1e-3, Restarted: 3})
	f := scrape(t, base)
	if code, _ := get(t, base+"/readyz"); code != http.StatusOK || f["imglish_tokenizer_dead_codes"] != nil {
		t.Errorf("behind the first step: /readyz %d, dead codes %v before they were counted", code, f["imglish_tokenizer_dead_codes"])
	}
	tok.Step(train.Report{Step: 8, Loss: 0.4, Restarted: 2, Measures: &train.Measures{Dead: 5, Perplexity: 80, Largest: 0.1, JPEG: 0.99, Noise: 0.98, Explained: 0.7}})
	f = scrape(t, base)
	for _, want := range []struct {
		name  string
		label []string
		value float64
	}{
		{"imglish_tokenizer_step", nil, 8}, {"imglish_tokenizer_target_steps", nil, 600}, {"imglish_tokenizer_codes", nil, 256},
		{"imglish_tokenizer_restarted_codes_total", nil, 5}, {"imglish_tokenizer_loss", []string{"term=teacher"}, 0.4},
		{"imglish_tokenizer_dead_codes", nil, 5}, {"imglish_tokenizer_perplexity", nil, 80}, {"imglish_tokenizer_largest_code_ratio", nil, 0.1},
		{"imglish_tokenizer_stable_ratio", []string{"change=jpeg"}, 0.99}, {"imglish_tokenizer_stable_ratio", []string{"change=noise"}, 0.98},
		{"imglish_tokenizer_explained_ratio", nil, 0.7},
	} {
		if got := sample(t, f, want.name, want.label...); got != want.value {
			t.Errorf("%s %v: %v, want %v", want.name, want.label, got, want.value)
		}
	}
}
