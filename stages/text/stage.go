package text

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/sentencepiece"
	"github.com/imglish/imglish/sentencepiece/hf"
)

// ReasonEmpty is the skip of a text that gives no ids.
const ReasonEmpty = "empty-text"

// Stage is the pipeline.Stage.
type Stage struct {
	t         sentencepiece.Tokenizer
	maxPieces int
}

// New makes the stage over a tokenizer, which it closes with itself if that can be closed. maxPieces bounds a part of
// a TEXT; it is at least 1.
func New(t sentencepiece.Tokenizer, maxPieces int) *Stage {
	return &Stage{t: t, maxPieces: max(1, maxPieces)}
}

// Open makes the stage that a configuration asks for.
func Open(c Config) (*Stage, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t, err := hf.Open(c.Tokenizer)
	if err != nil {
		return nil, fmt.Errorf("text: %w", err)
	}
	return New(t, c.MaxPieces), nil
}

// Tokenizer is the stage's tokenizer.
func (s *Stage) Tokenizer() sentencepiece.Tokenizer { return s.t }

// Version is the tokenizer's fingerprint.
func (s *Stage) Version() string { return s.t.Fingerprint() }

// Close closes the tokenizer.
func (s *Stage) Close() error {
	if c, ok := s.t.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Process gives each text its parts and ids.
func (s *Stage) Process(ctx context.Context, in []*pipeline.Sample) ([]pipeline.Result, error) {
	out := make([]pipeline.Result, len(in))
	for i, x := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = s.one(x)
	}
	return out, ctx.Err()
}

func (s *Stage) one(x *pipeline.Sample) pipeline.Result {
	switch x.Kind {
	case pipeline.Kind_TEXT:
		var parts []*pipeline.Part
		for _, p := range x.Parts {
			parts = s.cut(parts, p.Text)
		}
		x.Parts = parts
	case pipeline.Kind_PAIR:
		var text string
		if len(x.Parts) > 0 {
			text = strings.TrimSpace(x.Parts[0].Text)
		}
		x.Parts = s.add(nil, text)
	default:
		return pipeline.Keep(x)
	}
	if len(x.Parts) == 0 {
		return pipeline.Drop(ReasonEmpty, "")
	}
	return pipeline.Keep(x)
}

// add appends a text as the next part, unless it gives no ids.
func (s *Stage) add(parts []*pipeline.Part, text string) []*pipeline.Part {
	ids := s.t.AppendIDs(nil, text)
	if len(ids) == 0 {
		return parts
	}
	return append(parts, &pipeline.Part{Number: int32(len(parts)), Text: text, Ids: ids})
}
