package demo

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/imglish/imglish/durable"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
	"github.com/imglish/imglish/store/shards"
	"github.com/imglish/imglish/trainer"
	"github.com/imglish/imglish/trainer/probe"
)

//go:embed graph.yaml
var graphTemplate string

// Parts are what the command line wires for its other commands too.
type Parts struct {
	Builders pipeline.Builders
	// Store opens the store of a graph file.
	Store func(ctx context.Context, where string) (store.Store, error)
	// Training makes ready to train what a graph file says.
	Training func(ctx context.Context, graph *pipeline.Config) (*Training, error)
	// Task shows the progress of long work; finish ends it.
	Task   func(label string) (update func(done, total int64, note string), finish func())
	Out    io.Writer // the story and its results
	Colour bool      // Out is a terminal
}

// Run gives the demonstration. Interrupted and run again, it goes on where it was; run again behind its end, it shows
// the results again. An error of judge means that everything ran and the model did not learn.
func Run(ctx context.Context, cfg Config, parts Parts) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	d := &demo{Config: cfg, Parts: parts}
	if !cfg.JSON {
		return d.run(ctx)
	}
	d.Out = io.Discard
	err := d.run(ctx)
	if e := json.NewEncoder(parts.Out).Encode(d.results); e != nil && err == nil {
		err = e
	}
	return err
}

type demo struct {
	Config
	Parts
	data    dataset
	results Results
}

// Results are the demo's measurements, as far as it came.
type Results struct {
	Stages      []StageRow    `json:"stages"`
	LineSeconds float64       `json:"line_seconds"`
	Steps       int64         `json:"steps"`
	Parameters  int           `json:"parameters"`
	Learned     *probe.Result `json:"learned"` // null without training
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.Out, format+"\n", args...) }

func (d *demo) path(elem ...string) string { return filepath.Join(append([]string{d.Dir}, elem...)...) }

