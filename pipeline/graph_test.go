package pipeline

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files")

type listSettings struct {
	List    string        `yaml:"list"`
	Timeout time.Duration `yaml:"timeout"`
	Nested  struct {
		Depth int     `yaml:"depth"`
		Ends  *[2]int `yaml:"ends,omitempty"`
	} `yaml:"nested"`
}

func (s listSettings) Validate() error {
	if s.Timeout < 0 {
		return errors.New("timeout is negative")
	}
	return nil
}

// graphBuilders is a table of parts that build nothing.
func graphBuilders() Builders {
	defaults := listSettings{Timeout: time.Second}
	defaults.Nested.Depth = 3
	stage := func(w Work) Builder[Stage] {
		return Build(defaults, w, func(context.Context, listSettings, Env) (Stage, error) { return nil, nil })
	}
	return Builders{
		Sources: map[string]Builder[Source]{
			"cc12m":     Build(defaults, Work{}, func(context.Context, listSettings, Env) (Source, error) { return nil, nil }),
			"wikipedia": Build(defaults, Work{}, func(context.Context, listSettings, Env) (Source, error) { return nil, nil }),
		},
		Stages: map[string]Builder[Stage]{
			"fetch": stage(Work{Concurrency: 32, Batch: 1, Window: 2048}), "clean": stage(Work{}), "view": stage(Work{}),
			"visual": stage(Work{Batch: 32}), "text": stage(Work{}),
		},
		Sinks: map[string]Builder[Sink]{
			"shard": Build(defaults, Work{}, func(context.Context, listSettings, Env) (Sink, error) { return nil, nil }),
		},
	}
}

const fullGraph = `# The demo's line.
line: demo
data: /data/run
kafka: {brokers: [], log_mb: 128}
lanes: 4
sources:
  - name: cc12m
    cc12m: {list: list.tsv}
  - name: english
    lanes: 2
    wikipedia: {nested: {depth: 5}}
graph:
  - [source]
  - [fetch]
  - [clean, view]
  - [visual, text, shard]
fetch: {concurrency: 8, timeout: 5s}
view:
mix: {anything: goes}
`

func TestParse(t *testing.T) {
	c, err := Parse("/etc/graph.yaml", []byte(fullGraph), graphBuilders())
	if err != nil {
		t.Fatal(err)
	}
	if c.Line != "demo" || c.Data != "/data/run" || c.Kafka.LogMB != 128 || c.Kafka.Replication != 3 || c.LaneCount() != 6 || c.StoreURL() != "/data/run" {
		t.Errorf("Parse = %+v", c)
	}
	work, settings, err := graphBuilders().stageSettings("fetch", c.sections["fetch"])
	if err != nil {
		t.Fatal(err)
	}
	if s := settings.(listSettings); s.Timeout != 5*time.Second || s.Nested.Depth != 3 {
		t.Errorf("fetch settings = %+v, want the file's on top of the defaults", s)
	}
	if work.Concurrency != 8 || work.Window != 2048 || work.Deadline != 30*time.Second {
		t.Errorf("fetch work = %+v, want the file's on top of the stage's on top of the defaults", work)
	}
	var mix struct {
		Anything string `yaml:"anything"`
	}
	if err := c.Mix.Decode(&mix); err != nil || mix.Anything != "goes" || !c.Train.Empty() {
		t.Errorf("mix = %+v, %v", mix, err)
	}
	want := []Segment{
		{0, []string{"source"}, "", "demo.source"},
		{1, []string{"fetch"}, "demo.source", "demo.fetch"},
		{2, []string{"clean", "view"}, "demo.fetch", "demo.view"},
		{3, []string{"visual", "text", "shard"}, "demo.view", ""},
	}
	if diff := cmp.Diff(want, c.Segments()); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"unknown key", "lanes: 4", "lames: 4", `graph.yaml:5:1: unknown key "lames" (nearest known: "lanes")`},
		{"unknown stage section", "fetch: {", "fetsh: {", `graph.yaml:17:1: unknown key "fetsh" (nearest known: "fetch")`},
		{"unknown setting", "timeout: 5s", "timeuot: 5s", `graph.yaml:17:25: unknown key "timeuot" (nearest known: "timeout")`},
		{"unknown runner setting", "concurrency: 8", "concurency: 8", `graph.yaml:17:9: unknown key "concurency" (nearest known: "concurrency")`},
		{"unknown nested setting", "depth: 5", "deph: 5", `graph.yaml:11:26: unknown key "deph" (nearest known: "depth")`},
		{"unknown source", "cc12m: {list", "cc13m: {list", `graph.yaml:8:5: unknown key "cc13m" (nearest known: "cc12m")`},
		{"unknown kafka setting", "log_mb", "log_gb", `graph.yaml:4:22: unknown key "log_gb" (nearest known: "log_mb")`},
		{"fraction", "depth: 5", "depth: 5.5", "graph.yaml:11:33: depth: want a whole number, not 5.5"},
		{"list too long", "depth: 5", "ends: [0, 1, 2]", "graph.yaml:11:32: ends: want 2 values, not 3"},
		{"list too short", "depth: 5", "ends: &e [0]", "ends: want 2 values, not 1"},
		{"wrong type", "lanes: 4", "lanes: many", "graph.yaml:5:8: "},
		{"invalid setting", "timeout: 5s", "timeout: -5s", "fetch: timeout is negative"},
		{"invalid work", "concurrency: 8", "concurrency: -8", "concurrency: -8, want 1 to"},
		{"unknown stage", "[clean, view]", "[clean, vieuw]", `no stage is named "vieuw" (nearest known: "view")`},
		{"stage twice", "[clean, view]", "[clean, clean]", "clean stands twice"},
		{"no source", "  - [source]\n", "", "starts with source"},
		{"source in the middle", "[fetch]", "[fetch, source]", "source stands twice"},
		{"no sink", "[visual, text, shard]", "[visual, text]", "ends with one of [shard]"},
		{"sink in the middle", "[fetch]", "[fetch, shard]", "ends with one of [shard]"},
		{"empty segment", "[fetch]", "[]", "segment 2 is empty"},
		{"same name", "name: english", "name: cc12m", "two sources are named"},
		{"no kind", "    wikipedia: {nested: {depth: 5}}\n", "", "needs its kind"},
		{"two kinds", "    lanes: 2\n", "    cc12m: {}\n", "one kind"},
		{"lane count", "lanes: 2", "lanes: 0", "0 lanes, want 1 to"},
		{"line name", "line: demo", "line: Demo!", "lower case"},
		{"twice", "lanes: 4", "lanes: 4\nlanes: 5", "graph.yaml:6:1: "},
		{"two documents", "mix:", "---\nmix:", "a second document"},
		{"not YAML", "lanes: 4", "lanes: [4", "graph.yaml:"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(fullGraph, tt.from) {
				t.Fatalf("the graph has no %q", tt.from)
			}
			text := strings.Replace(fullGraph, tt.from, tt.to, 1)
			_, err := Parse("graph.yaml", []byte(text), graphBuilders())
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Parse: %v\nwant one line with %q", err, tt.want)
			}
		})
	}
}

