package metrics_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/imglish/imglish/metrics"
	"github.com/imglish/imglish/pipeline"
)

// A line of 900 numbers: every 10th is skipped, and each skip is tried once more before.
const rows = 900

type settings struct{}

func (settings) Validate() error { return nil }

type numbers struct {
	next int64
	pad  int // bytes of a text
}

func (*numbers) Dataset() string { return "numbers" }
func (*numbers) Files(context.Context) ([]pipeline.File, error) {
	return []pipeline.File{{Name: "a", Size: rows, Fingerprint: "x"}}, nil
}
func (n *numbers) Open(_ context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	return &numbers{after.Row, n.pad}, nil
}
func (n *numbers) Left() (int64, int64, string) { return n.next, rows, "rows" }
func (n *numbers) Close() error                 { return nil }
func (n *numbers) Next(context.Context) (pipeline.Row, error) {
	if n.next == rows {
		return pipeline.Row{}, io.EOF
	}
	n.next++
	o := &pipeline.Origin{Dataset: "numbers", Key: fmt.Sprint(n.next), Revision: "1"}
	s := &pipeline.Sample{Id: pipeline.SampleID(o.Dataset, o.Key, o.Revision), Kind: pipeline.Kind_TEXT, Source: o}
	if n.pad > 0 {
		s.Parts = []*pipeline.Part{{Text: strings.Repeat("x", n.pad)}}
	}
	return pipeline.Row{After: pipeline.Cursor{Row: n.next}, Result: pipeline.Keep(s)}, nil
}

// keep is a sink that makes everything durable at once, if gate is nil or closed.
type keep struct{ gate chan struct{} }

func (keep) Resume(context.Context, pipeline.Lane) (pipeline.Position, error) {
	return pipeline.Position{LastSeq: -1, InputOffset: -1}, nil
}
func (k keep) Append(ctx context.Context, _ pipeline.Lane, in []pipeline.Outcome) (pipeline.Position, error) {
	if k.gate != nil {
		select {
		case <-k.gate:
		case <-ctx.Done():
			return pipeline.Position{}, ctx.Err()
		}
	}
	last := in[len(in)-1]
	return pipeline.Position{LastSeq: int64(last.Seq), InputOffset: last.InputOffset, InputWriter: last.InputWriter}, nil
}
func (keep) Drop(pipeline.Lane) {}
func (keep) Close() error       { return nil }

func sift(_ context.Context, s *pipeline.Sample) (pipeline.Result, error) {
	if strings.HasSuffix(s.Source.Key, "0") {
		return pipeline.DropRetryable("round", "ends in 0"), nil
	}
	return pipeline.Keep(s), nil
}

