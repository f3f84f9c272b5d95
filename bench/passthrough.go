package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// passThrough compares a stage that returns what it gets with Benthos on the same broker and records, and with what
// Kafka's own producer and consumer reach at the same time on one topic.
func passThrough(bytes int, records int64) func(context.Context, *host) error {
	return func(ctx context.Context, h *host) error {
		p := &pass{host: h, bytes: bytes, records: records, line: fmt.Sprintf("pass%d", bytes)}
		if h.wants("imglish") || h.wants("benthos") {
			fill := p.role("fill", "source")
			if _, err := h.runChild(ctx, fill, fill.Line+".source", records); err != nil {
				return fmt.Errorf("fill: %w", err)
			}
		}
		t := table{title: fmt.Sprintf("Pass-through, %d lanes, %d records of %d bytes, acks=all, no compression", h.lanes, records, bytes), base: "benthos"}
		return t.interleave(ctx, h, []contestant{
			{"imglish", p.imglish},
			{"benthos", p.benthos},
			{"kafka tools, defaults", p.tools("acks=all", "compression.type=none")},
			{"kafka tools, tuned", p.tools("acks=all", "compression.type=none", "batch.size=524288", "linger.ms=5", "max.request.size=4194304", "buffer.memory=134217728")},
		})
	}
}

type pass struct {
	*host
	line    string
	bytes   int
	records int64
	runs    int
}

func (p *pass) role(stage string, run ...string) role {
	return role{
		Broker: p.address, Dir: filepath.Join(p.dir, p.line), Line: p.line, Lanes: p.lanes, Stage: stage, Run: run,
		Records: p.records, Bytes: p.bytes, LogMB: 64 << 10,
	}
}

func (p *pass) imglish(ctx context.Context) (measure, error) {
	p.runs++
	r := p.role(fmt.Sprintf("pass%d", p.runs))
	r.Run = []string{r.Stage}
	if p.profile != "" {
		r.Profile = filepath.Join(p.profile, fmt.Sprintf("%s-%d.prof", p.line, p.runs))
	}
	topic := p.line + "." + r.Stage
	m, err := p.runChild(ctx, r, topic, p.records)
	m.bytes = int64(p.bytes)
	if err == nil {
		err = p.deleteTopics(ctx, topic)
	}
	return m, err
}

// runChild runs a process of ours until it ends by itself, and watches its output topic meanwhile.
func (h *host) runChild(ctx context.Context, r role, topic string, records int64) (measure, error) {
	cmd, err := r.command(ctx)
	if err != nil {
		return measure{}, err
	}
	return h.watch(ctx, cmd, topic, records, false)
}

// watch runs a process and measures from the first to the last record of its output. The process ends by itself, or is
// stopped behind the last record.
func (h *host) watch(ctx context.Context, cmd *exec.Cmd, topic string, records int64, stop bool) (m measure, err error) {
	m.records = records
	brokerBefore, began := h.brokerCPU(), time.Now()
	if err := cmd.Start(); err != nil {
		return m, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			<-ended
		}
	}()
	var first time.Time
	running := true
	for {
		n, err := h.count(ctx, topic)
		if err != nil {
			return m, err
		}
		now := time.Now()
		if n > 0 && first.IsZero() {
			first = now
		}
		if n > records {
			return m, fmt.Errorf("%s has %d records, want %d", topic, n, records)
		}
		if n == records {
			m.took, m.wall = now.Sub(first), now.Sub(began)
			break
		}
		if !running {
			return m, fmt.Errorf("%s: ended with %d of %d records in %s", cmd.Path, n, records, topic)
		}
		select {
		case err := <-ended:
			if err != nil {
				return m, fmt.Errorf("%s: %w", cmd.Path, err)
			}
			running = false
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	m.broker = h.brokerCPU() - brokerBefore
	if stop {
		_ = cmd.Process.Kill()
	}
	if running {
		if err := <-ended; err != nil && !stop {
			return m, fmt.Errorf("%s: %w", cmd.Path, err)
		}
	}
	m.spent(cmd)
	return m, nil
}

// benthosConfig reads in batches, writes each into its record's own partition, and keeps several batches under way.
const benthosConfig = `
http: {enabled: false}
logger: {level: ERROR}
input:
  kafka_franz:
    seed_brokers: [%[1]q]
    topics: [%[2]q]
    consumer_group: %[3]q
    start_from_oldest: true
    checkpoint_limit: 100000
    batching: {count: %[5]d, period: 20ms}
output:
  kafka_franz:
    seed_brokers: [%[1]q]
    topic: %[3]q
    partitioner: manual
    partition: '${! meta("kafka_partition") }'
    compression: none
    max_message_bytes: 4MB
    max_in_flight: 64
    metadata: {}
`

func (p *pass) benthos(ctx context.Context) (measure, error) {
	p.runs++
	topic := fmt.Sprintf("%s.benthos%d", p.line, p.runs)
	if err := p.createTopic(ctx, topic, nil); err != nil {
		return measure{}, err
	}
	file := filepath.Join(p.dir, topic+".yaml")
	// What served Benthos best of 50 to 5,000 records of 1 KiB, and of 2 to 25 of 150 KiB: with larger batches than
	// the broker hands out at once it waits for its period.
	batch := 100
	if p.bytes > 64<<10 {
		batch = 25
	}
	text := fmt.Sprintf(benthosConfig, p.address, p.line+".source", topic, p.lanes, batch)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return measure{}, err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(p.cache, "benthos"), "-c", file)
	cmd.Stderr = os.Stderr
	m, err := p.watch(ctx, cmd, topic, p.records, true)
	m.bytes = int64(p.bytes)
	if err == nil {
		err = p.deleteTopics(ctx, topic)
	}
	return m, err
}

