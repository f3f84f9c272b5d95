package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/pipeline/broker"
)

// embedded is the broker that a line without broker addresses uses (package broker), with its log in the data folder. The
// first process takes a lock on the folder, runs the broker and writes its address there; the others connect. When it
// goes, however it goes, the lock goes with it, and one of the others takes over: whoever asks meets errors until then,
// and tries again.
type embedded struct {
	dir    string // of the log, the lock and the address
	logger *slog.Logger

	mu     sync.Mutex
	lock   *os.File // held if this process runs the broker
	broker *broker.Broker
	stop   context.CancelFunc
	done   chan struct{}
}

// embeddedAddress is the content of the address file.
type embeddedAddress struct {
	Address string `json:"address"`
	PID     int    `json:"pid"`
}

// takeoverPause is the time between two looks whether the broker's process is gone, and between two rounds of dropping what
// the topics need not keep: lanes may write tens of MiB in between.
const takeoverPause = 50 * time.Millisecond

// openEmbedded starts the broker, or finds the one that another process runs.
func openEmbedded(ctx context.Context, dir string, logger *slog.Logger) (*embedded, error) {
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o755); err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	e := &embedded{dir: dir, logger: logger, done: make(chan struct{})}
	ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	if err := e.try(); err != nil {
		e.stop()
		return nil, err
	}
	go func() {
		defer close(e.done)
		every(ctx, takeoverPause, nil, func() {
			if err := e.try(); err != nil {
				e.logger.Error("embedded broker", "error", err)
				pause(ctx, 2*time.Second)
			}
			e.expire()
		})
	}()
	return e, nil
}

// try becomes the broker if nobody is.
func (e *embedded) try() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broker != nil {
		return nil
	}
	lock, err := os.OpenFile(filepath.Join(e.dir, "broker.lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("embedded broker: %w", err)
	}
	free, err := tryLock(lock)
	if err != nil || !free {
		lock.Close()
		return err
	}
	b, err := broker.Open(filepath.Join(e.dir, "log"), broker.Options{})
	if err != nil {
		lock.Close()
		return fmt.Errorf("embedded broker: open the log in %s: %w", e.dir, err)
	}
	a := embeddedAddress{Address: b.Address(), PID: os.Getpid()}
	data, err := json.Marshal(a)
	if err == nil {
		err = durable.WriteFile(e.addressFile(), data)
	}
	if err != nil {
		b.Close()
		lock.Close()
		return fmt.Errorf("embedded broker: %w", err)
	}
	e.broker, e.lock = b, lock
	e.logger.Info("embedded broker runs in this process", "address", a.Address, "log", e.dir)
	return nil
}

// expire drops what topics hold beyond their retention.bytes.
func (e *embedded) expire() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broker != nil {
		e.broker.Expire()
	}
}

func (e *embedded) addressFile() string { return filepath.Join(e.dir, "broker.json") }

// address reads where the broker is now.
func (e *embedded) address() (embeddedAddress, error) {
	var a embeddedAddress
	data, err := os.ReadFile(e.addressFile())
	if err != nil {
		return a, fmt.Errorf("address of the embedded broker: %w", err)
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("address of the embedded broker in %s: %w", e.addressFile(), err)
	}
	return a, nil
}

// known waits for the address: the process that has the lock may be about to write it.
func (e *embedded) known(ctx context.Context) (embeddedAddress, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	for {
		a, err := e.address()
		if err == nil || !pause(ctx, takeoverPause/4) {
			return a, err
		}
	}
}

// dial connects to the broker wherever it is now: there is only one, so the address asked for does not matter.
func (e *embedded) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	a, err := e.address()
	if err != nil {
		return nil, err
	}
	return (&net.Dialer{Timeout: 3 * time.Second}).DialContext(ctx, network, a.Address)
}

// LogSize is how many bytes the embedded broker's log has on disk, and how many its records may have. ok is false if
// the line has another broker.
func (c *Config) LogSize() (bytes, limit int64, ok bool) {
	if len(c.Kafka.Brokers) > 0 {
		return 0, 0, false
	}
	// A file that goes away meanwhile is none.
	_ = filepath.WalkDir(filepath.Join(c.Data, "broker", "log"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes, int64(c.Kafka.LogMB) << 20, true
}

// close stops the broker if this process runs it.
func (e *embedded) close() {
	e.stop()
	<-e.done
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broker != nil {
		e.broker.Close()
		e.lock.Close()
		e.broker = nil
	}
}
