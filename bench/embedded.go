package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/imglish/imglish/pipeline/broker"
)

// embeddedLog writes the same requests to the line's embedded broker and to Apache Kafka, each in a process of its own:
// both as they are without syncs, then both with one for every request.
func embeddedLog(bytes, batch, records int) func(context.Context, *host) error {
	return func(ctx context.Context, h *host) error {
		for _, synced := range []bool{false, true} {
			w, how := write{host: h, bytes: bytes, batch: batch, records: records, synced: synced}, "without syncs"
			if synced {
				how = "a sync a request"
			}
			t := table{
				title: fmt.Sprintf("Log, %s, %d lanes, %d records of %d bytes, %d a request", how, h.lanes, w.records, bytes, batch),
				base:  "kafka",
			}
			if err := t.interleave(ctx, h, []contestant{{"embedded", w.embedded}, {"kafka", w.kafka}}); err != nil {
				return err
			}
		}
		return nil
	}
}

type write struct {
	*host
	bytes, batch, records int
	synced                bool
}

func (w write) kafka(ctx context.Context) (measure, error) {
	configs := map[string]string{}
	if w.synced {
		configs["flush.messages"] = "1"
	}
	topic := fmt.Sprintf("log-%d", rand.Uint64())
	if err := w.createTopic(ctx, topic, configs); err != nil {
		return measure{}, err
	}
	m, err := w.run(ctx, w.client, topic, w.broker.Process.Pid)
	if err == nil {
		err = w.deleteTopics(ctx, topic)
	}
	return m, err
}

func (w write) embedded(ctx context.Context) (measure, error) {
	dir, err := os.MkdirTemp(w.dir, "embedded-")
	if err != nil {
		return measure{}, err
	}
	defer os.RemoveAll(dir)
	cmd, err := role{Dir: dir, Lanes: w.lanes, Serve: true, Synced: w.synced}.command(ctx)
	if err != nil {
		return measure{}, err
	}
	line, err := firstLine(cmd)
	if err != nil {
		return measure{}, err
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	client := &kafka.Client{Addr: kafka.TCP(line), Transport: &kafka.Transport{}}
	if err := createTopic(ctx, client, "log", w.lanes, nil); err != nil {
		return measure{}, err
	}
	return w.run(ctx, client, "log", cmd.Process.Pid)
}

// run writes with one request in flight a lane.
func (w write) run(ctx context.Context, client *kafka.Client, topic string, pid int) (measure, error) {
	m := measure{records: int64(w.records), bytes: int64(w.bytes)}
	noise := make([]byte, w.bytes)
	rand.NewChaCha8([32]byte{2}).Read(noise)
	var before syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		return m, err
	}
	brokerBefore, err := processCPU(pid)
	if err != nil {
		return m, err
	}
	began := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, w.lanes)
	for lane := range w.lanes {
		wg.Go(func() {
			for n := 0; n < w.records/w.lanes && errs[lane] == nil; n += w.batch {
				records := make([]kafka.Record, w.batch)
				for i := range records {
					records[i].Value = kafka.NewBytes(noise)
				}
				res, err := client.Produce(ctx, &kafka.ProduceRequest{
					Topic: topic, Partition: lane, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
				})
				if err == nil {
					err = res.Error
				}
				if err == nil && res.BaseOffset != int64(n) {
					err = fmt.Errorf("lane %d: written at %d, want %d", lane, res.BaseOffset, n)
				}
				errs[lane] = err
			}
		})
	}
	wg.Wait()
	m.took = time.Since(began)
	m.wall = m.took
	for _, err := range errs {
		if err != nil {
			return m, err
		}
	}
	var after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
		return m, err
	}
	m.cpu = time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	brokerAfter, err := processCPU(pid)
	m.broker = brokerAfter - brokerBefore
	m.rss = resident(pid)
	return m, err
}

// firstLine starts a process and reads what it says first.
func firstLine(cmd *exec.Cmd) (string, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return "", fmt.Errorf("%s: said nothing: %w", cmd.Path, err)
	}
	return strings.TrimSpace(line), nil
}

// serve is the line's embedded broker alone, until it is told to stop.
func (r role) serve(ctx context.Context) error {
	b, err := broker.Open(r.Dir, broker.Options{Unsynced: !r.Synced})
	if err != nil {
		return err
	}
	defer b.Close()
	fmt.Println(b.Address())
	<-ctx.Done()
	return nil
}
