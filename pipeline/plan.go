package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/goccy/go-yaml"
)

// Plan is a graph file as a table: what runs where, over which topics, how wide.
type Plan struct {
	Line    string       `json:"line"`
	Data    string       `json:"data"`
	Brokers []string     `json:"brokers"` // empty: the embedded broker
	Store   string       `json:"store"`
	LogMB   int          `json:"log_mb"`
	Sources []PlanSource `json:"sources"`
	Stages  []PlanStage  `json:"stages"`
	Topics  []PlanTopic  `json:"topics"`
}

// PlanSource is a source with its lanes.
type PlanSource struct {
	Name     string         `json:"name"`
	Kind     string         `json:"kind"`
	First    int            `json:"first_lane"` // in a line that is begun with this file
	Lanes    int            `json:"lanes"`
	Settings map[string]any `json:"settings"`
	Changed  []string       `json:"changed"` // "key=value" of settings that are not the default
}

// PlanStage is a stage with what drives it.
type PlanStage struct {
	Stage    string         `json:"stage"`
	Segment  string         `json:"segment"`
	Input    string         `json:"input"`  // topic, of the first stage of a segment
	Output   string         `json:"output"` // topic, of the last stage of a segment
	Lanes    int            `json:"lanes"`
	Work     *PlanWork      `json:"work,omitempty"` // none for source
	Settings map[string]any `json:"settings,omitempty"`
	Changed  []string       `json:"changed,omitempty"`
}

// PlanWork is Work as reports show it.
type PlanWork struct {
	Concurrency int     `json:"concurrency"`
	Batch       int     `json:"batch"`
	Window      int     `json:"window"`
	WindowMB    int     `json:"window_mb"`
	DeadlineSec float64 `json:"deadline_s"`
	Retries     int     `json:"retries"`
}

// PlanTopic is a topic of the line.
type PlanTopic struct {
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	LaneBytes  int64  `json:"lane_bytes"` // that a partition keeps; 0: all
	Copies     int    `json:"copies"`
	Settings   string `json:"settings"` // that the topic is made with, as name=value
}

// Plan lays a graph file out. It starts nothing and opens no file.
func (c *Config) Plan(b Builders) (Plan, error) {
	p := Plan{Line: c.Line, Data: c.Data, Brokers: c.Kafka.Brokers, Store: c.StoreURL(), LogMB: c.Kafka.LogMB}
	first := 0
	for _, s := range c.Sources {
		settings, err := b.Sources[s.Kind].settings(s.Settings)
		if err != nil {
			return Plan{}, err
		}
		ps := PlanSource{Name: s.Name, Kind: s.Kind, First: first, Lanes: s.Lanes}
		if ps.Settings, ps.Changed, err = laidOut(b.Sources[s.Kind].defaults, settings); err != nil {
			return Plan{}, err
		}
		p.Sources = append(p.Sources, ps)
		first += s.Lanes
	}
	for _, w := range c.topicWants(len(c.Sources), first) {
		p.Topics = append(p.Topics, PlanTopic{w.name, w.partitions, w.limit, w.copies, w.text()})
	}
	segments := c.Segments()
	for _, seg := range segments {
		for j, name := range seg.Stages {
			ps := PlanStage{Stage: name, Segment: seg.Name(), Lanes: first}
			if j == 0 {
				ps.Input = seg.Input
			}
			if j == len(seg.Stages)-1 {
				ps.Output = seg.Output
			}
			if name != sourceStage {
				if err := ps.settle(c, b); err != nil {
					return Plan{}, err
				}
			}
			p.Stages = append(p.Stages, ps)
		}
	}
	return p, nil
}

func (p *PlanStage) settle(c *Config, b Builders) error {
	w, settings, err := b.stageSettings(p.Stage, c.sections[p.Stage])
	if err != nil {
		return err
	}
	if _, isSink := b.Sinks[p.Stage]; !isSink {
		p.Work = &PlanWork{w.Concurrency, w.Batch, w.Window, w.WindowMB, w.Deadline.Seconds(), w.Retries}
	}
	defaults := b.Stages[p.Stage].defaults
	if defaults == nil {
		defaults = b.Sinks[p.Stage].defaults
	}
	p.Settings, p.Changed, err = laidOut(defaults, settings)
	return err
}

// laidOut gives settings as a map, and those that are not the default as "key=value".
func laidOut(defaults, settings any) (all map[string]any, changed []string, err error) {
	was, err := asMap(defaults)
	if err != nil {
		return nil, nil, err
	}
	if all, err = asMap(settings); err != nil {
		return nil, nil, err
	}
	for _, k := range names(all) {
		if !reflect.DeepEqual(all[k], was[k]) {
			text, err := yaml.MarshalWithOptions(all[k], yaml.Flow(true))
			if err != nil {
				return nil, nil, fmt.Errorf("show setting %s: %w", k, err)
			}
			changed = append(changed, k+"="+strings.TrimSpace(string(text)))
		}
	}
	return all, changed, nil
}

func asMap(settings any) (map[string]any, error) {
	text, err := yaml.Marshal(settings)
	if err != nil {
		return nil, fmt.Errorf("show settings: %w", err)
	}
	out := map[string]any{}
	if err := yaml.Unmarshal(text, &out); err != nil {
		return nil, fmt.Errorf("show settings: %w", err)
	}
	return out, nil
}

// Write prints the plan for people. `|` stands between stages of one process, a topic's name between processes.
func (p Plan) Write(w io.Writer) error {
	var out bytes.Buffer
	broker := strings.Join(p.Brokers, ",")
	if broker == "" {
		broker = "embedded"
	}
	fmt.Fprintf(&out, "line %s   data %s   broker %s (log up to %d MiB)   store %s\n\n", p.Line, p.Data, broker, p.LogMB, p.Store)
	t := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tKIND\tLANES\tSETTINGS")
	for _, s := range p.Sources {
		fmt.Fprintf(t, "%s\t%s\t%d-%d\t%s\n", s.Name, s.Kind, s.First, s.First+s.Lanes-1, strings.Join(s.Changed, " "))
	}
	fmt.Fprintln(t)
	if err := t.Flush(); err != nil {
		return err
	}
	t = tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t, "READS\tSTAGE\tWRITES\tLANES\tAT ONCE\tBATCH\tWINDOW\tSETTINGS")
	for _, s := range p.Stages {
		at, batch, window := "", "", ""
		if s.Work != nil {
			at, batch = fmt.Sprint(s.Work.Concurrency), fmt.Sprint(s.Work.Batch)
			window = fmt.Sprintf("%d, %d MiB", s.Work.Window, s.Work.WindowMB)
		}
		in, dst := s.Input, s.Output
		if in == "" {
			if in = "|"; s.Stage == sourceStage {
				in = "files"
			}
		}
		if dst == "" {
			if dst = "|"; s.Work == nil {
				dst = "store"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", in, s.Stage, dst, s.Lanes, at, batch, window, strings.Join(s.Changed, " "))
	}
	if len(p.Brokers) > 0 {
		fmt.Fprintln(t)
		if err := t.Flush(); err != nil {
			return err
		}
		t = tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
		fmt.Fprintln(t, "TOPIC\tPARTITIONS\tCOPIES\tMADE WITH")
		for _, s := range p.Topics {
			fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", s.Topic, s.Partitions, s.Copies, s.Settings)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	// tabwriter pads the last column too.
	for line := range strings.Lines(out.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
