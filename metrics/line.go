package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/pipeline"
)

// What stages have done in this process.
var (
	ofStage = []string{"line", "stage"}

	recordsIn   = &metric{"imglish_stage_records_in_total", counter, "Samples that a stage of this process has decided.", ofStage}
	recordsOut  = &metric{"imglish_stage_records_out_total", counter, "Samples that a stage of this process has passed on.", ofStage}
	skips       = &metric{"imglish_stage_skips_total", counter, "Samples that a stage of this process has skipped, by the reason's fixed word.", []string{"line", "stage", "reason"}}
	retries     = &metric{"imglish_stage_retries_total", counter, "Samples that were tried again because of what a stage said.", ofStage}
	bytesIn     = &metric{"imglish_stage_bytes_in_total", counter, "Bytes of the records read in front of a stage; 0 within a segment.", ofStage}
	bytesOut    = &metric{"imglish_stage_bytes_out_total", counter, "Bytes of the records written behind a stage; 0 within a segment.", ofStage}
	process     = &metric{"imglish_stage_process_seconds", histogram, "Time in a stage's Process, or a sink's Append, a sample: a call's time is shared among its samples.", ofStage}
	laneSeconds = &metric{"imglish_stage_backpressure_seconds_total", counter, "Time that lanes of this process have waited because the next stage is behind, all lanes together.", ofStage}
)

// How far the whole line is, whoever does the work. A segment goes by the name of its last stage.
var (
	taken     = &metric{"imglish_segment_taken_records", gauge, "Samples that have passed a segment for good, of all lanes, in all processes.", ofStage}
	lag       = &metric{"imglish_segment_lag_records", gauge, "Samples that wait in front of a segment, counted in seq; 0 for the sources.", ofStage}
	laneTaken = &metric{"imglish_lane_taken_records", gauge, "Samples of a lane that have passed a segment for good; left out above " + strconv.Itoa(maxLanes) + " lanes.", []string{"line", "stage", "lane"}}
	laneLag   = &metric{"imglish_lane_lag_records", gauge, "Samples of a lane that wait in front of a segment; left out above " + strconv.Itoa(maxLanes) + " lanes.", []string{"line", "stage", "lane"}}
	lanes     = &metric{"imglish_segment_lanes", gauge, "Lanes of a segment that this process works on.", ofStage}
	standing  = &metric{"imglish_segment_standing_lanes", gauge, "Lanes of this process that stand still, by cause: retry (an error, it is tried again), room (the next stage is behind), sample (one slow sample), source (it gives no row).", []string{"line", "stage", "cause"}}
	still     = &metric{"imglish_segment_still_seconds", gauge, "How long no lane of this process has handed anything on while one waits for a sample in work; 0 if none does.", ofStage}

	sourceRows  = &metric{"imglish_source_rows", gauge, "Rows of a source that are known to lie in the log.", []string{"line", "source"}}
	sourceEnded = &metric{"imglish_source_ended", gauge, "1 if a source is read to its end.", []string{"line", "source"}}
	lineDone    = &metric{"imglish_line_done", gauge, "1 if every source is read to its end and every lane is drained.", []string{"line"}}
	answered    = &metric{"imglish_log_answered_timestamp_seconds", gauge, "When the log's broker last answered with the line's positions.", []string{"line"}}
)

var lineMetrics = []*metric{
	recordsIn, recordsOut, skips, retries, bytesIn, bytesOut, process, laneSeconds,
	taken, lag, laneTaken, laneLag, lanes, standing, still, sourceRows, sourceEnded, lineDone, answered,
}

// maxLanes bounds the series of a line: a line with more lanes shows its segments only.
const maxLanes = 64

// Line shows a run of a line.
type Line struct {
	snapshot func() pipeline.Snapshot
	logSize  func() (bytes, limit int64, ok bool)
}

// NewLine shows the line whose state snapshot returns. logSize tells how large the embedded log is and may become; ok is
// false if there is none.
func NewLine(snapshot func() pipeline.Snapshot, logSize func() (bytes, limit int64, ok bool)) *Line {
	return &Line{snapshot, logSize}
}

// Describe implements prometheus.Collector.
func (l *Line) Describe(ch chan<- *prometheus.Desc) { describe(ch, lineMetrics, logMetrics) }

func describe(ch chan<- *prometheus.Desc, tables ...[]*metric) {
	for _, t := range tables {
		for _, m := range t {
			ch <- m.desc()
		}
	}
}

// Collect implements prometheus.Collector.
func (l *Line) Collect(ch chan<- prometheus.Metric) {
	s := l.snapshot()
	if s.ID == "" {
		return // not connected yet
	}
	for _, st := range s.Stages {
		ch <- recordsIn.value(float64(st.In), s.Line, st.Stage)
		ch <- recordsOut.value(float64(st.Out), s.Line, st.Stage)
		ch <- retries.value(float64(st.Retries), s.Line, st.Stage)
		ch <- bytesIn.value(float64(st.BytesIn), s.Line, st.Stage)
		ch <- bytesOut.value(float64(st.Bytes), s.Line, st.Stage)
		ch <- process.latency(st.Latency, s.Line, st.Stage)
		for reason, n := range st.Skipped {
			ch <- skips.value(float64(n), s.Line, st.Stage, reason)
		}
	}
	for _, seg := range s.Segments {
		segment(ch, s.Line, seg)
	}
	for _, src := range s.Sources {
		ch <- sourceRows.value(float64(src.Rows), s.Line, src.Name)
		ch <- sourceEnded.value(truth(src.Ended), s.Line, src.Name)
	}
	ch <- lineDone.value(truth(s.Done), s.Line)
	ch <- answered.value(float64(s.Answered.UnixMilli())/1000, s.Line)
	logState(ch, s)
	if bytes, limit, ok := l.logSize(); ok {
		ch <- embeddedBytes.value(float64(bytes), s.Line)
		ch <- embeddedLimit.value(float64(limit), s.Line)
	}
}

func segment(ch chan<- prometheus.Metric, line string, seg pipeline.SegmentState) {
	ch <- taken.value(float64(seg.Taken), line, seg.Segment)
	ch <- lag.value(float64(seg.Lag), line, seg.Segment)
	if len(seg.ByLane) <= maxLanes {
		for _, l := range seg.ByLane {
			ch <- laneTaken.value(float64(l.Taken), line, seg.Segment, strconv.Itoa(l.Lane))
			ch <- laneLag.value(float64(l.Lag), line, seg.Segment, strconv.Itoa(l.Lane))
		}
	}
	here, why := 0, map[string]int{} // by cause
	for _, l := range seg.ByLane {
		if l.Here {
			here++
		}
		if l.Cause != nil {
			why[l.Cause.Kind]++
		}
	}
	if seg.Patience == 0 {
		return // no segment of this process
	}
	ch <- lanes.value(float64(here), line, seg.Segment)
	for _, cause := range pipeline.CauseKinds() {
		ch <- standing.value(float64(why[cause]), line, seg.Segment, cause)
	}
	ch <- still.value(seg.Still.Seconds(), line, seg.Segment)
	ch <- laneSeconds.value(seg.Backpressure.Seconds(), line, seg.Segment)
}

// latency turns a histogram of the engine into one of Prometheus.
func (m *metric) latency(h pipeline.Histogram, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstHistogram(m.desc(), uint64(h.Count()), h.Sum().Seconds(), h.Cumulative(), labels...)
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// answerWithin is how long ago the broker may have answered for a process to count as connected. Positions are read
// every quarter of a second.
const answerWithin = 10 * time.Second
