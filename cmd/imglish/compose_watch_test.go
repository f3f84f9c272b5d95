package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/imglish/imglish/metrics"
)

// series are the names that queries may ask for, with their labels.
func series(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	add := func(name, kind string, labels []string) {
		labels = append([]string{"job", "instance"}, labels...)
		if kind != "histogram" {
			out[name] = labels
			return
		}
		out[name+"_sum"], out[name+"_count"] = labels, labels
		out[name+"_bucket"] = append([]string{"le"}, labels...)
	}
	for _, m := range metrics.All() {
		add(m.Name, m.Type, m.Labels)
	}
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		add(f.GetName(), strings.ToLower(f.GetType().String()), nil)
	}
	return out
}

// checkQuery holds a query to the metrics that there are, and returns the labels of what it yields.
func checkQuery(t *testing.T, where, query string, known map[string][]string) []string {
	t.Helper()
	query = strings.NewReplacer("$__rate_interval", "1m", "$line", "x").Replace(query)
	e, err := metricsql.Parse(query)
	if err != nil {
		t.Errorf("%s: %s: %v", where, query, err)
		return nil
	}
	return labelsOf(t, where, e, known)
}

func labelsOf(t *testing.T, where string, e metricsql.Expr, known map[string][]string) []string {
	t.Helper()
	switch e := e.(type) {
	case *metricsql.MetricExpr:
		for _, filters := range e.LabelFilterss {
			name := ""
			for _, f := range filters {
				if f.Label == "__name__" {
					name = f.Value
				}
			}
			labels, ok := known[name]
			if !ok {
				t.Errorf("%s: there is no metric %q", where, name)
				return nil
			}
			for _, f := range filters {
				if f.Label != "__name__" && !slices.Contains(labels, f.Label) {
					t.Errorf("%s: %s has no label %s", where, name, f.Label)
				}
			}
			return labels
		}
	case *metricsql.RollupExpr:
		return labelsOf(t, where, e.Expr, known)
	case *metricsql.FuncExpr:
		var labels []string
		for _, a := range e.Args {
			labels = append(labels, labelsOf(t, where, a, known)...)
		}
		if e.Name == "rate" || e.Name == "deriv" || e.Name == "changes" {
			if r, ok := e.Args[0].(*metricsql.RollupExpr); !ok || r.Window == nil {
				t.Errorf("%s: %s of no range", where, e.Name)
			}
		}
		if e.Name == "rate" {
			text := string(e.AppendString(nil))
			if !regexp.MustCompile(`_(total|bucket|count|sum)\b`).MatchString(text) {
				t.Errorf("%s: %s: a rate of what is no counter", where, text)
			}
		}
		return slices.DeleteFunc(labels, func(l string) bool { return e.Name == "histogram_quantile" && l == "le" })
	case *metricsql.AggrFuncExpr:
		inner := labelsOf(t, where, e.Args[0], known)
		for _, l := range e.Modifier.Args {
			if !slices.Contains(inner, l) {
				t.Errorf("%s: %s by %s, which %s does not have", where, e.Name, l, e.Args[0].AppendString(nil))
			}
		}
		return e.Modifier.Args
	case *metricsql.BinaryOpExpr:
		left, right := labelsOf(t, where, e.Left, known), labelsOf(t, where, e.Right, known)
		if left == nil {
			return right
		}
		return left
	case *metricsql.NumberExpr, *metricsql.DurationExpr, *metricsql.StringExpr:
		return nil
	default:
		t.Errorf("%s: %T is not known here", where, e)
	}
	return nil
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(composeDir, path))
	if err == nil {
		err = yaml.UnmarshalWithOptions(data, into, yaml.Strict())
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestAlertRules(t *testing.T) {
	known := series(t)
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr         string
				For                 time.Duration
				Labels, Annotations map[string]string
			}
		}
	}
	readYAML(t, "prometheus/rules.yml", &file)
	played, err := os.ReadFile(filepath.Join(composeDir, "prometheus/rules_test.yml"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || names[r.Alert] || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("rule %+v: want a name of its own, severity, summary and description", r)
			}
			names[r.Alert] = true
			if !strings.Contains(string(played), r.Alert) {
				t.Errorf("prometheus/rules_test.yml does not play %s", r.Alert)
			}
			labels := checkQuery(t, r.Alert, r.Expr, known)
			for _, text := range r.Annotations {
				for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(text, -1) {
					if !slices.Contains(labels, m[1]) {
						t.Errorf("%s names %s, its query yields %v", r.Alert, m[0], labels)
					}
				}
			}
		}
	}
	for _, want := range []string{"LaneStandsStill", "LagGrows", "ManySkips", "TrainerWaits", "EmbeddedLogTooLarge"} {
		if !names[want] {
			t.Errorf("no alert %s", want)
		}
	}
}

