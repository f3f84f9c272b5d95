package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/pipeline"
)

// chain is the graph: each stage is a segment of its own, so that a topic lies behind each and each has processes of its
// own.
var chain = []string{"source", "s1", "s2", "s3", "sink"}

// origin is one of the line's sources.
type origin struct {
	name  string
	lanes int
	rows  int
	first int // its first lane
}

// origins shares records among three sources of different numbers of lanes.
func origins(records int) []origin {
	out := []origin{{name: "a", lanes: 4}, {name: "b", lanes: 2}, {name: "c", lanes: 2}}
	out[1].rows, out[2].rows = records/4, records/5
	out[0].rows = records - out[1].rows - out[2].rows
	for i := 1; i < len(out); i++ {
		out[i].first = out[i-1].first + out[i-1].lanes
	}
	return out
}

// text is what a row of a source is known by everywhere.
func (o origin) text(row int) string { return fmt.Sprintf("%s:%d", o.name, row) }

// badRow and unwanted rows are skips, which travel like samples.
func badRow(row int) bool   { return row%97 == 13 }
func unwanted(row int) bool { return row%101 == 7 }

// want is what the record of a row says behind a stage.
func (o origin) want(row int, stage string) string {
	if badRow(row) {
		return "skip source/bad-row " + strconv.Itoa(row)
	}
	text := o.text(row)
	for _, s := range chain[1:] {
		if s == "sink" || stage == chain[0] {
			break
		}
		if s == "s2" && unwanted(row) {
			return "skip s2/unwanted " + strconv.Itoa(row)
		}
		if text += "|" + s; s == stage {
			break
		}
	}
	return text
}

// show is what a record says.
func show(sample *pipeline.Sample, skip *pipeline.Skip) string {
	if skip != nil {
		return fmt.Sprintf("skip %s/%s %s", skip.Stage, skip.Reason, skip.Source.GetKey())
	}
	var t []string
	for _, p := range sample.GetParts() {
		t = append(t, p.Text)
	}
	return strings.Join(t, "|")
}

// key is the source row of a record; -1 if it names none.
func key(sample *pipeline.Sample, skip *pipeline.Skip) int {
	source := sample.GetSource()
	if skip != nil {
		source = skip.Source
	}
	row, err := strconv.Atoi(source.GetKey())
	if err != nil {
		return -1
	}
	return row
}

type noSettings struct{}

func (noSettings) Validate() error { return nil }

// builders makes the line's parts, as a worker has them.
func builders(w workerConfig) pipeline.Builders {
	b := pipeline.Builders{
		Sources: map[string]pipeline.Builder[pipeline.Source]{},
		Stages:  map[string]pipeline.Builder[pipeline.Stage]{},
		Sinks: map[string]pipeline.Builder[pipeline.Sink]{
			"sink": pipeline.Build(noSettings{}, pipeline.Work{}, func(context.Context, noSettings, pipeline.Env) (pipeline.Sink, error) {
				return newSink(filepath.Join(w.Dir, "sink"), w.Break), nil
			}),
		},
	}
	for _, o := range origins(w.Records) {
		b.Sources[o.name] = pipeline.Build(noSettings{}, pipeline.Work{}, func(context.Context, noSettings, pipeline.Env) (pipeline.Source, error) {
			return &rowSource{origin: o, gate: gate{w.Dir}, moving: w.Break == "moving"}, nil
		})
	}
	for _, name := range chain[1:4] {
		// Small batches that take a moment, so that work is under way whenever something happens.
		work := pipeline.Work{Concurrency: 4, Batch: 32, Window: 512, Backoff: time.Millisecond}
		b.Stages[name] = pipeline.Build(noSettings{}, work, func(context.Context, noSettings, pipeline.Env) (pipeline.Stage, error) {
			return tagger(name), nil
		})
	}
	return b
}

// tagger is a stage that adds its name to a text, and drops some.
type tagger string

