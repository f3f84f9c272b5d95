package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/imglish/imglish/pipeline/kafkatest"
)

type settings struct {
	kills, records int
	seed           uint64
	dir            string
	broken         string // how the line breaks a promise, for the test of the checker: moving, drop, twice, swap
}

// standsFor is how long no record may move before a run is given up.
const standsFor = 3 * time.Minute

// outcome is what a run has made and found.
type outcome struct {
	found                            tally
	zombies, cuts, restarts, rewinds int64
}

// run plays one run and returns its last line. The error says what is wrong besides what the line says.
func run(ctx context.Context, s settings, progress io.Writer) (line string, o *outcome, err error) {
	o = &outcome{}
	began := time.Now()
	fmt.Fprintf(progress, "chaos: seed %d, %d records, %d kills of each of %v, in %s\n", s.seed, s.records, s.kills, chain, s.dir)
	for _, d := range []string{"sink", "data"} {
		if err := os.Mkdir(filepath.Join(s.dir, d), 0o755); err != nil {
			return "", o, err
		}
	}
	p, err := newProxy()
	if err != nil {
		return "", o, err
	}
	broker, err := startBroker(filepath.Join(s.dir, "kafka"), p)
	if err != nil {
		p.close()
		return "", o, err
	}
	defer broker.Close()
	defer p.close()

	worker := workerConfig{Dir: s.dir, Data: filepath.Join(s.dir, "data"), Records: s.records, Broker: p.addr(), Break: s.broken}
	cfg, _, err := worker.graph()
	if err != nil {
		return "", o, err
	}
	transport := &kafka.Transport{ClientID: "chaos", MetadataTTL: time.Second, IdleTimeout: 10 * time.Second}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(broker.Addrs()...), Transport: transport}
	t := newTails(client, cfg)
	reading, stopReading := context.WithCancel(ctx)
	defer func() { stopReading(); t.wg.Wait() }()
	t.run(reading)

	f, err := newFleet(worker, progress)
	if err != nil {
		return "", o, err
	}
	defer f.end()
	w := &watch{tails: t, fleet: f, total: s.records, out: progress, began: began}
	for _, seg := range cfg.Segments() {
		if seg.Output != "" {
			w.topics = append(w.topics, seg.Output)
		}
	}
	w.faults = &faults{seed: s.seed, kills: s.kills, fleet: f, proxy: p, broker: broker, client: client, tails: t,
		gate: gate{s.dir}, topics: w.topics, errors: progress}
	if err := w.faults.gate.open(0); err != nil {
		return "", o, err
	}
	if err := f.begin(); err != nil {
		return "", o, err
	}
	err = w.wait(ctx)
	if err == nil {
		err = w.readToEnd(ctx)
	}
	f.end()
	stopReading()
	t.wg.Wait()
	if ctx.Err() != nil {
		return "", o, ctx.Err()
	}

	sunk, e := readSink(filepath.Join(s.dir, "sink"))
	if e != nil {
		return "", o, errors.Join(err, e)
	}
	var topics [][]*tail
	for _, topic := range w.topics {
		topics = append(topics, t.of(topic))
	}
	found := audit(origins(s.records), topics, sunk)
	w.summary(found)
	if err == nil && !found.ok() {
		err = errors.New("the line has not kept its promise")
	}
	kills, _, _ := f.counts()
	o.found, o.zombies, o.cuts = *found, w.faults.freezes.Load(), w.faults.cuts.Load()
	o.restarts, o.rewinds = w.faults.restarts.Load(), w.faults.rewinds.Load()
	return fmt.Sprintf("%s of %d records, %d kills", found, s.records, slices.Min(kills)), o, err
}

// startBroker starts Kafka with a second listener that leads through the proxy.
func startBroker(dir string, p *proxy) (*kafkatest.Cluster, error) {
	port, err := kafkatest.FreePort()
	if err != nil {
		return nil, err
	}
	broker, err := kafkatest.New(dir, kafkatest.Options{
		Port:      port,
		Listeners: map[string]string{"PROXIED": "PLAINTEXT"},
		Properties: map[string]string{
			"advertised.listeners": fmt.Sprintf("PLAINTEXT://127.0.0.1:%d,PROXIED://%s", port, p.addr()),
		},
	})
	if err != nil {
		return nil, err
	}
	p.serve(broker.AddrsOf("PROXIED")[0])
	return broker, nil
}

// watch follows a run and tells how it stands.
type watch struct {
	tails  *tails
	fleet  *fleet
	faults *faults
	topics []string
	total  int
	out    io.Writer
	began  time.Time
}

// wait returns when every worker has ended in order, and an error when the line stands still.
func (w *watch) wait(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.faults.run(ctx) }()
	defer func() { stop(); <-done }()
	moved, before := time.Now(), int64(0)
	told := time.Now()
	for !w.fleet.finished() {
		if !pause(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
		sum := int64(0)
		for _, topic := range w.topics {
			sum += w.tails.accepted(topic)
		}
		kills, _, stuck := w.fleet.counts()
		for _, k := range kills {
			sum += int64(k)
		}
		if sum != before {
			moved, before = time.Now(), sum
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			w.tell()
		}
		switch {
		case w.tails.err() != nil:
			return w.tails.err()
		case stuck != "":
			return fmt.Errorf("the workers of %s end by themselves, again and again", stuck)
		case time.Since(moved) > standsFor:
			return fmt.Errorf("the line stands still since %s", standsFor)
		}
	}
	w.tell()
	return nil
}

// tell prints a line of progress.
func (w *watch) tell() {
	kills, exits, _ := w.fleet.counts()
	var at []int64
	for _, topic := range w.topics {
		at = append(at, w.tails.accepted(topic))
	}
	fmt.Fprintf(w.out, "chaos: %s, records behind %v %v of %d, kills %v, zombies %d, cuts %d, broker restarts %d, old positions %d, own exits %d\n",
		time.Since(w.began).Round(time.Second), chain[:4], at, w.total, kills,
		w.faults.freezes.Load(), w.faults.cuts.Load(), w.faults.restarts.Load(), w.faults.rewinds.Load(), exits)
}

// readToEnd waits until the checker has seen every record there is.
func (w *watch) readToEnd(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	for {
		end, err := w.tails.atEnd(ctx)
		switch {
		case w.tails.err() != nil:
			return w.tails.err()
		case end:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("the logs' ends were not read: %w", errors.Join(ctx.Err(), err))
		}
		pause(ctx, 100*time.Millisecond)
	}
}

// summary prints what has been counted.
func (w *watch) summary(found *tally) {
	for _, e := range found.examples {
		fmt.Fprintln(w.out, "chaos:", e)
	}
	for _, topic := range w.topics {
		raw := int64(0)
		for _, t := range w.tails.of(topic) {
			raw += t.raw
		}
		n := w.tails.accepted(topic)
		fmt.Fprintf(w.out, "chaos: %s has %d records, of which %d count and %d are passed over by all\n", topic, raw, n, raw-n)
	}
	fmt.Fprintf(w.out, "chaos: %d records name another input than the one that counts; %s\n", found.disagree, time.Since(w.began).Round(time.Second))
}
