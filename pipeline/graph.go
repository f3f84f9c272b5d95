package pipeline

import (
	"fmt"
	"strings"
)

// sourceStage is the name that stands for the sources at the head of the graph.
const sourceStage = "source"

// checkGraph holds the rules of the graph: it starts with source, ends with a sink, and names each stage once.
func (c *Config) checkGraph(root Section, b Builders) error {
	at := root
	for _, p := range root.pairs() {
		if p.key == "graph" {
			at = root.child(p)
		}
	}
	if len(c.Graph) == 0 {
		return at.errorf("no graph: add `graph:` with one list of stages a line, from [%s] to a sink (%s)",
			sourceStage, strings.Join(names(b.Sinks), ", "))
	}
	if len(c.Graph) == 1 {
		return at.errorf("graph: a topic must lie between %s and the sink: write them as two segments", sourceStage)
	}
	seen := map[string]bool{}
	last := len(c.Graph) - 1
	for i, segment := range c.Graph {
		if len(segment) == 0 {
			return at.errorf("graph: segment %d is empty", i+1)
		}
		for j, name := range segment {
			isFirst, isLast := i == 0 && j == 0, i == last && j == len(segment)-1
			_, isSink := b.Sinks[name]
			switch {
			case seen[name]:
				return at.errorf("graph: %s stands twice", name)
			case isFirst != (name == sourceStage):
				return at.errorf("graph: starts with %s, and it stands nowhere else", sourceStage)
			case isLast != isSink:
				return at.errorf("graph: ends with one of %v, and it stands nowhere else", names(b.Sinks))
			case name != sourceStage && !b.isStage(name):
				e := fmt.Sprintf("graph: no stage is named %q", name)
				near := nearest(name, b.stageNames())
				if near != "" {
					e += fmt.Sprintf(" (nearest known: %q)", near)
				}
				return at.errorf("%s", e)
			}
			seen[name] = true
		}
	}
	return nil
}

// stages returns the stages of the graph in their order, without source.
func (c *Config) stages() []string {
	var out []string
	for _, segment := range c.Graph {
		for _, name := range segment {
			if name != sourceStage {
				out = append(out, name)
			}
		}
	}
	return out
}

// Segment is a run of stages that work in one process. Kafka topics lie between segments.
type Segment struct {
	Index  int
	Stages []string
	Input  string // topic; "" for the sources
	Output string // topic; "" for the sink
}

// Name of a segment is the name of its last stage, under which its topic and its saved positions are known.
func (s Segment) Name() string { return s.Stages[len(s.Stages)-1] }

// Segments returns the graph with its topics, `<line>.<last stage>`.
func (c *Config) Segments() []Segment {
	out := make([]Segment, len(c.Graph))
	for i, stages := range c.Graph {
		out[i] = Segment{Index: i, Stages: stages}
		if i > 0 {
			out[i].Input = out[i-1].Output
		}
		if i < len(c.Graph)-1 {
			out[i].Output = c.base() + "." + out[i].Name()
		}
	}
	return out
}

// choose returns the segments that hold the named stages; no name means all of them.
func (c *Config) choose(stages []string) ([]Segment, error) {
	all := c.Segments()
	if len(stages) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, s := range stages {
		wanted[s] = true
	}
	var out []Segment
	for _, seg := range all {
		var in, missing []string
		for _, s := range seg.Stages {
			if wanted[s] {
				in = append(in, s)
				delete(wanted, s)
			} else {
				missing = append(missing, s)
			}
		}
		if len(in) == 0 {
			continue
		}
		if len(missing) > 0 {
			return nil, fmt.Errorf("stages %v run in one process with %v: name them too, or put them into a segment of their own in %s",
				in, missing, c.File)
		}
		out = append(out, seg)
	}
	for s := range wanted {
		return nil, fmt.Errorf("%s has no stage %q: it has %v", c.File, s, append([]string{sourceStage}, c.stages()...))
	}
	return out, nil
}

// StageSettings returns a stage's own settings, of the type that its builder was made for. ok is false if the graph does
// not have the stage.
func (c *Config) StageSettings(b Builders, name string) (settings any, ok bool, err error) {
	if name == sourceStage || !contains(c.stages(), name) {
		return nil, false, nil
	}
	_, settings, err = b.stageSettings(name, c.sections[name])
	return settings, err == nil, err
}
