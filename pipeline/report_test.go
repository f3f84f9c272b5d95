package pipeline_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/imglish/imglish/pipeline"
)

func exampleSnapshot() pipeline.Snapshot {
	return pipeline.Snapshot{
		Line: "demo", Elapsed: 4 * time.Second,
		Sources: []pipeline.SourceState{{Name: "cc12m", Rows: 40, Done: 500, Total: 1000, Unit: "bytes"}},
		Stages: []pipeline.StageState{
			{Stage: "source", In: 40, Out: 39, Skipped: map[string]int64{"bad-row": 1}, Bytes: 12_000},
			{Stage: "fetch", In: 30, Out: 25, Skipped: map[string]int64{"http-404": 4, "private-address": 1}, Retries: 3, Bytes: 2_500_000},
		},
		Segments: []pipeline.SegmentState{{Segment: "source", Taken: 40}, {Segment: "fetch", Taken: 31, Lag: 9}},
	}
}

func ExampleSnapshot_Write() {
	s := exampleSnapshot()
	s.Write(os.Stdout)
	// Output:
	// STAGE    IN   OUT   SKIPPED   RETRIES   IN/S   MB OUT WHY SKIPPED
	// source   40    39         1         0     10      0.0 bad-row 1
	// fetch    30    25         5         3    7.5      2.5 http-404 4, private-address 1
}

func TestSnapshotInOneLine(t *testing.T) {
	s := exampleSnapshot()
	want := "source 40, fetch 31 (9 waiting), skipped 6, cc12m read 50 %"
	if got := s.String(); got != want {
		t.Errorf("String() = %s, want %s", got, want)
	}
	if strings.Contains(s.String(), "\n") {
		t.Error("String() has several lines")
	}
	if done, total := s.Progress(); done != 31 || total != 0 {
		t.Errorf("Progress() = %d, %d, want 31 of an unknown total", done, total)
	}
	s.Sources[0].Ended = true
	if done, total := s.Progress(); done != 31 || total != 40 {
		t.Errorf("Progress() = %d, %d, want 31 of 40", done, total)
	}
}
