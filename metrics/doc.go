// Package metrics shows what a process of imglish does: numbers for Prometheus on /metrics, and whether it lives and is
// ready on /healthz and /readyz.
//
// In: a line's Snapshot (NewLine), the steps of a training run (NewTraining) or of a tokenizer's (NewTokenizer), the
// operations on stores (NewStorage). Out: an HTTP server (Serve), which listens on loopback unless it is told otherwise,
// and answers nothing but GET on those three pages.
//
// The line's numbers are not counted here: they are pipeline.Snapshot's, turned into Prometheus's form when somebody
// asks. So the closing table of a run, its progress line and its metrics cannot disagree, and a run that nobody watches
// pays nothing. The engine itself does not know Prometheus; github.com/prometheus/client_golang (Apache-2.0), the client
// that Prometheus's own authors keep, is imported here and by the command alone.
//
// Every metric stands in the tables at the top of its file, with its type, labels and meaning; docs/metrics.md is
// written from them by a test. Labels hold only names out of the graph file, words of the program, and lane numbers up
// to a limit: what a host on the web sends never becomes a label.
package metrics
