package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/fetch"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/replay"
	"github.com/imglish/imglish/store/s3test"
	"github.com/imglish/imglish/store/shards"
)

// deadGraph names the graph file of a line that a child process runs with a stand-in for fetch. deadCauses says what is
// wrong with the web at the moment.
const (
	deadGraph  = "IMGLISH_TEST_DEAD_GRAPH"
	deadCauses = "IMGLISH_TEST_DEAD_CAUSES"
)

// runDeadLine runs a line whose fetch takes the process down at "/crash", finds "/away" out of reach and "/gone" gone, as
// long as deadCauses names these, and makes a view of everything else.
func runDeadLine(graph string) {
	b := builders()
	b.Stages["fetch"] = pipeline.Build(fetch.Defaults(), pipeline.Work{Concurrency: 4, Batch: 1, Backoff: 1e6},
		func(context.Context, fetch.Config, pipeline.Env) (pipeline.Stage, error) {
			return pipeline.Each(pretendToFetch), nil
		})
	cfg, err := pipeline.Load(graph, b)
	if err == nil {
		err = pipeline.Run(context.Background(), cfg, b, pipeline.Options{})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

func pretendToFetch(_ context.Context, s *pipeline.Sample) (pipeline.Result, error) {
	wrong := func(cause string) bool {
		return strings.Contains(s.Source.Url, "/"+cause) && strings.Contains(os.Getenv(deadCauses), cause)
	}
	switch {
	case wrong("crash"):
		done := make(chan bool)
		go func() { panic("a fault that nothing can catch") }()
		<-done
	case wrong("away"):
		return pipeline.DropRetryable("host-away", "no route to host"), nil
	case wrong("gone"):
		return pipeline.Drop("http-404", "not found"), nil
	}
	s.Image = &pipeline.Image{Blob: "blobs/x", Sha256: make([]byte, 32), Width: 8, Height: 8, Format: "jpeg"}
	s.Views = []*pipeline.View{{Encoded: []byte(s.Source.Url), Encoding: "jpeg-q95-444", Side: 8, Grid: 2, Width: 8, Height: 8}}
	return pipeline.Keep(s), nil
}

// deadLine is a line of 60 rows in two lanes: one crashes the worker, ten are away, two are gone, one is no row.
type deadLine struct {
	t     *testing.T
	graph string
	data  string // folder
	store string // folder or URL
}

// open opens the line's store.
func (l deadLine) open() store.Store {
	l.t.Helper()
	st, err := store.Open(l.store, store.WithEnv(os.Getenv))
	if err != nil {
		l.t.Fatal(err)
	}
	return st
}

func newDeadLine(t *testing.T) deadLine {
	t.Helper()
	dir := t.TempDir()
	var list strings.Builder
	for n := range 60 {
		switch {
		case n == 7:
			list.WriteString("a line without a tab\n")
		case n == 13:
			fmt.Fprintf(&list, "http://example.org/crash/%d\ta caption\n", n)
		case n >= 20 && n < 40 && n%2 == 0 || n == 59:
			name := "away"
			if n == 38 || n == 59 {
				name = "gone"
			}
			fmt.Fprintf(&list, "http://example.org/%s/%d\tcaption %d\n", name, n, n)
		default:
			fmt.Fprintf(&list, "http://example.org/%d\tcaption %d\n", n, n)
		}
	}
	l := deadLine{t, filepath.Join(dir, "graph.yaml"), filepath.Join(dir, "data"), filepath.Join(dir, "data")}
	for name, text := range map[string]string{
		"list.tsv": list.String(),
		"graph.yaml": `line: dead
data: data
lanes: 2
kafka: {log_mb: 64}
sources:
  - cc12m: {list: list.tsv}
graph:
  - [source]
  - [fetch, shard]
shard: {range: 8}
`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// run runs the line to its end, starting it again when it crashes, and returns how often it did.
func (l deadLine) run(causes string) int {
	l.t.Helper()
	for crashes := 0; ; crashes++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), deadGraph+"="+l.graph, deadCauses+"="+causes)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return crashes
		}
		if !strings.Contains(string(out), "a fault that nothing can catch") || crashes > 8 {
			l.t.Fatalf("after %d crashes: %v\n%s", crashes, err, out)
		}
	}
}

