package metrics

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

var buildInfo = &metric{"imglish_build_info", gauge, "Always 1; which build this process is.", []string{"version", "revision", "goversion"}}

var processMetrics = []*metric{buildInfo}

// build shows which build this is.
type build struct{}

func (build) Describe(ch chan<- *prometheus.Desc) { describe(ch, processMetrics) }

func (build) Collect(ch chan<- prometheus.Metric) {
	version, revision, goversion := "unknown", "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goversion = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	ch <- buildInfo.value(1, version, revision, goversion)
}