func (t tagger) Process(ctx context.Context, in []*pipeline.Sample) ([]pipeline.Result, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(rand.N(20 * time.Millisecond)):
	}
	out := make([]pipeline.Result, len(in))
	for i, s := range in {
		if row := key(s, nil); t == "s2" && unwanted(row) {
			out[i] = pipeline.Drop("unwanted", "")
			continue
		}
		s.Parts = append(s.Parts, &pipeline.Part{Text: string(t)})
		out[i] = pipeline.Keep(s)
	}
	return out, nil
}

// rowSource is a source of numbered rows in files of different lengths. It gives no more rows than the gate lets
// through, so that records flow as long as there are faults.
type rowSource struct {
	origin
	gate   gate
	moving bool // breaks the promise of a source: one row in a thousand is another one at every reading
}

func (s *rowSource) Dataset() string { return s.name }

// fileRows is the length of a source's file, but for the last.
const fileRows = 9973

func (s *rowSource) Files(context.Context) ([]pipeline.File, error) {
	var out []pipeline.File
	for from := 0; from < s.rows; from += fileRows {
		n := min(fileRows, s.rows-from)
		out = append(out, pipeline.File{Name: fmt.Sprintf("%s-%04d", s.name, len(out)), Size: int64(n), Fingerprint: "fixed"})
	}
	return out, nil
}

func (s *rowSource) Open(_ context.Context, after pipeline.Cursor) (pipeline.Rows, error) {
	return &rows{source: s, next: int(after.Row)}, nil
}

type rows struct {
	source *rowSource
	next   int
	open   int // rows that the gate is known to let through
}

func (r *rows) Next(ctx context.Context) (pipeline.Row, error) {
	s, g := r.source, r.next
	if g >= s.rows {
		return pipeline.Row{}, io.EOF
	}
	for g >= r.open {
		share, err := s.gate.share()
		if err != nil {
			return pipeline.Row{}, err
		}
		if r.open = int(share * float64(s.rows)); g < r.open {
			break
		}
		select {
		case <-ctx.Done():
			return pipeline.Row{}, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	r.next++
	row := pipeline.Row{After: pipeline.Cursor{Row: int64(g + 1), File: g / fileRows}, File: g / fileRows}
	if s.moving && g%1000 == 500 {
		g = rand.N(s.rows)
	}
	from := &pipeline.Origin{Dataset: s.name, Key: strconv.Itoa(g), Revision: "1"}
	if badRow(g) {
		row.Result = pipeline.Drop("bad-row", "")
		row.Skip.Source = from
		return row, nil
	}
	row.Result = pipeline.Keep(&pipeline.Sample{
		Id: pipeline.SampleID(s.name, from.Key, "1"), Kind: pipeline.Kind_TEXT, Source: from,
		Parts: []*pipeline.Part{{Text: s.text(g)}},
		Views: []*pipeline.View{{Encoded: ballast(g)}},
	})
	return row, nil
}

func (r *rows) Left() (int64, int64, string) { return int64(r.next), int64(r.source.rows), "rows" }
func (r *rows) Close() error                 { return nil }

// ballast makes records of different sizes, 100 to 600 bytes.
func ballast(row int) []byte {
	b := make([]byte, 100+row%500)
	rand.NewChaCha8([32]byte{byte(row), byte(row >> 8), byte(row >> 16)}).Read(b)
	return b
}

// gate is a file that says which share of each source may be read.
type gate struct{ dir string }

func (g gate) path() string { return filepath.Join(g.dir, "gate") }

func (g gate) share() (float64, error) {
	data, err := os.ReadFile(g.path())
	if err != nil {
		return 0, fmt.Errorf("gate of the sources: %w", err)
	}
	return strconv.ParseFloat(string(data), 64)
}

func (g gate) open(share float64) error {
	if err := durable.WriteFile(g.path(), []byte(strconv.FormatFloat(share, 'g', -1, 64))); err != nil {
		return fmt.Errorf("gate of the sources: %w", err)
	}
	return nil
}
