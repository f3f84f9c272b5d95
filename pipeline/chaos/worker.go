package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/imglish/imglish/pipeline"
)

// workerVariable makes the program a worker: a process that runs one stage of the line.
const workerVariable = "IMGLISH_CHAOS_WORKER"

// workerConfig is what a worker is told, as JSON in workerVariable.
type workerConfig struct {
	Dir     string `json:"dir"`
	Data    string `json:"data"` // a folder of its own, as on a machine of its own
	Stage   string `json:"stage"`
	Records int    `json:"records"`
	Broker  string `json:"broker"`
	Break   string `json:"break,omitempty"`
}

const lineName = "chaos"

// logMB gives each lane the least that a topic may keep, so that records expire while the test runs.
const logMB = 160

func (w workerConfig) graph() (*pipeline.Config, pipeline.Builders, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "line: %s\ndata: %s\nkafka: {brokers: [%q], replication: 1, log_mb: %d}\ngraph:\n", lineName, w.Data, w.Broker, logMB)
	for _, s := range chain {
		fmt.Fprintf(&b, "  - [%s]\n", s)
	}
	b.WriteString("sources:\n")
	for _, o := range origins(w.Records) {
		fmt.Fprintf(&b, "  - {name: %s, %s: {}, lanes: %d}\n", o.name, o.name, o.lanes)
	}
	parts := builders(w)
	cfg, err := pipeline.Parse(filepath.Join(w.Dir, "graph.yaml"), []byte(b.String()), parts)
	return cfg, parts, err
}

// runWorker is the whole of a worker process.
func runWorker(text string) error {
	var w workerConfig
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return fmt.Errorf("%s: %w", workerVariable, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3) // the program that began this process is gone
	}()
	cfg, parts, err := w.graph()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil)).With("pid", os.Getpid())
	log.Info("begins")
	return pipeline.Run(ctx, cfg, parts, pipeline.Options{Stages: []string{w.Stage}, Logger: log})
}