func (d *demo) run(ctx context.Context) error {
	if err := os.MkdirAll(d.path("data"), 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	w, err := d.serve()
	if err != nil {
		return err
	}
	defer w.close()
	if err := d.prepare(ctx, w); err != nil {
		return err
	}
	graph, err := pipeline.Load(d.path("graph.yaml"), d.Builders)
	if err != nil {
		return err
	}
	st, err := d.Store(ctx, graph.StoreURL())
	if err != nil {
		return err
	}
	if err := d.line(ctx, graph, st); err != nil {
		return err
	}
	if !d.Train {
		return nil
	}
	return d.learn(ctx, graph, st)
}

// serve starts the demo's web. The port stays the same from run to run, since it is in the list's URLs.
func (d *demo) serve() (*web, error) {
	portFile := d.path("data", "port")
	port := d.Port
	if data, err := os.ReadFile(portFile); err == nil {
		if port, err = strconv.Atoi(strings.TrimSpace(string(data))); err != nil {
			return nil, fmt.Errorf("read %s: %w", portFile, err)
		}
	}
	w, err := startWeb(d.path("data"), port)
	if err != nil {
		return nil, err
	}
	if err := durable.WriteFile(portFile, []byte(strconv.Itoa(w.port())+"\n")); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// prepare makes the data, the models and the graph file, each once.
func (d *demo) prepare(ctx context.Context, w *web) (err error) {
	update, finish := d.Task("making scenes")
	d.data, err = makeData(ctx, d.Dir, d.Config, w.url(), update)
	finish()
	if err != nil {
		return err
	}
	d.say("Data: %d rendered scenes with captions, %d labelled ones in synset archives, %d articles in a dump,", d.Pairs, d.Images, d.Articles)
	d.say("      %d real photos, %s, and %d traps, served at %s", len(d.data.photos), d.wikiWords(), len(traps), w.url())
	if len(d.data.photos) == 0 || !d.data.wiki {
		d.say("      (what is missing comes from packages: build/demo-data.sh says why it could not be had)")
	}
	if err := writeModels(d.path("models")); err != nil {
		return err
	}
	path := d.path("graph.yaml")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	var b bytes.Buffer
	t := template.Must(template.New("graph").Parse(graphTemplate))
	if err := t.Execute(&b, map[string]any{
		"Wiki": d.data.wiki, "Port": w.port(), "Threads": d.Threads, "Steps": d.Steps, "Warmup": d.Steps / 15,
	}); err != nil {
		return fmt.Errorf("write graph: %w", err)
	}
	return durable.WriteFile(path, b.Bytes())
}

func (d *demo) wikiWords() string {
	if d.data.wiki {
		return "an excerpt of English Wikipedia"
	}
	return "no Wikipedia excerpt"
}

// line runs the line until everything is in shards, and shows the summary.
func (d *demo) line(ctx context.Context, graph *pipeline.Config, st store.Store) error {
	d.say("\nThe line, from %s:", d.path("graph.yaml"))
	update, finish := d.Task("line")
	var last pipeline.Snapshot
	err := pipeline.Run(ctx, graph, d.Builders, pipeline.Options{Progress: func(s pipeline.Snapshot) {
		last = s
		done, total, note := lineProgress(s)
		update(done, total, note)
	}})
	finish()
	if err != nil {
		return err
	}
	folder, err := shards.Find(ctx, st)
	if err != nil {
		return err
	}
	set, err := folder.Load(ctx, nil)
	if err != nil {
		return err
	}
	var stages []string
	for _, segment := range graph.Graph {
		for _, s := range segment {
			if s != "source" {
				stages = append(stages, s)
			}
		}
	}
	d.results.Stages, d.results.LineSeconds = summarize(set, stages, last), last.Elapsed.Seconds()
	return printSummary(d.Out, d.results.Stages, last.Elapsed)
}

// lineProgress is how many samples have passed the last segment, of those known, and what waits where.
func lineProgress(s pipeline.Snapshot) (done, total int64, note string) {
	for _, src := range s.Sources {
		total += src.Rows
	}
	var waits []string
	for _, seg := range s.Segments {
		done = seg.Taken
		if seg.Lag > 0 {
			waits = append(waits, fmt.Sprintf("%d wait for %s", seg.Lag, seg.Segment))
		}
	}
	return done, total, strings.Join(waits, ", ")
}

// learn trains on the shards and shows what was learned.
func (d *demo) learn(ctx context.Context, graph *pipeline.Config, st store.Store) error {
	t, err := d.Training(ctx, graph)
	if err != nil {
		return err
	}
	defer t.Close()
	d.say("\nTraining on %s: %d steps of %d images, %d texts and %d pairs", t.Backend.Name(), t.Config.Steps,
		t.Mixer.Config().Images, t.Mixer.Config().Texts, t.Mixer.Config().Pairs)
	update, finish := d.Task("training")
	start := time.Now()
	res, err := trainer.Run(ctx, t.Config, t.Backend, t.Mixer, trainer.Hooks{Step: func(r trainer.Report) {
		update(r.Step+1, t.Config.Steps, lossNote(r))
	}})
	finish()
	if err != nil {
		return err
	}
	d.results.Steps, d.results.Parameters = res.Steps, res.Parameters
	curves, err := lossCurves(t.Config.Dir)
	if err != nil {
		return err
	}
	d.say("%s", terminalCurve(curves, 72, 12, d.Colour))
	if res.Steps > res.From {
		d.say("  %.2fM parameters, %d steps in %s", float64(res.Parameters)/1e6, res.Steps-res.From, time.Since(start).Round(time.Second))
	}
	if err := savePlot(d.path("loss.png"), "the demo's training", curves); err != nil {
		return err
	}
	known, err := readCatalogue(ctx, st)
	if err != nil {
		return err
	}
	learned, held, err := d.measure(ctx, t, known, res.Checkpoint)
	if err != nil {
		return err
	}
	d.results.Learned = &learned
	if err := d.showSheet(ctx, t, known, held); err != nil {
		return err
	}
	d.say("")
	if err := printLearned(d.Out, learned); err != nil {
		return err
	}
	d.say("\nLook at %s and %s. Then:", d.path("contact-sheet.png"), d.path("loss.png"))
	d.say("  imglish audit %s                                  what is in the shards, what was dropped and why", d.Dir)
	d.say("  imglish mix %s --seed 1 --steps 2 --lineage       the batches, and where each row comes from", d.Dir)
	d.say("  imglish plan %s", d.path("graph.yaml"))
	if err := judge(learned); err != nil {
		return err
	}
	d.say("\nThe demo passes: right − wrong is %.2f (at least %.1f), and image codes beat the view's commonest (%.3f against %.3f).",
		learned.Words.Right-learned.Words.Wrong, minDifference, learned.Image.Model, learned.Image.CommonestOwnCode)
	return nil
}

// lossCurves reads the log of losses that training wrote, so that an interrupted run shows all of its steps.
func lossCurves(dir string) ([]Series, error) {
	reports, err := trainer.ReadLosses(filepath.Join(dir, trainer.LossFile))
	if err != nil {
		return nil, err
	}
	out := []Series{
		{Name: "images", Colour: color.RGBA{38, 98, 210, 255}},
		{Name: "texts", Colour: color.RGBA{30, 150, 70, 255}},
		{Name: "captions of pairs", Colour: color.RGBA{210, 50, 50, 255}},
	}
	for _, r := range reports {
		for i, loss := range []*float64{r.Image, r.Text, r.PairText} {
			if loss != nil {
				out[i].Values = append(out[i].Values, *loss)
			}
		}
	}
	if len(reports) == 0 {
		return nil, errors.New("training wrote no losses")
	}
	return out, nil
}

func lossNote(r trainer.Report) string {
	if r.Total == nil {
		return "loss not finite"
	}
	return fmt.Sprintf("loss %.2f", *r.Total)
}