// What Prometheus scrapes is what the services serve.
func TestPrometheusScrapesTheServices(t *testing.T) {
	var file struct {
		Global        map[string]string
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName string `yaml:"job_name"`
			DNS     []struct {
				Names   []string
				Type    string
				Port    int
				Refresh time.Duration `yaml:"refresh_interval"`
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, "prometheus/prometheus.yml", &file)
	for _, f := range file.RuleFiles {
		if _, err := os.Stat(filepath.Join(composeDir, "prometheus", f)); err != nil {
			t.Error(err)
		}
	}
	p := composeProject(t)
	image := readDockerfile(t)["imglish"]
	scraped := map[string]int{}
	for _, c := range file.ScrapeConfigs {
		for _, d := range c.DNS {
			for _, name := range d.Names {
				scraped[name] = d.Port
				if (c.JobName == "train") != (name == "train") {
					t.Errorf("%s is scraped by job %s", name, c.JobName)
				}
			}
			if !strings.Contains(image.health, fmt.Sprintf(":%d/", d.Port)) || !slices.Contains(image.expose, strconv.Itoa(d.Port)) {
				t.Errorf("the image exposes %v and is checked by %s, Prometheus asks port %d", image.expose, image.health, d.Port)
			}
		}
	}
	for name, s := range imglishServices(p) {
		cmd, _ := parsed(t, name, s.Command)
		address := cmd.Flag("metrics").Value.String()
		host, port, err := net.SplitHostPort(address)
		if err != nil || host != "0.0.0.0" || metrics.CheckAddress(address) != nil {
			t.Errorf("%s: --metrics %q cannot be reached from another container (%v)", name, address, err)
		}
		if port != strconv.Itoa(scraped[name]) {
			t.Errorf("%s serves port %s, Prometheus asks %d", name, port, scraped[name])
		}
		delete(scraped, name)
	}
	if len(scraped) > 0 {
		t.Errorf("Prometheus asks for what is not there: %v", scraped)
	}
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ H, W, X, Y int }
	Datasource               struct{ UID string }
	FieldConfig              struct{ Defaults struct{ Unit string } }
	Targets                  []struct {
		RefID, Expr, LegendFormat string
		Datasource                struct{ UID string }
	}
}

func TestDashboard(t *testing.T) {
	known := series(t)
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type, Access, URL string
			IsDefault                    bool              `yaml:"isDefault"`
			JSONData                     map[string]string `yaml:"jsonData"`
		}
	}
	readYAML(t, "grafana/provisioning/datasources/prometheus.yaml", &sources)
	var providers struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Type     string
			AllowUIUpdates bool `yaml:"allowUiUpdates"`
			Options        struct{ Path string }
		}
	}
	readYAML(t, "grafana/provisioning/dashboards/imglish.yaml", &providers)
	grafana := composeProject(t).Services["grafana"]
	if path := providers.Providers[0].Options.Path; !mounts(grafana, path, "dashboards") ||
		*grafana.Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] != path+"/imglish.json" {
		t.Errorf("Grafana looks for dashboards in %s, which is not where they are", path)
	}
	if u := sources.Datasources[0].URL; u != "http://prometheus:9090" {
		t.Errorf("Grafana asks %s", u)
	}
	uid := sources.Datasources[0].UID

	data, err := os.ReadFile(filepath.Join(composeDir, "grafana/dashboards/imglish.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		UID, Title string
		Templating struct {
			List []struct {
				Name, Definition string
				Datasource       struct{ UID string }
			}
		}
		Panels []panel
	}
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	for _, v := range d.Templating.List {
		m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(v.Definition)
		if m == nil || !slices.Contains(known[m[1]], m[2]) || v.Datasource.UID != uid {
			t.Errorf("variable %s: %s", v.Name, v.Definition)
		}
	}
	// Grafana's names of the units that are used here.
	units := []string{"short", "ops", "Bps", "bytes", "s", "percentunit"}
	ids, titles, taken := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
	section, shown := "", map[string]bool{}
	for _, p := range d.Panels {
		if p.ID == 0 || ids[p.ID] {
			t.Errorf("panel %q: id %d is not its own", p.Title, p.ID)
		}
		ids[p.ID] = true
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 || g.Y < 0 {
			t.Errorf("panel %q lies at %+v, outside of 24 columns", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("panels %q and %q lie over each other", other, p.Title)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			section = p.Title
			continue
		}
		where := section + ": " + p.Title
		if p.Title == "" || p.Description == "" || titles[where] {
			t.Errorf("panel %q: want a title of its own and a description", where)
		}
		titles[where] = true
		if !slices.Contains([]string{"timeseries", "stat"}, p.Type) || p.Datasource.UID != uid {
			t.Errorf("%s: type %s, data source %s", where, p.Type, p.Datasource.UID)
		}
		if !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
			t.Errorf("%s: unit %q is not one of %v", where, p.FieldConfig.Defaults.Unit, units)
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s: asks nothing", where)
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if q.RefID == "" || refs[q.RefID] || q.Datasource.UID != uid {
				t.Errorf("%s: query %q of %q", where, q.RefID, q.Datasource.UID)
			}
			refs[q.RefID] = true
			labels := checkQuery(t, where, q.Expr, known)
			for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
				if !slices.Contains(labels, m[1]) {
					t.Errorf("%s: legend %s, the query yields %v", where, q.LegendFormat, labels)
				}
			}
			for _, m := range metrics.All() {
				if strings.Contains(q.Expr, m.Name) {
					shown[m.Name] = true
				}
			}
		}
	}
	for _, want := range []string{"imglish_segment_lag_records", "imglish_stage_records_out_total", "imglish_stage_skips_total", "imglish_stage_process_seconds", "imglish_stage_backpressure_seconds_total", "imglish_train_wait_seconds_total", "imglish_store_operation_seconds"} {
		if !shown[want] {
			t.Errorf("no panel shows %s", want)
		}
	}
}
