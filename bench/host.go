package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

// host is what all comparisons share: settings, installed peers, and one Kafka broker.
type host struct {
	rounds, lanes        int
	cache, only, profile string
	isa                  string
	dir                  string // of this run; removed behind it
	broker               *exec.Cmd
	address              string
	client               *kafka.Client
}

// brokerHeap is the JVM's heap, of the broker and of Kafka's tools alike.
const brokerHeap = "-Xmx1g"

func (h *host) wants(contestant string) bool {
	return h.only == "" || strings.Contains(","+h.only+",", ","+contestant+",")
}

// open installs what is missing and starts the broker, unless no comparison needs it.
func (h *host) open(ctx context.Context, alone bool) error {
	var err error
	if h.cache, err = filepath.Abs(h.cache); err != nil || alone {
		return err
	}
	if err := h.install(ctx); err != nil {
		return err
	}
	if h.dir, err = os.MkdirTemp("", "imglish-bench-"); err != nil {
		return err
	}
	if err := h.startBroker(ctx); err != nil {
		return errors.Join(err, h.close())
	}
	return nil
}

func (h *host) close() error {
	if h.broker != nil {
		_ = h.broker.Process.Kill()
		_ = h.broker.Wait()
	}
	if h.dir == "" {
		return nil
	}
	return os.RemoveAll(h.dir)
}

// install builds Benthos and fetches Kafka's jars, each once.
func (h *host) install(ctx context.Context) error {
	steps := []struct {
		made string
		dir  string
		args []string
	}{
		{"benthos", "bench/peers/benthos", []string{"go", "build", "-o", filepath.Join(h.cache, "benthos"), "."}},
		{"kafka", "bench/peers/kafka", jars("broker.xml", filepath.Join(h.cache, "kafka.new"))},
		{"tools", "bench/peers/kafka", jars("tools.xml", filepath.Join(h.cache, "tools.new"))},
	}
	for _, s := range steps {
		made := filepath.Join(h.cache, s.made)
		if _, err := os.Stat(made); err == nil {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: installing %s, once\n", s.made)
		if err := os.MkdirAll(h.cache, 0o755); err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("install %s: %s: %w", s.made, strings.Join(s.args, " "), err)
		}
		if _, err := os.Stat(made + ".new"); err == nil {
			if err := os.Rename(made+".new", made); err != nil {
				return err
			}
		}
	}
	return nil
}

func jars(pom, to string) []string {
	return []string{"mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DoutputDirectory=" + to, "-DincludeScope=runtime"}
}

const brokerProperties = `process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
controller.quorum.voters=1@%[2]s
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=%[3]s
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.segment.delete.delay.ms=100
`

// startBroker starts Apache Kafka with the settings of its own server.properties, but for one copy of everything.
func (h *host) startBroker(ctx context.Context) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	h.address = ports[0]
	properties := filepath.Join(h.dir, "server.properties")
	text := fmt.Sprintf(brokerProperties, ports[0], ports[1], filepath.Join(h.dir, "kafka"))
	if err := os.WriteFile(properties, []byte(text), 0o644); err != nil {
		return err
	}
	classes := filepath.Join(h.cache, "kafka", "*")
	id, err := exec.CommandContext(ctx, "java", "-cp", classes, "kafka.tools.StorageTool", "random-uuid").Output()
	if err != nil {
		return fmt.Errorf("kafka: random-uuid: %w", err)
	}
	words := strings.Fields(string(id))
	out, err := exec.CommandContext(ctx, "java", "-cp", classes, "kafka.tools.StorageTool", "format", "-t", words[len(words)-1], "-c", properties).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kafka: format: %w\n%s", err, out)
	}
	log, err := os.Create(filepath.Join(h.dir, "kafka.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	h.broker = exec.Command("java", brokerHeap, "-cp", classes, "kafka.Kafka", properties)
	h.broker.Stdout, h.broker.Stderr = log, log
	if err := h.broker.Start(); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	h.client = &kafka.Client{Addr: kafka.TCP(h.address), Transport: &kafka.Transport{}}
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if err = h.createTopic(limit, "bench-ready", nil); err == nil {
			return nil
		}
		select {
		case <-limit.Done():
			return fmt.Errorf("kafka does not answer: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func freePorts(n int) ([]string, error) {
	var out []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		out = append(out, l.Addr().String())
	}
	return out, nil
}

func (h *host) createTopic(ctx context.Context, name string, configs map[string]string) error {
	return createTopic(ctx, h.client, name, h.lanes, configs)
}

func createTopic(ctx context.Context, client *kafka.Client, name string, lanes int, configs map[string]string) error {
	t := kafka.TopicConfig{Topic: name, NumPartitions: lanes, ReplicationFactor: 1}
	for k, v := range configs {
		t.ConfigEntries = append(t.ConfigEntries, kafka.ConfigEntry{ConfigName: k, ConfigValue: v})
	}
	t.ConfigEntries = append(t.ConfigEntries, kafka.ConfigEntry{ConfigName: "max.message.bytes", ConfigValue: "4194304"})
	res, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{t}})
	if err == nil {
		err = res.Errors[name]
	}
	for n := 0; n < lanes && err == nil; { // until each partition has its leader
		if _, e := end(ctx, client, name, n); e == nil {
			n++
		} else if err = ctx.Err(); err == nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
	return err
}

func (h *host) deleteTopics(ctx context.Context, names ...string) error {
	res, err := h.client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: names})
	if err != nil {
		return err
	}
	for _, n := range names {
		if e := res.Errors[n]; e != nil && !errors.Is(e, kafka.UnknownTopicOrPartition) {
			return fmt.Errorf("delete topic %s: %w", n, e)
		}
	}
	return nil
}

// count is how many records a topic has.
func (h *host) count(ctx context.Context, topic string) (int64, error) {
	var of []kafka.OffsetRequest
	for n := range h.lanes {
		of = append(of, kafka.LastOffsetOf(n))
	}
	res, err := h.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: of}})
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, p := range res.Topics[topic] {
		if p.Error == nil {
			total += p.LastOffset
		}
	}
	return total, nil
}

// end is the offset behind the last record of a partition.
func end(ctx context.Context, client *kafka.Client, topic string, partition int) (int64, error) {
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(partition)}},
	})
	if err != nil {
		return 0, err
	}
	for _, p := range res.Topics[topic] {
		return p.LastOffset, p.Error
	}
	return 0, kafka.UnknownTopicOrPartition
}

func (h *host) brokerCPU() time.Duration {
	d, err := processCPU(h.broker.Process.Pid)
	if err != nil {
		return 0 // it is gone: the comparison itself says so
	}
	return d
}

var modelName = regexp.MustCompile(`model name\s*:\s*(.*)`)

// describe says on what it is measured.
func (h *host) describe(w io.Writer, alone bool) {
	cpu := "unknown processor"
	if data, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if m := modelName.FindSubmatch(data); m != nil {
			cpu = string(m[1])
		}
	}
	if alone {
		fmt.Fprintf(w, "%s, %d cores; %s; %s\n\n", cpu, runtime.NumCPU(), runtime.Version(), time.Now().UTC().Format(time.DateOnly))
		return
	}
	java, _ := exec.Command("java", "-version").CombinedOutput()
	first, _, _ := strings.Cut(string(java), "\n")
	fmt.Fprintf(w, "%s, %d cores; %s; %s; Kafka 4.4.0 (%s); Benthos 4.27.0; %s\n\n",
		cpu, runtime.NumCPU(), runtime.Version(), first, brokerHeap, time.Now().UTC().Format(time.DateOnly))
}
