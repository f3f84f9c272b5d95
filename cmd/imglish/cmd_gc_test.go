package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/store/gc"
)

func TestGC(t *testing.T) {
	dir := textShards(t, 40)
	loose := filepath.Join(dir, "text", "lane000-0000000000-0000000015-01234567.parquet")
	if err := os.WriteFile(loose, make([]byte, 2_000_000), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, errs := imglish(t, "gc", dir)
	if code != 0 || !strings.Contains(out, "nothing was removed: add --yes") || !strings.Contains(out, "kept for ever") {
		t.Errorf("gc: exit code %d\n%s%s", code, out, errs)
	}
	if row := strings.Join(strings.Fields(rowOf(out, "shard files")), " "); row != "shard files 0 0.0 1 2.0" {
		t.Errorf("a young file: %q", row)
	}
	old := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(loose, old, old); err != nil {
		t.Fatal(err)
	}
	if _, out, _ := imglish(t, "gc", dir); strings.Join(strings.Fields(rowOf(out, "shard files")), " ") != "shard files 1 2.0 0 0.0" {
		t.Errorf("an old file:\n%s", out)
	}
	if code, _, errs := imglish(t, "gc", dir, "--blobs", "1h", "--yes"); code != exitUsage || !strings.Contains(errs, "at least 48h") {
		t.Errorf("a retention that is too short: exit code %d, %s", code, errs)
	}
	if _, err := os.Stat(loose); err != nil {
		t.Fatalf("a dry run removed the file: %v", err)
	}

	// By a graph file, with its retention.
	graph := filepath.Join(t.TempDir(), "graph.yaml")
	if err := os.WriteFile(graph, fmt.Appendf(nil, "sources: [{wikipedia: {dump: none}}]\ngraph: [[source], [text, shard]]\ntext: {tokenizer: none}\nstore: {url: %q, blobs: 720h}\n", dir), 0o666); err != nil {
		t.Fatal(err)
	}
	code, out, errs = imglish(t, "gc", graph, "--yes", "--json")
	var report gc.Report
	if err := json.Unmarshal([]byte(out), &report); code != 0 || err != nil || !report.Removed || report.Free[gc.Files] != (gc.Count{Objects: 1, Bytes: 2_000_000}) {
		t.Errorf("gc --yes --json: exit code %d, %v\n%s%s", code, err, out, errs)
	}
	if _, err := os.Stat(loose); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if code, out, errs := imglish(t, "shards", "verify", dir); code != 0 {
		t.Errorf("verify behind gc: %s%s", out, errs)
	}
	if code, _, errs := imglish(t, "gc", t.TempDir()); code != exitError || !strings.Contains(errs, "hint: ") {
		t.Errorf("gc of a folder that is nobody's: exit code %d, %s", code, errs)
	}
}

func rowOf(table, name string) string {
	for line := range strings.Lines(table) {
		if strings.HasPrefix(strings.TrimSpace(line), name) {
			return line
		}
	}
	return ""
}