var sent = regexp.MustCompile(`(\d+) records sent, ([0-9.]+) records/sec`)

// tools runs Kafka's producer and consumer tools side by side on one topic.
func (p *pass) tools(properties ...string) func(context.Context) (measure, error) {
	return func(ctx context.Context) (measure, error) {
		p.runs++
		topic := fmt.Sprintf("%s.tools%d", p.line, p.runs)
		if err := p.createTopic(ctx, topic, nil); err != nil {
			return measure{}, err
		}
		count := strconv.FormatInt(p.records, 10)
		payload, err := p.payload()
		if err != nil {
			return measure{}, err
		}
		produce := p.java(ctx, append([]string{"ProducerPerformance", "--bootstrap-server", p.address, "--topic", topic, "--num-records", count,
			"--payload-file", payload, "--throughput", "-1", "--command-property"}, properties...)...)
		consume := p.java(ctx, "ConsumerPerformance", "--bootstrap-server", p.address, "--topic", topic, "--num-records", count, "--timeout", "60000")
		var wrote, read strings.Builder
		produce.Stdout, consume.Stdout = &wrote, &read
		broker, began := p.brokerCPU(), time.Now()
		if err := consume.Start(); err != nil {
			return measure{}, err
		}
		if err := produce.Run(); err != nil {
			_ = consume.Process.Kill()
			return measure{}, fmt.Errorf("producer: %w\n%s", err, wrote.String())
		}
		if err := consume.Wait(); err != nil {
			return measure{}, fmt.Errorf("consumer: %w\n%s", err, read.String())
		}
		m := measure{records: p.records, bytes: int64(p.bytes), wall: time.Since(began), broker: p.brokerCPU() - broker}
		m.spent(produce)
		m.spent(consume)
		all := sent.FindAllStringSubmatch(wrote.String(), -1)
		lines := strings.Split(strings.TrimSpace(read.String()), "\n")
		f := strings.Split(lines[len(lines)-1], ",")
		if len(all) == 0 || all[len(all)-1][1] != count || len(f) != 10 || strings.TrimSpace(f[4]) < count {
			return m, fmt.Errorf("want %d records, the tools say:\n%s%s", p.records, wrote.String(), read.String())
		}
		rate, err := strconv.ParseFloat(all[len(all)-1][2], 64)
		if err != nil {
			return m, err
		}
		fetching, err := strconv.ParseFloat(strings.TrimSpace(f[7]), 64)
		if err != nil {
			return m, err
		}
		// Each says how long it worked itself, without the JVM's start.
		m.took = max(time.Duration(float64(p.records)/rate*1e9), time.Duration(fetching*1e6))
		return m, p.deleteTopics(ctx, topic)
	}
}

// payload is a file of records for the producer: drawing each one at random would take it longer than sending it.
func (p *pass) payload() (string, error) {
	file := filepath.Join(p.dir, fmt.Sprintf("payload-%d", p.bytes))
	r := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, 0, 64*(p.bytes+1))
	for range 64 {
		for range p.bytes {
			text = append(text, byte('a'+r.IntN(26)))
		}
		text = append(text, '\n')
	}
	return file, os.WriteFile(file, text, 0o644)
}

func (h *host) java(ctx context.Context, args ...string) *exec.Cmd {
	args[0] = "org.apache.kafka.tools." + args[0]
	cmd := exec.CommandContext(ctx, "java", append([]string{brokerHeap, "-cp", filepath.Join(h.cache, "tools", "*")}, args...)...)
	cmd.Stderr = os.Stderr
	return cmd
}