func TestParseEmpty(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n", "null\n", "[]\n", "text\n"} {
		if _, err := Parse("graph.yaml", []byte(text), graphBuilders()); err == nil {
			t.Errorf("Parse(%q) = no error", text)
		}
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "graph.yaml")
	if _, err := Load(path, graphBuilders()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of no file: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(fullGraph, "/data/run", "run", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, graphBuilders())
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(filepath.Dir(path), "run"); c.Data != want {
		t.Errorf("Data = %s, want %s", c.Data, want)
	}
}

func TestChoose(t *testing.T) {
	c, err := Parse("graph.yaml", []byte(fullGraph), graphBuilders())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		stages []string
		want   string // names of segments, or an error
	}{
		{nil, "source fetch view shard"},
		{[]string{"fetch"}, "fetch"},
		{[]string{"clean", "view", "source"}, "source view"},
		{[]string{"view"}, "run in one process with [clean]"},
		{[]string{"fetsh"}, `no stage "fetsh"`},
	} {
		got, err := c.choose(tt.stages)
		var text []string
		for _, s := range got {
			text = append(text, s.Name())
		}
		if err != nil {
			text = []string{err.Error()}
		}
		if !strings.Contains(strings.Join(text, " "), tt.want) {
			t.Errorf("choose(%v) = %v, want %s", tt.stages, text, tt.want)
		}
	}
}

func TestPlan(t *testing.T) {
	c, err := Parse("graph.yaml", []byte(fullGraph), graphBuilders())
	if err != nil {
		t.Fatal(err)
	}
	p, err := c.Plan(graphBuilders())
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := p.Write(&got); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/plan.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Error(diff)
	}
}

// FuzzParse: a graph file gives a checked config or an error, never a panic; and what it accepts can be planned.
func FuzzParse(f *testing.F) {
	f.Add([]byte(fullGraph))
	f.Add([]byte(fullGraph[:200]))
	f.Add([]byte(fullGraph + "\x00garbage: ["))
	f.Add([]byte("sources: [{cc12m: {}}]\ngraph: [[source],[shard]]"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("graph.yaml", data, graphBuilders())
		if err != nil {
			return
		}
		if _, err := c.Plan(graphBuilders()); err != nil {
			t.Errorf("Plan of an accepted graph: %v", err)
		}
		if n := len(c.Segments()); n < 2 || c.LaneCount() < 1 {
			t.Errorf("accepted %d segments and %d lanes", n, c.LaneCount())
		}
	})
}