func newRunner(t *testing.T, work func(context.Context, *pipeline.Sample) (pipeline.Result, error), pad int, sink keep, deadline time.Duration) (*pipeline.Config, *pipeline.Runner) {
	t.Helper()
	b := pipeline.Builders{
		Sources: map[string]pipeline.Builder[pipeline.Source]{"numbers": pipeline.Build(settings{}, pipeline.Work{},
			func(context.Context, settings, pipeline.Env) (pipeline.Source, error) { return &numbers{pad: pad}, nil })},
		Stages: map[string]pipeline.Builder[pipeline.Stage]{"sift": pipeline.Build(settings{}, pipeline.Work{},
			func(context.Context, settings, pipeline.Env) (pipeline.Stage, error) { return pipeline.Each(work), nil })},
		Sinks: map[string]pipeline.Builder[pipeline.Sink]{"keep": pipeline.Build(settings{}, pipeline.Work{},
			func(context.Context, settings, pipeline.Env) (pipeline.Sink, error) { return sink, nil })},
	}
	graph := "line: tally\nlanes: 3\nkafka: {log_mb: 16}\ndata: " + t.TempDir() + "\nsources: [numbers: {}]\ngraph: [[source], [sift], [keep]]\n" +
		fmt.Sprintf("sift: {retries: 1, backoff: 1ms, deadline: %s, batch: 4}\n", deadline)
	cfg, err := pipeline.Parse("graph.yaml", []byte(graph), b)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pipeline.New(cfg, b, pipeline.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return cfg, r
}

func serve(t *testing.T, c metrics.Config) string {
	t.Helper()
	c.Address = ":0"
	s, err := metrics.Serve(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if !strings.HasPrefix(s.Address(), "127.0.0.1:") {
		t.Errorf("%q listens on %s, want loopback", c.Address, s.Address())
	}
	return "http://" + s.Address()
}

func lineConfig(cfg *pipeline.Config, r *pipeline.Runner) metrics.Config {
	return metrics.Config{
		Collectors: []prometheus.Collector{metrics.NewLine(r.Snapshot, cfg.LogSize)},
		Live:       func() error { return metrics.Live(r.Snapshot()) },
		Ready:      func() error { return metrics.Ready(r.Snapshot()) },
		Details:    func() string { return metrics.Standing(r.Snapshot()) },
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// scrape reads /metrics as Prometheus does.
func scrape(t *testing.T, base string) map[string]*dto.MetricFamily {
	t.Helper()
	code, body := get(t, base+"/metrics")
	if code != http.StatusOK {
		t.Fatalf("/metrics: %d\n%s", code, body)
	}
	p := expfmt.NewTextParser(model.LegacyValidation)
	families, err := p.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatalf("/metrics: %v", err)
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "imglish_") {
			t.Errorf("promlint: %s: %s", p.Metric, p.Text)
		}
	}
	if err != nil {
		t.Error(err)
	}
	return families
}

// sample finds the metric with these labels and no others; a histogram's value is its count.
func sample(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	for _, m := range families[name].GetMetric() {
		var have []string
		for _, l := range m.GetLabel() {
			have = append(have, l.GetName()+"="+l.GetValue())
		}
		slices.Sort(have)
		slices.Sort(labels)
		if slices.Equal(have, labels) {
			switch {
			case m.Counter != nil:
				return m.Counter.GetValue()
			case m.Gauge != nil:
				return m.Gauge.GetValue()
			}
			return float64(m.Histogram.GetSampleCount())
		}
	}
	t.Errorf("no %s%v among %v", name, labels, families[name])
	return -1
}

func TestScrapeAgreesWithTheClosingTable(t *testing.T) {
	cfg, r := newRunner(t, sift, 0, keep{}, 5*time.Minute)
	base := serve(t, lineConfig(cfg, r))
	if code, body := get(t, base+"/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "not connected") {
		t.Errorf("/readyz before the start: %d %q", code, body)
	}
	if code, _ := get(t, base+"/healthz"); code != http.StatusOK {
		t.Errorf("/healthz before the start: %d", code)
	}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"/readyz", "/healthz"} {
		if code, body := get(t, base+page); code != http.StatusOK || body != "ok\n" {
			t.Errorf("%s: %d %q", page, code, body)
		}
	}
	s, f := r.Snapshot(), scrape(t, base)
	for _, st := range s.Stages {
		at := []string{"line=tally", "stage=" + st.Stage}
		for name, want := range map[string]float64{
			"imglish_stage_records_in_total":  float64(st.In),
			"imglish_stage_records_out_total": float64(st.Out),
			"imglish_stage_retries_total":     float64(st.Retries),
			"imglish_stage_bytes_in_total":    float64(st.BytesIn),
			"imglish_stage_bytes_out_total":   float64(st.Bytes),
			"imglish_stage_process_seconds":   float64(st.Latency.Count()),
		} {
			if got := sample(t, f, name, at...); got != want {
				t.Errorf("%s of %s: %v, the table says %v", name, st.Stage, got, want)
			}
		}
	}
	for name, want := range map[string]float64{
		"imglish_stage_records_in_total": rows, "imglish_stage_records_out_total": rows * 9 / 10, "imglish_stage_retries_total": rows / 10,
		"imglish_stage_process_seconds": rows * 11 / 10, "imglish_segment_taken_records": rows, "imglish_segment_lag_records": 0,
		"imglish_segment_lanes": 3, "imglish_segment_still_seconds": 0,
	} {
		if name == "imglish_segment_lanes" {
			continue // let go at the end
		}
		if got := sample(t, f, name, "line=tally", "stage=sift"); got != want {
			t.Errorf("%s of sift: %v, want %v", name, got, want)
		}
	}
	if got := sample(t, f, "imglish_stage_skips_total", "line=tally", "stage=sift", "reason=round"); got != rows/10 {
		t.Errorf("skips: %v", got)
	}
	if got := sample(t, f, "imglish_stage_process_seconds", "line=tally", "stage=keep"); got != rows {
		t.Errorf("the sink's time is counted for %v samples", got)
	}
	for lane := range 3 {
		if got := sample(t, f, "imglish_lane_taken_records", "line=tally", "stage=keep", fmt.Sprint("lane=", lane)); got != rows/3 {
			t.Errorf("lane %d: %v taken", lane, got)
		}
	}
	// What one segment writes, the next one reads.
	wrote := sample(t, f, "imglish_log_bytes_total", "line=tally", "topic=tally.sift", "operation=produce")
	read := sample(t, f, "imglish_log_bytes_total", "line=tally", "topic=tally.sift", "operation=fetch")
	in := sample(t, f, "imglish_stage_bytes_in_total", "line=tally", "stage=keep")
	out := sample(t, f, "imglish_stage_bytes_out_total", "line=tally", "stage=sift")
	if wrote <= 0 || wrote != out || read < wrote || in != out {
		t.Errorf("bytes in tally.sift: %v written, %v read; sift says %v out, keep %v in", wrote, read, out, in)
	}
	if n := sample(t, f, "imglish_log_records_total", "line=tally", "topic=tally.source", "operation=produce"); n != rows {
		t.Errorf("%v records produced by the source", n)
	}
	if b, limit := sample(t, f, "imglish_embedded_log_bytes", "line=tally"), sample(t, f, "imglish_embedded_log_limit_bytes", "line=tally"); b < wrote || limit != 16<<20 {
		t.Errorf("embedded log: %v of %v bytes, at least %v were written", b, limit, wrote)
	}
	if done := sample(t, f, "imglish_line_done", "line=tally"); done != 1 {
		t.Errorf("line done: %v", done)
	}
	if f["go_goroutines"] == nil || f["process_cpu_seconds_total"] == nil || f["imglish_build_info"] == nil {
		t.Error("the process itself is not shown")
	}
	known := map[string]metrics.Info{}
	for _, m := range metrics.All() {
		known[m.Name] = m
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if m, ok := known[name]; strings.HasPrefix(name, "imglish_") && (!ok || m.Type != strings.ToLower(f[name].GetType().String())) {
			t.Errorf("%s (%s) is not in the table of metrics as such: %+v", name, f[name].GetType(), m)
		}
	}
}

// A stage that never answers is found; one that waits for its broker or its next stage is not blamed.
func TestHealthOfALineThatHangs(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	cfg, r := newRunner(t, func(ctx context.Context, s *pipeline.Sample) (pipeline.Result, error) {
		<-hang // does not heed ctx
		return pipeline.Keep(s), nil
	}, 0, keep{}, time.Second)
	base := serve(t, lineConfig(cfg, r))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	wait(t, "not live", func() bool {
		code, body := get(t, base+"/healthz")
		return code == http.StatusServiceUnavailable && strings.HasPrefix(body, "sift: records are in work and no lane has moved for ")
	})
	if code, body := get(t, base+"/readyz"); code != http.StatusOK {
		t.Errorf("/readyz: %d %q", code, body)
	}
	f := scrape(t, base)
	if got := sample(t, f, "imglish_segment_lanes", "line=tally", "stage=sift"); got != 3 {
		t.Errorf("%v lanes", got)
	}
	if got := sample(t, f, "imglish_segment_still_seconds", "line=tally", "stage=sift"); got < 8 {
		t.Errorf("still for %v s", got)
	}
	if got := sample(t, f, "imglish_segment_standing_lanes", "line=tally", "stage=sift", "cause=sample"); got != 3 {
		t.Errorf("%v lanes of sift wait for a sample", got)
	}
	if got := sample(t, f, "imglish_lane_lag_records", "line=tally", "stage=sift", "lane=2"); got != rows/3 {
		t.Errorf("lag of lane 2: %v", got)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}

// A stage whose next one does not go on waits for room, and that is seen; its process is well.
func TestBackpressureIsSeen(t *testing.T) {
	gate := make(chan struct{})
	cfg, r := newRunner(t, sift, 64<<10, keep{gate}, 5*time.Minute)
	base := serve(t, lineConfig(cfg, r))
	done := make(chan error, 1)
	go func() { done <- r.Run(t.Context()) }()
	at := []string{"line=tally", "stage=sift"}
	wait(t, "all lanes of sift wait for room", func() bool {
		if r.Snapshot().ID == "" {
			return false
		}
		f := scrape(t, base)
		return f["imglish_segment_standing_lanes"] != nil && sample(t, f, "imglish_segment_standing_lanes", append(at, "cause=room")...) == 3
	})
	before := sample(t, scrape(t, base), "imglish_stage_backpressure_seconds_total", at...)
	if code, body := get(t, base+"/healthz"); code != http.StatusOK || !strings.Contains(body, "sift lane 2 stands still since ") || !strings.Contains(body, "keep is behind") {
		t.Errorf("/healthz: %d %q", code, body)
	}
	f := scrape(t, base)
	if now := sample(t, f, "imglish_stage_backpressure_seconds_total", at...); before < 3 || now <= before {
		t.Errorf("backpressure %v s, then %v s; three lanes have waited for 2 s and more", before, now)
	}
	if lag := sample(t, f, "imglish_segment_lag_records", "line=tally", "stage=keep"); lag <= 0 || lag >= rows {
		t.Errorf("%v wait in front of the sink, of %d", lag, rows)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f = scrape(t, base)
	if n := sample(t, f, "imglish_segment_standing_lanes", append(at, "cause=room")...); n != 0 {
		t.Errorf("%v lanes stand still at the end", n)
	}
	if n := sample(t, f, "imglish_segment_taken_records", "line=tally", "stage=keep"); n != rows {
		t.Errorf("%v taken", n)
	}
}

func wait(t *testing.T, what string, ok func() bool) {
	t.Helper()
	const hangs = 5 * time.Minute
	for deadline := time.Now().Add(hangs); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, hangs)
		}
	}
}