func (l deadLine) dead(args ...string) string {
	l.t.Helper()
	code, stdout, stderr := imglish(l.t, append([]string{"dead"}, args...)...)
	if code != 0 {
		l.t.Fatalf("dead %v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// counts returns skips by "reason fate".
func (l deadLine) counts() map[string]int {
	l.t.Helper()
	out := map[string]int{}
	for line := range strings.Lines(l.dead("list", l.graph, "--json")) {
		var g struct {
			By    map[string]string
			Fates map[string]int
		}
		if err := json.Unmarshal([]byte(line), &g); err != nil {
			l.t.Fatalf("%q: %v", line, err)
		}
		for fate, n := range g.Fates {
			out[g.By["reason"]+" "+fate] += n
		}
	}
	return out
}

func (l deadLine) expect(when string, want map[string]int) {
	l.t.Helper()
	if got := l.counts(); fmt.Sprint(got) != fmt.Sprint(want) {
		l.t.Errorf("%s: skips are %v, want %v", when, got, want)
	}
}

// kept returns how often each URL is in the shards.
func (l deadLine) kept() map[string]int {
	l.t.Helper()
	st := l.open()
	out := map[string]int{}
	for c, err := range shards.In(st).Each(l.t.Context()) {
		if err != nil {
			l.t.Fatal(err)
		}
		file, ok := c.File(shards.Pair)
		if !ok {
			continue
		}
		r, err := shards.OpenFile[shards.PairRow](l.t.Context(), shards.In(st), file)
		if err != nil {
			l.t.Fatal(err)
		}
		rows := make([]shards.PairRow, r.Len())
		if err := r.At(0, rows); err != nil {
			l.t.Fatal(err)
		}
		for _, row := range rows {
			out[row.URL]++
		}
		r.Close()
	}
	return out
}

// listed returns how often each skip stands in the lists.
func (l deadLine) listed() map[replay.Place]int {
	l.t.Helper()
	st := l.open()
	out := map[replay.Place]int{}
	for list, err := range replay.Open(st).Each(l.t.Context()) {
		if err != nil {
			l.t.Fatal(err)
		}
		for _, row := range list.Rows {
			out[row.Place]++
		}
	}
	return out
}

// Skips are listed, shown and taken once more when their cause is mended: each replayed sample ends in the shards once, a
// sample that crashed the worker among them, one that fails again is a new skip, and the audit does not miss what is back.
func TestDeadLetters(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a line a few times")
	}
	l := newDeadLine(t)
	if crashes := l.run("crash away gone"); crashes != 2 {
		t.Errorf("the line crashed %d times, want 2", crashes)
	}
	l.expect("at first", map[string]int{"crashed-worker open": 1, "host-away open": 9, "http-404 open": 2, "malformed-row open": 1})

	if out := l.dead("replay", l.graph, "--retryable"); !strings.Contains(out, "9 samples would be taken once more") || len(l.listed()) != 0 {
		t.Errorf("a rehearsal: %s, %d in the lists", out, len(l.listed()))
	}
	// Several at once put each skip into the lists once.
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if code, _, stderr := imglish(t, "dead", "replay", l.graph, "--yes"); code != 0 {
				t.Errorf("replay: exit code %d, %s", code, stderr)
			}
		})
	}
	all.Wait()
	if listed := l.listed(); len(listed) != 12 {
		t.Errorf("%d skips in the lists, want 12", len(listed))
	} else {
		for p, n := range listed {
			if n != 1 {
				t.Errorf("skip %v is in the lists %d times", p, n)
			}
		}
	}
	l.expect("before the line runs", map[string]int{"crashed-worker under way": 1, "host-away under way": 9, "http-404 under way": 2, "malformed-row open": 1})

	if crashes := l.run("gone"); crashes != 0 {
		t.Errorf("the mended line crashed %d times", crashes)
	}
	want := map[string]int{"crashed-worker recovered": 1, "host-away recovered": 9, "http-404 failed again": 2, "http-404 open": 2, "malformed-row open": 1}
	l.expect("when the cause is mended", want)
	l.run("gone")
	l.expect("run once more", want)

	_, report, _ := imglish(t, "audit", l.data, "--json")
	var audited struct{ Recovered, Missing map[string]int }
	if err := json.Unmarshal([]byte(report), &audited); err != nil {
		t.Fatal(err)
	}
	if audited.Recovered["fetch/host-away"] != 9 || audited.Missing["fetch/host-away"] != 0 ||
		audited.Missing["fetch/http-404"] != 2 || audited.Missing["source/malformed-row"] != 1 {
		t.Errorf("audit: recovered %v, missing %v", audited.Recovered, audited.Missing)
	}

	if out := l.dead("replay", l.graph, "--yes"); !strings.Contains(out, "2 samples will be taken") || !strings.Contains(out, "12 of them were replayed before") {
		t.Errorf("replay of what failed again: %s", out)
	}
	l.run("")
	l.expect("at the end", map[string]int{"crashed-worker recovered": 1, "host-away recovered": 9, "http-404 recovered": 4, "malformed-row open": 1})
	kept := l.kept()
	for url, n := range kept {
		if n != 1 {
			t.Errorf("%s is in the shards %d times", url, n)
		}
	}
	if len(kept) != 59 {
		t.Errorf("%d samples in the shards, want 59", len(kept))
	}
	if code, stdout, stderr := imglish(t, "shards", "verify", l.data); code != 0 {
		t.Errorf("verify: %s%s", stdout, stderr)
	}

	// The story of the one that was gone: row 59 is seq 29 of lane 1.
	story := l.dead("show", l.graph, "1:29")
	for _, part := range []string{"http://example.org/gone/59", `"caption 59"`, "fetch: http-404", "source replay", "in the shards"} {
		if !strings.Contains(story, part) {
			t.Errorf("dead show lacks %q:\n%s", part, story)
		}
	}
	id := strings.TrimSuffix(strings.Fields(story)[1], ",")
	if again := l.dead("show", l.data, id); !strings.Contains(again, "http://example.org/gone/59") {
		t.Errorf("dead show %s:\n%s", id, again)
	}
	code, _, stderr := imglish(t, "dead", "show", l.data, "1:28")
	if code != 1 || !strings.Contains(stderr, "no skip") {
		t.Errorf("dead show of a sample that was not skipped: exit code %d, %s", code, stderr)
	}
	if plan := l.planned(); !strings.Contains(plan, "replay   replay   2-5") {
		t.Errorf("the plan does not show the source of replayed samples:\n%s", plan)
	}
}

