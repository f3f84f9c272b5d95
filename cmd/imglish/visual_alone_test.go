package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/stages/visual"
	"github.com/imglish/imglish/vqkd"
)

// splitLine is a line that tokenizes the data set `made` again, with the visual stage in a segment of its own.
func splitLine(t *testing.T, dir, name string) string {
	t.Helper()
	file := filepath.Join(dir, name+".yaml")
	mustWrite(t, file, fmt.Sprintf("line: %s\ndata: %s\nlanes: 2\nkafka: {log_mb: 64}\nsources:\n  - shards: {data: made}\n"+
		"graph: [[source], [visual], [text, shard]]\nshard: {range: 8}\nvisual: {tokenizer: old.safetensors}\n"+
		"text: {tokenizer: old.model, max_pieces: 40}\n", name, name))
	return file
}

// A process that runs the visual stage and nothing else, beside others that run the rest, makes the rows that one process
// makes: so a host with an accelerator can run just that.
func TestVisualStageAlone(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a line in three processes")
	}
	dir := retokenData(t)
	want := retokenLine(t, dir, "made", freshSources, "[[source], [fetch, visual, text, shard]]", "old")
	file := splitLine(t, dir, "split")
	var wait sync.WaitGroup
	outputs := make([]bytes.Buffer, 3)
	for i, stages := range []string{"source", "visual", "text,shard"} {
		cmd := self("run", file, "--stages", stages)
		cmd.Stdout, cmd.Stderr = &outputs[i], &outputs[i]
		wait.Go(func() {
			if err := cmd.Run(); err != nil {
				t.Errorf("--stages %s: %v\n%s", stages, err, outputs[i].Bytes())
			}
		})
	}
	wait.Wait()
	for _, other := range []string{"source", "text", "shard"} {
		if bytes.Contains(outputs[1].Bytes(), []byte("\n"+other+" ")) {
			t.Errorf("the process of the visual stage also ran %s:\n%s", other, outputs[1].Bytes())
		}
	}
	if diff := cmp.Diff(want, retokenRows(t, filepath.Join(dir, "split"))); diff != "" {
		t.Errorf("rows (-one process +three):\n%.3000s", diff)
	}
}

// countingTokenizer remembers how many views each call had.
type countingTokenizer struct {
	*vqkd.Tokenizer
	mu    sync.Mutex
	calls []int
}

func (c *countingTokenizer) Encode(ctx context.Context, pixels []uint8, n int) ([]uint16, error) {
	c.mu.Lock()
	c.calls = append(c.calls, n)
	c.mu.Unlock()
	return c.Tokenizer.Encode(ctx, pixels, n)
}

// The views of several samples go through the tokenizer together, never more of them than the setting's samples have.
func TestVisualBatchesAcrossSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("runs two lines")
	}
	dir := retokenData(t)
	retokenLine(t, dir, "made", "\n  - cc12m: {list: list.tsv}", "[[source], [fetch, visual, text, shard]]", "old")
	b := builders()
	var counting *countingTokenizer
	b.Stages["visual"] = pipeline.Build(visual.Defaults(), pipeline.Work{Concurrency: 1, Batch: 4},
		func(_ context.Context, c visual.Config, env pipeline.Env) (pipeline.Stage, error) {
			backend, tok, err := loadVisual(c, env)
			if err != nil {
				return nil, err
			}
			counting = &countingTokenizer{Tokenizer: tok}
			return visualStage{visual.New(counting), backend}, nil
		})
	cfg, err := pipeline.Load(splitLine(t, dir, "counted"), b)
	if err != nil {
		t.Fatal(err)
	}
	// First the topic is filled, so that what is batched does not depend on who is faster.
	for _, stages := range [][]string{{"source"}, {"visual", "text", "shard"}} {
		if err := pipeline.Run(t.Context(), cfg, b, pipeline.Options{Stages: stages}); err != nil {
			t.Fatal(err)
		}
	}
	views, most := 0, 0
	for _, n := range counting.calls {
		views, most = views+n, max(most, n)
	}
	if views != 58 || most <= 2 || most > 2*4 {
		t.Errorf("%d views in calls of %v: want 58, two a sample, of up to four samples a call", views, counting.calls)
	}
}
