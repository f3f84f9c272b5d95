package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imglish/imglish/pipeline"
)

// What this process's lanes do with the log.
var (
	ofRequest = []string{"line", "topic", "operation"}

	logSeconds    = &metric{"imglish_log_request_seconds", histogram, "Time of a request to the log: produce until it is durable, fetch until its first record is there; a fetch that finds nothing new is not counted.", ofRequest}
	logRecords    = &metric{"imglish_log_records_total", counter, "Records fetched or produced.", ofRequest}
	logBytes      = &metric{"imglish_log_bytes_total", counter, "Bytes of the records fetched or produced, before compression.", ofRequest}
	logErrors     = &metric{"imglish_log_request_errors_total", counter, "Requests to the log that failed; the lane resumes behind each.", ofRequest}
	embeddedBytes = &metric{"imglish_embedded_log_bytes", gauge, "Bytes of the embedded broker's log on disk.", []string{"line"}}
	embeddedLimit = &metric{"imglish_embedded_log_limit_bytes", gauge, "Bytes that the records in the embedded broker's log may take (kafka.log_mb); files are removed whole, so that the disk holds up to a third more.", []string{"line"}}
)

var logMetrics = []*metric{logSeconds, logRecords, logBytes, logErrors, embeddedBytes, embeddedLimit}

func logState(ch chan<- prometheus.Metric, s pipeline.Snapshot) {
	for _, l := range s.Log {
		ch <- logSeconds.latency(l.Latency, s.Line, l.Topic, l.Operation)
		ch <- logRecords.value(float64(l.Records), s.Line, l.Topic, l.Operation)
		ch <- logBytes.value(float64(l.Bytes), s.Line, l.Topic, l.Operation)
		ch <- logErrors.value(float64(l.Errors), s.Line, l.Topic, l.Operation)
	}
}
