package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// contestant is one of those that are measured side by side.
type contestant struct {
	name string
	run  func(context.Context) (measure, error)
}

// table runs contestants in turn and shows their medians.
type table struct {
	title string
	base  string // whom the others are compared with
}

// interleave runs every contestant once a round, each round beginning with another one, so that a machine that becomes
// slower or faster meanwhile does so for all.
func (t table) interleave(ctx context.Context, h *host, all []contestant) error {
	all = slices.DeleteFunc(all, func(c contestant) bool { return !h.wants(c.name) })
	got := map[string][]measure{}
	for round := -1; round < h.rounds; round++ { // the one before the first warms up the broker's JVM, and does not count
		for i := range all {
			c := all[(i+round+1)%len(all)]
			err := warm(ctx, h.dir)
			var m measure
			if err == nil {
				m, err = c.run(ctx)
			}
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", c.name, round+1, err)
			}
			if round >= 0 {
				got[c.name] = append(got[c.name], m)
			}
			fmt.Fprintf(os.Stderr, "bench: round %d of %d: %-22s %9.0f records/s, %6.1f MiB/s, CPU %6.2f µs a record, broker %6.2f, %4d MiB\n",
				round+1, h.rounds, c.name, m.rate(), m.rate()*float64(m.bytes)/(1<<20), perRecord(m.cpu, m), perRecord(m.broker, m), m.rss>>20)
		}
	}
	t.print(all, got)
	return nil
}

func perRecord(d time.Duration, m measure) float64 {
	return float64(d.Microseconds()) / float64(m.records)
}

func (t table) print(all []contestant, got map[string][]measure) {
	fmt.Printf("%s, %d rounds:\n\n", t.title, len(got[all[0].name]))
	w := newTable()
	fmt.Fprintln(w, "\trecords/s\tspread\tMiB/s\tratio\tspread\twith start-up\tCPU µs a record\tbroker's\tmemory MiB\t")
	for _, c := range all {
		ms := got[c.name]
		rates := column(ms, measure.rate)
		var ratios []float64
		for i, b := range got[t.base] {
			if i < len(ms) {
				ratios = append(ratios, ms[i].rate()/b.rate())
			}
		}
		ratio, spread := "", ""
		if len(ratios) > 0 {
			ratio, spread = fmt.Sprintf("%.2f", median(ratios)), fmt.Sprintf("%.2f-%.2f", slices.Min(ratios), slices.Max(ratios))
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f-%.0f\t%.1f\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.0f\t\n", c.name,
			median(rates), slices.Min(rates), slices.Max(rates), median(rates)*float64(ms[0].bytes)/(1<<20), ratio, spread,
			median(column(ms, func(m measure) float64 { return float64(m.records) / m.wall.Seconds() })),
			median(column(ms, func(m measure) float64 { return perRecord(m.cpu, m) })),
			median(column(ms, func(m measure) float64 { return perRecord(m.broker, m) })),
			median(column(ms, func(m measure) float64 { return float64(m.rss) / (1 << 20) })))
	}
	w.Flush()
	fmt.Println()
}

func newTable() *tabwriter.Writer {
	return tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', tabwriter.AlignRight)
}

func column(ms []measure, f func(measure) float64) []float64 {
	out := make([]float64, len(ms))
	for i, m := range ms {
		out[i] = f(m)
	}
	return out
}

// median of values, the mean of the middle two of an even number.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}
