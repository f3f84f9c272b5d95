package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/imglish/imglish/durable"
)

// open finds the line's book and topics, or makes them, and builds the parts of this process.
func (r *Runner) open(ctx context.Context) error {
	joined, err := r.cfg.Join(ctx, r.builders)
	if err != nil && r.readsSources() {
		return err
	}
	if err != nil { // a process of other stages may not be able to see where such a source comes from
		r.logger.Warn("look for sources that join: their lanes are worked on, not waited for", "error", err)
		joined = r.cfg
	}
	r.mu.Lock()
	r.wanted = joined.Sources
	r.mu.Unlock()
	var limit int64
	err = r.untilAnswered(ctx, func(ctx context.Context) (err error) {
		limit, err = r.openLine(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if r.journal, err = openJournal(filepath.Join(r.cfg.Data, "work"), r.line.lives.short(r.line.lives.reset())); err != nil {
		return err
	}
	r.env = Env{
		Line: r.line.id(), Name: r.cfg.Line, Data: r.cfg.Data, Dir: r.cfg.Dir, Logger: r.logger,
		Store:      r.cfg.StoreURL(),
		RangeBytes: rangeBytes(limit),
		Settings:   func(stage string) (any, bool, error) { return r.cfg.StageSettings(r.builders, stage) },
	}
	for _, s := range r.segments {
		if err := r.build(ctx, s); err != nil {
			return err
		}
	}
	return r.untilAnswered(ctx, r.line.board.poll)
}

// openLine makes the topics and the book, and returns the bytes that a lane keeps in front of the sink.
func (r *Runner) openLine(ctx context.Context) (int64, error) {
	b := &book{log: r.log, topic: r.cfg.sourcesTopic()}
	wanted := r.wantedSources()
	lanes := 0
	for _, s := range wanted {
		lanes += s.Lanes
	}
	// Which lanes there are the book says; before there is one, the graph file.
	if n, err := r.log.partitions(ctx, b.topic); err != nil {
		return 0, err
	} else if n == 0 {
		if err := r.log.ensureTopics(ctx, r.cfg.topicWants(len(wanted), lanes)); err != nil {
			return 0, err
		}
	}
	id, kept, err := r.lineID()
	if err != nil {
		return 0, fatal(err)
	}
	extend := func(ctx context.Context, n int) error { return r.log.extendTopic(ctx, b.topic, n) }
	if err := b.claim(ctx, wanted, id, extend); err != nil {
		return 0, err
	}
	if err := r.keepLineID(b.line, id, kept); err != nil {
		return 0, fatal(err)
	}
	if r.line, err = newLine(r.log, b, r.cfg, r.logger); err != nil {
		return 0, err
	}
	r.measured = newMeasuredLog(r.log)
	r.line.log = r.measured
	if open := r.line.lives.open(); open != nil {
		return 0, fatal(cutOff(r.cfg, open))
	}
	wants := r.cfg.topicWants(len(b.all()), b.lanes())
	if err := r.log.ensureTopics(ctx, wants); err != nil {
		return 0, err
	}
	if err := r.readBook(ctx); err != nil { // another process may have brought a source, and lanes, in between
		return 0, err
	}
	wants = r.cfg.topicWants(len(b.all()), b.lanes())
	if r.line.limits, err = r.log.checkTopics(ctx, wants, r.logger); err != nil {
		return 0, err
	}
	return r.line.limits[wants[len(wants)-1].name], nil
}

// newLine is the line that a book describes.
func newLine(log *kafkaLog, b *book, cfg *Config, logger *slog.Logger) (*line, error) {
	if _, err := uuid.Parse(b.line); err != nil {
		return nil, fmt.Errorf("%w: topic %s: the line's id: %w", ErrFatal, b.topic, err)
	}
	l := &line{log: log, book: b, first: b.line, lives: b.lives(), limits: map[string]int64{}, causes: newCauses(), waits: newPressure()}
	l.board = newBoard(log, cfg.Segments(), b.lanes, logger)
	l.board.floor = l.floor
	log.lives = l.lives
	return l, nil
}

// cutOff is the error of a line in the middle of a reset or a repair.
func cutOff(cfg *Config, c *change) error {
	return fmt.Errorf("line %s: a %s is under way or was cut off: when no %s runs any more, finish it: %s", cfg.Line, c.What, c.What, c.command(cfg.File))
}

// lineFile keeps the line's id in the data folder.
type lineFile struct {
	Line string `json:"line"`
	ID   string `json:"id"`
}

func (r *Runner) lineFilePath() string { return filepath.Join(r.cfg.Data, "pipeline.json") }

// lineID is the id that the data folder knows, or a new one.
func (r *Runner) lineID() (id string, kept bool, err error) {
	data, err := os.ReadFile(r.lineFilePath())
	if errors.Is(err, fs.ErrNotExist) {
		return uuid.NewString(), false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read the line's id: %w", err)
	}
	var f lineFile
	if err := json.Unmarshal(data, &f); err != nil {
		return "", false, fmt.Errorf("read the line's id in %s: %w", r.lineFilePath(), err)
	}
	if f.Line != r.cfg.Line {
		return "", false, fmt.Errorf("data folder %s belongs to line %q, the graph file says %q: give each line a data folder of its own",
			r.cfg.Data, f.Line, r.cfg.Line)
	}
	return f.ID, true, nil
}

// keepLineID writes the id into the data folder, or finds that the folder belongs to other topics.
func (r *Runner) keepLineID(id, mine string, kept bool) error {
	if kept {
		if id != mine {
			return fmt.Errorf("data folder %s belongs to line %s, the topics of %q to line %s: one of the two is from elsewhere",
				r.cfg.Data, mine, r.cfg.Line, id)
		}
		return nil
	}
	data, err := json.Marshal(lineFile{Line: r.cfg.Line, ID: id})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.cfg.Data, 0o755); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return durable.WriteFile(r.lineFilePath(), data)
}

// build makes the parts of a segment.
func (r *Runner) build(ctx context.Context, s Segment) error {
	c := newCrew(s.Name(), r.journal, r.memory)
	r.crews[s.Index] = c
	for _, name := range s.Stages {
		count := newCounter(name)
		r.counters = append(r.counters, count)
		if name == sourceStage {
			c.source = count
			if err := r.buildSources(ctx); err != nil {
				return err
			}
			continue
		}
		work, settings, err := r.builders.stageSettings(name, r.cfg.sections[name])
		if err != nil {
			return err
		}
		if sink, ok := r.builders.Sinks[name]; ok {
			c.sink = count
			if r.sink, err = sink.build(ctx, settings, r.env); err != nil {
				return fmt.Errorf("stage %s: %w", name, err)
			}
			r.closers = append(r.closers, r.sink)
			continue
		}
		stage, err := r.builders.Stages[name].build(ctx, settings, r.env)
		if err != nil {
			return fmt.Errorf("stage %s: %w", name, err)
		}
		if closer, ok := stage.(io.Closer); ok {
			r.closers = append(r.closers, closer)
		}
		c.add(name, stage, work, count)
	}
	return nil
}

// buildSources makes the sources and looks at their files, so that a missing one is an error at once.
func (r *Runner) buildSources(ctx context.Context) error {
	for _, at := range r.wantedSources() {
		if err := r.buildSource(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) buildSource(ctx context.Context, at SourceAt) error {
	src, err := r.builders.Sources[at.Kind].make(ctx, at.Settings, r.env)
	if err != nil {
		return sourceError(at.Name, err)
	}
	var known []File
	for _, s := range r.line.book.all() {
		if s.Source == at.Name {
			known = s.Files
		}
	}
	files, err := checkFiles(ctx, src, at.Name, known)
	r.mu.Lock()
	defer r.mu.Unlock()
	if closer, ok := src.(io.Closer); ok {
		r.closers = append(r.closers, closer)
	}
	if err != nil {
		return err
	}
	r.sources[at.Name] = &builtSource{Source: src, files: len(files)}
	return nil
}
