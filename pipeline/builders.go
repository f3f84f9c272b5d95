package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
)

// Builders is the table of the parts that a graph file may name. cmd/imglish fills it; this package knows no stage.
type Builders struct {
	Sources map[string]Builder[Source]
	Stages  map[string]Builder[Stage]
	Sinks   map[string]Builder[Sink] // the last stage of a line
	// Joined returns sources that a line has beside those of its graph file, such as one of samples that are to be taken
	// once more. A run asks when it starts and every few seconds from then on. nil: there are none.
	Joined func(context.Context, *Config) ([]SourceAt, error)
}

// Env is what a part may know of the line that it is built for.
type Env struct {
	Line   string       // the line's UUID
	Name   string       // the line's name
	Data   string       // data folder, absolute
	Dir    string       // folder of the graph file
	Store  string       // URL of the store, or its folder
	Logger *slog.Logger //
	// Settings returns another stage's settings, of the type that its builder was made for; ok is false if the graph
	// does not have it. The sink needs the name of the tokenizers, for one.
	Settings func(stage string) (settings any, ok bool, err error)
	// RangeBytes is how many bytes of samples (proto.Size) a sink may hold of a lane before it makes them durable.
	// The log keeps what the sink has not made durable, and its writer waits when that is half of the lane's share:
	// a sink that holds on for longer stops its lane.
	RangeBytes int64
}

// Path resolves a path of the graph file: a relative one starts at the graph file's folder.
func (e Env) Path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(e.Dir, p)
}

// Validator is what the settings of a part must be able to do.
type Validator interface{ Validate() error }

// Builder makes one part (a Source, Stage or Sink) from its section of the graph file.
type Builder[T any] struct {
	work     Work
	defaults any
	read     func(Section) (any, error)
	build    func(context.Context, any, Env) (T, error)
}

// Build makes a Builder: the settings are read strictly onto defaults and validated when the graph file is read, and
// build is called with them when the line starts. work says how the runner drives the stage; fields left 0 take
// DefaultWork's.
func Build[T any, C Validator](defaults C, work Work, build func(context.Context, C, Env) (T, error)) Builder[T] {
	return Builder[T]{
		work:     work,
		defaults: defaults,
		read: func(s Section) (any, error) {
			c := defaults
			if err := s.Decode(&c); err != nil {
				return nil, err
			}
			if err := c.Validate(); err != nil {
				return nil, s.errorf("%s: %v", s.Name, err)
			}
			return c, nil
		},
		build: func(ctx context.Context, settings any, env Env) (T, error) {
			return build(ctx, settings.(C), env)
		},
	}
}

// settings reads and checks a part's own settings.
func (b Builder[T]) settings(s Section) (any, error) { return b.read(s) }

// make builds the part from its section.
func (b Builder[T]) make(ctx context.Context, s Section, env Env) (T, error) {
	c, err := b.read(s)
	if err != nil {
		var none T
		return none, err
	}
	return b.build(ctx, c, env)
}

var workKeys = names(fieldTypes(reflect.TypeOf(Work{})))

// stageSettings reads the section of a stage or sink: how the runner drives it, and its own settings.
func (b Builders) stageSettings(name string, s Section) (Work, any, error) {
	var (
		work Work
		read func(Section) (any, error)
	)
	if st, ok := b.Stages[name]; ok {
		work, read = st.work, st.read
	} else if si, ok := b.Sinks[name]; ok {
		work, read = si.work, si.read
	} else {
		return Work{}, nil, fmt.Errorf("unknown stage %q", name)
	}
	mine, own := s.split(workKeys)
	settings, err := read(own)
	if err != nil {
		return Work{}, nil, err
	}
	work = work.over(DefaultWork())
	if err := mine.Decode(&work); err != nil {
		return Work{}, nil, err
	}
	if err := work.Validate(); err != nil {
		return Work{}, nil, s.errorf("%s: %v", name, err)
	}
	return work, settings, nil
}

func (b Builders) stageNames() []string { return append(names(b.Stages), names(b.Sinks)...) }

func (b Builders) isStage(name string) bool { return contains(b.stageNames(), name) }
