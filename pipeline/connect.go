package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// connection is a process's way to the line's broker, its own or another's.
type connection struct {
	at     endpoint
	log    *kafkaLog
	broker *embedded // nil on a cluster
}

// connect finds the broker that the graph file names. Without one it runs the embedded broker, or finds the process that
// does.
func connect(ctx context.Context, cfg *Config, logger *slog.Logger) (*connection, error) {
	c := &connection{}
	var err error
	if len(cfg.Kafka.Brokers) > 0 {
		c.at, err = clusterEndpoint(cfg)
	} else if c.broker, err = openEmbedded(ctx, embeddedDir(cfg), logger); err == nil {
		var a embeddedAddress
		if a, err = c.broker.known(ctx); err != nil {
			c.broker.close()
		}
		c.at = endpoint{brokers: []string{a.Address}, dial: c.broker.dial}
	}
	if err != nil {
		return nil, err
	}
	c.log = newKafkaLog(cfg, c.at)
	return c, nil
}

func (c *connection) close() {
	c.log.close()
	if c.broker != nil {
		c.broker.close()
	}
}

func embeddedDir(cfg *Config) string { return filepath.Join(cfg.Data, "broker") }

// embeddedHasRun says whether there is an embedded log to look at.
func embeddedHasRun(cfg *Config) (bool, error) {
	_, err := os.Stat(filepath.Join(embeddedDir(cfg), "log"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the embedded log: %w", err)
	}
	return true, nil
}

// soon does f, and again for a while if the broker does not answer: the embedded one may be moving from one process to
// another. Commands that look at a line do not wait for a cluster as a run does.
func (c *connection) soon(ctx context.Context, f func(context.Context) error) error {
	for start := time.Now(); ; {
		err := answered(ctx, c.at, c.broker == nil, f)
		switch {
		case err == nil || errors.Is(err, ErrFatal):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Since(start) > soonTimeout || !pause(ctx, 200*time.Millisecond):
			return fmt.Errorf("broker %s: %w", strings.Join(c.at.brokers, ","), err)
		}
	}
}

const soonTimeout = 8 * time.Second
