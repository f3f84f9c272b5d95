package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metric is one name on /metrics.
type metric struct {
	name   string
	kind   kind
	help   string
	labels []string
}

type kind string

const (
	counter   kind = "counter"
	gauge     kind = "gauge"
	histogram kind = "histogram"
)

func (m *metric) desc() *prometheus.Desc {
	return prometheus.NewDesc(m.name, m.help, m.labels, nil)
}

// value is a sample of the metric, with its labels' values in their order.
func (m *metric) value(v float64, labels ...string) prometheus.Metric {
	t := prometheus.GaugeValue
	if m.kind == counter {
		t = prometheus.CounterValue
	}
	return prometheus.MustNewConstMetric(m.desc(), t, v, labels...)
}

// Info describes a metric for people.
type Info struct {
	Name, Type, Help string
	Labels           []string
}

// All lists the metrics of this package; beside them stand Go's own (go_*, process_*) and those of the scrapes.
func All() []Info {
	var out []Info
	for _, table := range [][]*metric{lineMetrics, logMetrics, trainMetrics, tokenizerMetrics, storeMetrics, processMetrics} {
		for _, m := range table {
			out = append(out, Info{m.name, string(m.kind), m.help, m.labels})
		}
	}
	return out
}
