package pipeline

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// Config is a graph file: the whole line as a reader sees it.
type Config struct {
	Line  string // the line's name, first part of its topics
	Data  string // data folder, absolute: log, work journal, and the store unless Store names another
	Kafka Kafka  //
	Store Store  //
	Lanes int    // lanes of a source that names no number of its own
	// MemoryMB bounds the records that all lanes of a process have in work, in MiB. docs/exactly-once.md says what else a
	// process holds.
	MemoryMB int
	Sources  []SourceAt // in the order of the file
	Graph    [][]string // segments of stages; a Kafka topic lies between two of them
	Metrics  string     // host:port of the page for Prometheus; empty: none
	Mix      Section    // settings of the mixer, which reads them itself
	Train    Section    // settings of the trainer, which reads them itself

	File     string             // the graph file, for messages
	Dir      string             // its folder: relative paths in the file start there
	sections map[string]Section // a stage's settings by its name
}

// SourceAt is one entry of the list of sources.
type SourceAt struct {
	Name     string  // unique in the line, fixed for ever: lanes are known by it
	Kind     string  // which source: "cc12m", "wikipedia", ...
	Lanes    int     // fixed for ever
	Settings Section // settings of its kind
}

// Defaults returns the settings of a graph file that names none.
func Defaults() Config {
	return Config{
		Line: "line",
		Data: "run",
		Kafka: Kafka{
			// The embedded broker reopens its log in memory and time in proportion to its size. With a segment above
			// each lane's limit, and what is written until the limit is applied, 224 MiB stay below 300 MB.
			LogMB:       224,
			Replication: 3, // with min.insync.replicas=2 one broker may be away and nothing acknowledged is lost

			CreateTopics: true,
			Compression:  "none",
		},
		MemoryMB: 512, // several segments of a dozen lanes with full windows, on a machine that has 4 GiB
		Lanes:    4,   // enough to keep a few cores busy in order; more lanes cost one request at a time each
	}
}

