package demo

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/trainer/probe"
)

func TestJudge(t *testing.T) {
	good := probe.Result{Image: probe.Codes{Model: .5, CommonestOwnCode: .4}, Words: probe.Words{Right: .6, Wrong: .2, None: .2}}
	if err := judge(good); err != nil {
		t.Errorf("a model that learned: %v", err)
	}
	blind := good
	blind.Words.Wrong = .45
	if judge(blind) == nil {
		t.Error("a model that is right with any picture passes")
	}
	flat := good
	flat.Image.Model = .4
	if judge(flat) == nil {
		t.Error("a model that knows only the commonest code passes")
	}
}

func TestSummaryCascades(t *testing.T) {
	set := &shards.Set{Commits: []*shards.Commit{
		{From: 0, To: 99, Skips: map[string]int{"fetch/http-404": 3, "clean/truncated": 1}},
		{From: 0, To: 49, Skips: map[string]int{"fetch/http-404": 2, "fetch/dns": 1}},
	}}
	last := pipeline.Snapshot{Elapsed: 2 * time.Second, Stages: []pipeline.StageState{{Stage: "fetch", In: 150}}}
	rows := summarize(set, []string{"fetch", "clean"}, last)
	want := []StageRow{
		{Stage: "source", In: 150, Out: 150},
		{Stage: "fetch", In: 150, Out: 144, Skips: map[string]int{"http-404": 5, "dns": 1}, Rate: 75},
		{Stage: "clean", In: 144, Out: 143, Skips: map[string]int{"truncated": 1}},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	if err := printSummary(&out, rows, time.Second); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "skipped by fetch: 5 http-404, 1 dns") {
		t.Errorf("summary:\n%s", out.String())
	}
}