func TestReadyAndLive(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name string
		s    pipeline.Snapshot
		live string
		want string // of Ready; "" is ready
	}{
		{"at the start", pipeline.Snapshot{}, "", "not connected"},
		{"opened", pipeline.Snapshot{ID: "x", Answered: now}, "", "no lanes"},
		{"at work", pipeline.Snapshot{ID: "x", Answered: now, Assigned: true}, "", ""},
		{"broker away", pipeline.Snapshot{ID: "x", Answered: now.Add(-time.Minute), Assigned: true}, "", "last answered 1m0s ago"},
		{"slow, not late", pipeline.Snapshot{ID: "x", Answered: now, Assigned: true, Segments: []pipeline.SegmentState{{Segment: "a", Still: 59 * time.Second, Patience: time.Minute}}}, "", ""},
		{"stuck", pipeline.Snapshot{ID: "x", Answered: now, Assigned: true, Segments: []pipeline.SegmentState{{Segment: "a", Still: 61 * time.Second, Patience: time.Minute}}}, "a: records are in work", ""},
	} {
		if err := metrics.Ready(tt.s); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Ready: %v, want %q", tt.name, err, tt.want)
		}
		if err := metrics.Live(tt.s); (err == nil) != (tt.live == "") || err != nil && !strings.Contains(err.Error(), tt.live) {
			t.Errorf("%s: Live: %v, want %q", tt.name, err, tt.live)
		}
	}
}

func TestStandingNamesTheLanes(t *testing.T) {
	var s pipeline.Snapshot
	seg := pipeline.SegmentState{Segment: "fetch"}
	for n := range 30 {
		seg.ByLane = append(seg.ByLane, pipeline.LaneCount{Lane: n, Cause: &pipeline.Cause{Kind: "retry", Text: "broker away"}})
	}
	seg.ByLane[0].Cause = nil
	s.Segments = []pipeline.SegmentState{seg}
	text := metrics.Standing(s)
	if !strings.HasPrefix(text, "fetch lane 1 stands still since 00:00:00: broker away\n") || strings.Count(text, "\n") != 21 || !strings.HasSuffix(text, "…\n") {
		t.Errorf("Waits:\n%s", text)
	}
}