var lineName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,99}$`)

// Load reads and checks a graph file. The builders say which sources and stages there are.
func Load(path string, b Builders) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read graph: %w", err)
	}
	defer f.Close()
	data, err := readBounded(f, maxGraphFile)
	if err != nil {
		return nil, fmt.Errorf("read graph %s: %w", path, err)
	}
	return Parse(path, data, b)
}

// Parse reads a graph file from memory. path is for messages, and for the folder that relative paths start from. The
// whole file is checked: an unknown key, source or stage is an error that names the line, the column and the nearest
// known name.
func Parse(path string, data []byte, b Builders) (*Config, error) {
	root, err := parseYAML(path, data)
	if err != nil {
		return nil, err
	}
	c := Defaults()
	c.File, c.sections = path, map[string]Section{}
	if c.Dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("folder of %s: %w", path, err)
	}
	if err := c.read(root, b); err != nil {
		return nil, err
	}
	if !filepath.IsAbs(c.Data) {
		c.Data = filepath.Join(c.Dir, c.Data)
	}
	if err := c.check(root, b); err != nil {
		return nil, err
	}
	return &c, nil
}

// read fills the config from the file's top level.
func (c *Config) read(root Section, b Builders) error {
	known := []string{"line", "data", "kafka", "store", "lanes", "memory_mb", "sources", "graph", "metrics", "mix", "train"}
	known = append(known, b.stageNames()...)
	for _, pair := range root.pairs() {
		key, at := pair.key, root.child(pair)
		var err error
		switch key {
		case "line":
			err = at.Decode(&c.Line)
		case "data":
			err = at.Decode(&c.Data)
		case "kafka":
			err = at.Decode(&c.Kafka)
		case "store":
			err = at.Decode(&c.Store)
		case "lanes":
			err = at.Decode(&c.Lanes)
		case "memory_mb":
			err = at.Decode(&c.MemoryMB)
		case "graph":
			err = at.Decode(&c.Graph)
		case "metrics":
			if err = at.Decode(&c.Metrics); err == nil && c.Metrics != "" && !hasPort(c.Metrics) {
				err = at.errorf("metrics: %q is no address: want host:port, or :port for this machine alone", c.Metrics)
			}
		case "mix":
			c.Mix = at
		case "train":
			c.Train = at
		case "sources": // read below, when the number of lanes is known
		default:
			if !b.isStage(key) {
				return root.unknown(pair, known)
			}
			c.sections[key] = at
		}
		if err != nil {
			return err
		}
	}
	for _, pair := range root.pairs() {
		if pair.key == "sources" {
			return c.readSources(root.child(pair), b)
		}
	}
	return nil
}

func (c *Config) readSources(list Section, b Builders) error {
	seq, ok := list.node.(*ast.SequenceNode)
	if !ok {
		if list.Empty() {
			return nil
		}
		return list.errorf("sources is a list of entries such as `- name: cc12m`")
	}
	for _, node := range seq.Values {
		entry := Section{Name: "sources", file: list.file, node: node}
		src := SourceAt{Lanes: c.Lanes}
		for _, pair := range entry.pairs() {
			at := entry.child(pair)
			switch _, isKind := b.Sources[pair.key]; {
			case pair.key == "name":
				if err := at.Decode(&src.Name); err != nil {
					return err
				}
			case pair.key == "lanes":
				if err := at.Decode(&src.Lanes); err != nil {
					return err
				}
			case !isKind:
				return entry.unknown(pair, append([]string{"name", "lanes"}, names(b.Sources)...))
			case src.Kind != "":
				return at.errorf("a source is of one kind, and this one is already %q", src.Kind)
			default:
				src.Kind, src.Settings = pair.key, at
			}
		}
		if src.Kind == "" {
			return entry.errorf("a source needs its kind, one of %v", names(b.Sources))
		}
		if src.Name == "" {
			src.Name = src.Kind
		}
		if !lineName.MatchString(src.Name) {
			return entry.errorf("source name %q: lower case letters, digits, _ and - only", src.Name)
		}
		if src.Lanes < 1 || src.Lanes > maxLanes {
			return entry.errorf("source %s: %d lanes, want 1 to %d", src.Name, src.Lanes, maxLanes)
		}
		for _, other := range c.Sources {
			if other.Name == src.Name {
				return entry.errorf("two sources are named %q: give one of them another `name`", src.Name)
			}
		}
		c.Sources = append(c.Sources, src)
	}
	return nil
}

const (
	maxGraphFile = 1 << 20 // bytes
	maxLanes     = 1024    // of a source; a topic has as many partitions as all sources have lanes
	maxSources   = 1000
)

// check holds the rules that need the whole file.
func (c *Config) check(root Section, b Builders) error {
	switch {
	case !lineName.MatchString(c.Line):
		return root.errorf("line %q: lower case letters, digits, _ and - only", c.Line)
	case c.Lanes < 1 || c.Lanes > maxLanes:
		return root.errorf("lanes: %d, want 1 to %d", c.Lanes, maxLanes)
	case c.MemoryMB < 16 || c.MemoryMB > 1<<20:
		return root.errorf("memory_mb: %d, want 16 to %d", c.MemoryMB, 1<<20)
	case len(c.Sources) == 0:
		return root.errorf("no sources: add `sources:` with at least one of %v", names(b.Sources))
	case len(c.Sources) > maxSources:
		return root.errorf("%d sources, want at most %d", len(c.Sources), maxSources)
	}
	if err := c.checkGraph(root, b); err != nil {
		return err
	}
	if wrong := c.checkKafka(); wrong != "" {
		return root.errorf("%s", wrong)
	}
	if wrong := c.checkStore(); wrong != "" {
		return root.errorf("%s", wrong)
	}
	for _, s := range c.Sources {
		if _, err := b.Sources[s.Kind].settings(s.Settings); err != nil {
			return err
		}
	}
	for _, name := range c.stages() {
		if _, _, err := b.stageSettings(name, c.sections[name]); err != nil {
			return err
		}
	}
	return nil
}

func hasPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// LaneCount is the number of lanes of all sources in the file.
func (c *Config) LaneCount() int {
	n := 0
	for _, s := range c.Sources {
		n += s.Lanes
	}
	return n
}