func (l deadLine) planned() string {
	_, stdout, _ := imglish(l.t, "plan", l.graph)
	return stdout
}

// A line that follows its sources, in two processes' worth of runners, takes what is replayed while it runs.
func TestReplayIntoARunningLine(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a line to look around")
	}
	l := newDeadLine(t)
	t.Setenv(deadCauses, "away gone")
	b := builders()
	b.Stages["fetch"] = pipeline.Build(fetch.Defaults(), pipeline.Work{Concurrency: 4, Batch: 1, Backoff: 1e6},
		func(context.Context, fetch.Config, pipeline.Env) (pipeline.Stage, error) {
			return pipeline.Each(pretendToFetch), nil
		})
	cfg, err := pipeline.Load(l.graph, b)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	for _, stages := range [][]string{nil, {"fetch", "shard"}} {
		running.Go(func() {
			if err := pipeline.Run(ctx, cfg, b, pipeline.Options{Follow: true, Stages: stages}); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	until := func(what string, n int) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
			if _, err := os.Stat(filepath.Join(l.data, "line.json")); err == nil && l.counts()[what] == n {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%q is not %d: %v", what, n, l.counts())
			}
		}
	}
	until("host-away open", 9)
	until("http-404 open", 2)
	t.Setenv(deadCauses, "gone")
	l.dead("replay", l.graph, "--yes")
	until("host-away recovered", 9)
	until("http-404 open", 2)
	until("http-404 failed again", 2)
	t.Setenv(deadCauses, "")
	l.dead("replay", l.graph, "--yes") // a second list, of a source that is part of the line by now
	until("http-404 recovered", 4)
	for url, n := range l.kept() {
		if n != 1 {
			t.Errorf("%s is in the shards %d times", url, n)
		}
	}
}

// With the store on a real S3 server several replays at once put each skip into the lists once too, each sample ends in
// the shards once, and the shards are a source.
func TestDeadLettersOnS3(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a line a few times")
	}
	server := s3test.Start(t)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, server.Getenv(name))
	}
	l := newDeadLine(t)
	l.store = server.URL("dead/line", "")
	file, err := os.OpenFile(l.graph, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(file, "store: {url: s3://%s/dead/line, endpoint: %q}\n", s3test.Bucket, server.Endpoint)
	}
	if err != nil || file.Close() != nil {
		t.Fatal(err)
	}
	l.run("away gone")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if code, _, stderr := imglish(t, "dead", "replay", l.graph, "--yes"); code != 0 {
				t.Errorf("replay: exit code %d, %s", code, stderr)
			}
		})
	}
	all.Wait()
	for p, n := range l.listed() {
		if n != 1 {
			t.Errorf("skip %v is in the lists %d times", p, n)
		}
	}
	l.run("")
	l.expect("at the end", map[string]int{"host-away recovered": 9, "http-404 recovered": 2, "malformed-row open": 1})
	if at := l.dead("show", l.store, "1:29"); !strings.Contains(at, "http-404") || strings.Contains(at, "committed 0001") {
		t.Errorf("dead show:\n%s", at)
	}
	again := deadLine{t, filepath.Join(t.TempDir(), "again.yaml"), "", filepath.Join(t.TempDir(), "again")}
	graph := fmt.Sprintf("line: again\ndata: %s\nlanes: 2\nkafka: {log_mb: 16}\nsources:\n  - shards: {data: %q}\ngraph: [[source], [shard]]\n", again.store, l.store)
	if err := os.WriteFile(again.graph, []byte(graph), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := imglish(t, "run", again.graph); code != 0 {
		t.Fatalf("run: exit code %d, %s", code, stderr)
	}
	for _, kept := range []map[string]int{l.kept(), again.kept()} {
		if len(kept) != 59 {
			t.Errorf("%d samples in the shards, want 59", len(kept))
		}
		for url, n := range kept {
			if n != 1 {
				t.Errorf("%s is in the shards %d times", url, n)
			}
		}
	}
}
