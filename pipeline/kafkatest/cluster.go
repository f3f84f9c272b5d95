package kafkatest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Options say what a cluster is like.
type Options struct {
	Brokers    int               // 1 (default) or 3, each a controller too
	Properties map[string]string // server.properties beside ours, or instead of ours
	// Listeners are more client listeners, beside the plain one that Addrs names: security protocol ("SSL", "SASL_SSL",
	// "SASL_PLAINTEXT") by name (capital letters). AddrsOf gives their addresses.
	Listeners  map[string]string
	FormatArgs []string // arguments of the storage tool, such as --add-scram
	// Production runs the JVM as a cluster would: 1 GiB of heap, its own choice of collector and compilers. It starts
	// in 6-9 s instead of 4 s and is what measurements want.
	Production bool
	// Port is the plain listener's port of the first broker, 0 for a free one.
	Port int
}

// Cluster is a running Apache Kafka.
type Cluster struct {
	dir   string
	opts  Options
	id    string
	nodes []*node
}

const (
	startTimeout = 2 * time.Minute // a loaded machine starts three JVMs slowly
	stopTimeout  = time.Minute
	starts       = 3 // with fresh ports each time: another process may take one between choice and use
)

// New starts a cluster with its data in dir, and waits until every broker serves. A folder that has data is used as it
// is. Close stops it; the data stay.
func New(dir string, opts Options) (*Cluster, error) {
	if err := Missing(); err != nil {
		return nil, err
	}
	if opts.Brokers == 0 {
		opts.Brokers = 1
	}
	if opts.Brokers != 1 && opts.Brokers != 3 {
		return nil, fmt.Errorf("a cluster of %d brokers: want 1 or 3", opts.Brokers)
	}
	var err error
	for range starts {
		var c *Cluster
		if c, err = start(dir, opts); err == nil || !errors.Is(err, errPortTaken) {
			return c, err
		}
	}
	return nil, err
}

func start(dir string, opts Options) (*Cluster, error) {
	raw := make([]byte, 16)
	rand.Read(raw)
	raw[0] &= 0x3f // Kafka refuses an id that begins with "-"
	c := &Cluster{dir: dir, opts: opts, id: base64.RawURLEncoding.EncodeToString(raw)}
	for i := range opts.Brokers {
		n, err := newNode(filepath.Join(dir, fmt.Sprintf("node%d", i+1)), i+1, opts)
		if err != nil {
			return nil, err
		}
		c.nodes = append(c.nodes, n)
	}
	err := c.each(func(i int, n *node) error {
		if err := os.MkdirAll(n.dir, 0o755); err != nil {
			return err
		}
		if err := n.writeConfig(c.properties(i)); err != nil {
			return err
		}
		return n.format(c.id, opts.FormatArgs)
	})
	if err == nil {
		err = c.each(func(_ int, n *node) error { return n.start() })
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// each does f for all nodes at once: a node waits for a majority of the others.
func (c *Cluster) each(f func(i int, n *node) error) error {
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() { errs[i] = f(i, n) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Addrs are the plain addresses of all brokers, also of those that are down.
func (c *Cluster) Addrs() []string { return c.AddrsOf(plain) }

// AddrsOf are the addresses of the listener of a name.
func (c *Cluster) AddrsOf(listener string) []string {
	var out []string
	for _, n := range c.nodes {
		out = append(out, n.addr(listener))
	}
	return out
}

// Kill ends broker i (from 0) at once, as a crash does.
func (c *Cluster) Kill(i int) error { return c.nodes[i].kill() }

// Stop ends broker i in order: it hands its leaderships over first.
func (c *Cluster) Stop(i int) error { return c.nodes[i].stop() }

// Restart starts broker i again, on the same port and data, and waits until it serves. It ends it first if it runs.
func (c *Cluster) Restart(i int) error {
	if err := c.nodes[i].kill(); err != nil {
		return err
	}
	return c.nodes[i].start()
}

// Pause stops broker i from running; it keeps its connections and answers nothing.
func (c *Cluster) Pause(i int) error { return c.nodes[i].pause() }

// Resume lets a paused broker run on.
func (c *Cluster) Resume(i int) error { return c.nodes[i].resume() }

// PID is the process of broker i, 0 if it is down.
func (c *Cluster) PID(i int) int { return c.nodes[i].pid() }

// Data is the folder in which a broker keeps its partitions, for tests that damage them while it is stopped.
func (c *Cluster) Data(i int) string { return filepath.Join(c.nodes[i].dir, "data") }

// Log is the end of what broker i has logged.
func (c *Cluster) Log(i int) string { return c.nodes[i].logTail(8 << 10) }

// Close ends all brokers in order and waits for them.
func (c *Cluster) Close() {
	_ = c.each(func(_ int, n *node) error { return n.stop() })
}

// properties is the server.properties of node i. The values that differ from Kafka's own defaults make a cluster on
// one machine start, and come back behind a kill, in seconds.
func (c *Cluster) properties(i int) map[string]string {
	n := c.nodes[i]
	var voters, listeners, protocols []string
	for k, other := range c.nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", k+1, other.addr(controller)))
	}
	for name := range n.ports {
		listeners = append(listeners, name+"://"+n.addr(name))
		protocol := c.opts.Listeners[name]
		if protocol == "" {
			protocol = "PLAINTEXT"
		}
		protocols = append(protocols, name+":"+protocol)
	}
	copies := fmt.Sprint(len(c.nodes))
	out := map[string]string{
		"process.roles":                  "broker,controller",
		"node.id":                        fmt.Sprint(i + 1),
		"controller.quorum.voters":       strings.Join(voters, ","),
		"controller.listener.names":      controller,
		"listeners":                      strings.Join(listeners, ","),
		"listener.security.protocol.map": strings.Join(protocols, ","),
		"inter.broker.listener.name":     plain,
		"log.dirs":                       filepath.Join(n.dir, "data"),
		"auto.create.topics.enable":      "false",

		"offsets.topic.replication.factor":                 copies,
		"offsets.topic.num.partitions":                     "5",
		"transaction.state.log.replication.factor":         copies,
		"transaction.state.log.min.isr":                    "1",
		"share.coordinator.state.topic.replication.factor": copies,
		"share.coordinator.state.topic.min.isr":            "1",

		"group.initial.rebalance.delay.ms": "0",
		// A killed broker comes back when its session has ended: 17 s by default.
		"broker.session.timeout.ms":       "3000",
		"broker.heartbeat.interval.ms":    "1000",
		"log.retention.check.interval.ms": "1000",
	}
	for k, v := range c.opts.Properties {
		out[k] = v
	}
	return out
}
