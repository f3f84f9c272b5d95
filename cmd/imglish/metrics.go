package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/pipeline"
)

const metricsUsage = "serve /metrics for Prometheus, /healthz and /readyz on this `host:port`; :port is for this machine alone, off for none"

// storage counts what this process does with its stores: one process has one page.
var storage = metrics.NewStorage()

// serveLine shows a line's process.
func serveLine(cmd *cobra.Command, cfg *pipeline.Config, r *pipeline.Runner) (*metrics.Server, error) {
	return serve(cmd, metrics.Config{
		Address:    cfg.Metrics,
		Collectors: []prometheus.Collector{metrics.NewLine(r.Snapshot, cfg.LogSize), storage},
		Live:       func() error { return metrics.Live(r.Snapshot()) },
		Ready:      func() error { return metrics.Ready(r.Snapshot()) },
		Details:    func() string { return metrics.Standing(r.Snapshot()) },
	})
}

// serveTraining shows a training process. It lives as long as it answers: a batch that does not come is the line's affair.
func serveTraining(cmd *cobra.Command, address string, t *metrics.Training) (*metrics.Server, error) {
	return serve(cmd, metrics.Config{
		Address:    address,
		Collectors: []prometheus.Collector{t, storage},
		Live:       func() error { return nil },
		Ready:      t.Ready,
	})
}

// serveTokenizer shows the training of a visual tokenizer.
func serveTokenizer(cmd *cobra.Command, address string, t *metrics.Tokenizer) (*metrics.Server, error) {
	return serve(cmd, metrics.Config{
		Address:    address,
		Collectors: []prometheus.Collector{t},
		Live:       func() error { return nil },
		Ready:      t.Ready,
	})
}

func serve(cmd *cobra.Command, c metrics.Config) (*metrics.Server, error) {
	s, err := metrics.Serve(c)
	if err != nil {
		return nil, err
	}
	if a := s.Address(); a != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "metrics on http://%s/metrics\n", a)
	}
	return s, nil
}
