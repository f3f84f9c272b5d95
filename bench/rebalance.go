package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/pipeline"
)

// rebalance adds, stops and kills processes of a line under load, and measures for each lane how long it stood still, from
// the times of the records in the output topic.
func rebalance(ctx context.Context, h *host) error {
	lanes := h.lanes
	h.lanes = 12 // divides among one, two and three processes
	defer func() { h.lanes = lanes }()
	stands := map[string][]time.Duration{} // by event, of the lanes that moved: the longest of each round
	goesOn := map[string][]time.Duration{} // of those that stayed
	var order []string
	for round := range h.rounds {
		events, err := h.rebalanceOnce(ctx, round)
		if err != nil {
			return fmt.Errorf("round %d: %w", round+1, err)
		}
		order = nil
		for _, e := range events {
			order = append(order, e.name)
			stands[e.name], goesOn[e.name] = append(stands[e.name], e.moved), append(goesOn[e.name], e.stayed)
			fmt.Fprintf(os.Stderr, "bench: round %d of %d: %-34s %2d lanes moved, stood still for %5.2f s at most; %2d stayed, %5.2f s\n",
				round+1, h.rounds, e.name, e.moves, e.moved.Seconds(), h.lanes-e.moves, e.stayed.Seconds())
		}
	}
	fmt.Printf("Rebalance under load, %d lanes, %d rounds; the longest pause of any lane, from record times:\n\n", h.lanes, h.rounds)
	w := newTable()
	fmt.Fprintln(w, "\tlanes that move, s\tspread\tlanes that stay, s\tspread\t")
	for _, name := range order {
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", name, seconds(stands[name]), seconds(goesOn[name]))
	}
	w.Flush()
	fmt.Println()
	return nil
}

func seconds(d []time.Duration) string {
	v := make([]float64, len(d))
	for i, x := range d {
		v[i] = x.Seconds()
	}
	return fmt.Sprintf("%.2f\t%.2f-%.2f", median(v), slices.Min(v), slices.Max(v))
}

// happening is something that changes who works on the lanes.
type happening struct {
	name          string
	at            time.Time
	moves         int
	moved, stayed time.Duration // longest pause of lanes that got another writer, and of the others
}

// settle is how long a happening is watched: longer than the session of a killed process.
const settle = 9 * time.Second

func (h *host) rebalanceOnce(ctx context.Context, round int) ([]happening, error) {
	line := fmt.Sprintf("rebalance%d", round)
	r := role{
		Broker: h.address, Dir: filepath.Join(h.dir, line), Line: line, Lanes: h.lanes, Stage: "pass",
		Records: 1_000_000, Bytes: 1 << 10, LogMB: 64 << 10, Run: []string{"source"},
	}
	if _, err := h.runChild(ctx, r, line+".source", r.Records); err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	r.Run, r.Pause = []string{"pass"}, 20*time.Millisecond
	var running []*exec.Cmd
	defer func() {
		for _, c := range running {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}()
	start := func() error {
		cmd, err := r.command(ctx)
		if err == nil {
			running = append(running, cmd)
			err = cmd.Start()
		}
		return err
	}
	end := func(s syscall.Signal) error {
		last := running[len(running)-1]
		running = running[:len(running)-1]
		if err := last.Process.Signal(s); err != nil {
			return err
		}
		_ = last.Wait() // it was told to end
		return nil
	}
	var events []happening
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"", start},
		{"a second process joins", start},
		{"a third process joins", start},
		{"a process stops in order", func() error { return end(syscall.SIGTERM) }},
		{"a process is killed", func() error { return end(syscall.SIGKILL) }},
	} {
		events = append(events, happening{name: step.name, at: time.Now()})
		if err := step.do(); err != nil {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(settle):
		}
	}
	stop := time.Now()
	r.Pause = 0 // the rest is done at once, and counted
	if err := end(syscall.SIGTERM); err != nil {
		return nil, err
	}
	if _, err := h.runChild(ctx, r, line+".pass", r.Records); err != nil {
		return nil, fmt.Errorf("finish: %w", err)
	}
	for lane := range h.lanes {
		if err := h.watchLane(ctx, line+".pass", lane, events, stop); err != nil {
			return nil, err
		}
	}
	return events[1:], h.deleteTopics(ctx, line+".pass", line+".source")
}

// watchLane reads a lane's output whole: every seq once and in order, or the line has lost something; and adds the
// lane's pauses to those of the events.
func (h *host) watchLane(ctx context.Context, topic string, lane int, events []happening, stop time.Time) error {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{h.address}, Topic: topic, Partition: lane, MinBytes: 1, MaxBytes: 8 << 20, MaxWait: 100 * time.Millisecond,
	})
	defer reader.Close()
	end, err := end(ctx, h.client, topic, lane)
	if err != nil {
		return err
	}
	var last time.Time
	var writer []byte
	longest := make([]time.Duration, len(events))
	moved := make([]bool, len(events))
	next := uint64(0)
	for at := int64(0); at < end; at++ {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		var rec pipeline.Record
		if err := proto.Unmarshal(m.Value, &rec); err != nil {
			return err
		}
		if rec.Seq > next {
			return fmt.Errorf("%s/%d: seq %d at offset %d, want %d", topic, lane, rec.Seq, m.Offset, next)
		}
		if rec.Seq < next {
			continue // written twice: every reader takes the first
		}
		next++
		for i, e := range events {
			until := stop
			if i+1 < len(events) {
				until = events[i+1].at
			}
			if m.Time.Before(e.at) || m.Time.After(until) {
				continue
			}
			if d := m.Time.Sub(last); !last.IsZero() && d > longest[i] {
				longest[i] = d
			}
			moved[i] = moved[i] || writer != nil && !bytes.Equal(writer, rec.Writer)
		}
		last, writer = m.Time, rec.Writer
	}
	for i := range events {
		if moved[i] {
			events[i].moves++
			events[i].moved = max(events[i].moved, longest[i])
		} else {
			events[i].stayed = max(events[i].stayed, longest[i])
		}
	}
	return nil
}
