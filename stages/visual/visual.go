package visual

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/sourcegraph/conc/iter"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels"
)

// Tokenizer is what the stage needs of a *vqkd.Tokenizer.
type Tokenizer interface {
	// Encode: pixels [n, S, S, 3] uint8 RGB to codes [n, G²], safe for several goroutines.
	Encode(ctx context.Context, pixels []uint8, n int) ([]uint16, error)
	Grid() int
	Side() int
	Fingerprint() string
}

// Stage is the pipeline.Stage.
type Stage struct{ t Tokenizer }

// New makes the stage over a tokenizer, which it closes with itself if that can be closed.
func New(t Tokenizer) *Stage { return &Stage{t} }

// Version is the tokenizer's fingerprint.
func (s *Stage) Version() string { return s.t.Fingerprint() }

// Close closes the tokenizer.
func (s *Stage) Close() error {
	if c, ok := s.t.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Reasons of skips.
const (
	ReasonNoView     = "no-view"     // an image that comes without views
	ReasonUnreadable = "view-broken" // a view that cannot be decoded
	ReasonSize       = "view-size"   // a view whose pixels are not as large as it says
)

// job is one view on its way through a batch.
type job struct {
	sample int
	view   *pipeline.View
	pixels []uint8
	skip   pipeline.Result
}

// Process fills in the codes of all views. Views of another side than the tokenizer's are an ErrFatal: no sample of
// this line would fit.
func (s *Stage) Process(ctx context.Context, in []*pipeline.Sample) ([]pipeline.Result, error) {
	out := make([]pipeline.Result, len(in))
	var jobs []job
	for i, x := range in {
		out[i] = pipeline.Keep(x)
		if x.Kind == pipeline.Kind_TEXT {
			continue
		}
		if len(x.Views) == 0 {
			out[i] = pipeline.Drop(ReasonNoView, "")
		}
		for _, v := range x.Views {
			if int(v.Side) != s.t.Side() {
				return nil, fmt.Errorf("view of %d pixels, the tokenizer takes %d: %w", v.Side, s.t.Side(), pipeline.ErrFatal)
			}
			jobs = append(jobs, job{sample: i, view: v})
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	iter.ForEach(jobs, s.decode)
	for _, j := range jobs { // the first broken view decides, whatever was decoded first
		if j.skip.Skip != nil && out[j.sample].Skip == nil {
			out[j.sample] = j.skip
		}
	}
	var good []job
	var pix []uint8
	for _, j := range jobs {
		if out[j.sample].Skip == nil {
			good, pix = append(good, j), append(pix, j.pixels...)
		}
	}
	codes, err := s.t.Encode(ctx, pix, len(good))
	if err != nil {
		return nil, err
	}
	grid := s.t.Grid()
	for i, j := range good {
		j.view.Grid = int32(grid)
		j.view.Codes = make([]byte, 0, 2*grid*grid)
		for _, c := range codes[i*grid*grid : (i+1)*grid*grid] {
			j.view.Codes = binary.LittleEndian.AppendUint16(j.view.Codes, c)
		}
	}
	return out, nil
}

// decode brings a view back to pixels, or says why not.
func (s *Stage) decode(j *job) {
	side := s.t.Side()
	im, _, err := pixels.Decode(j.view.Encoded, pixels.Limits{MaxPixels: int64(side) * int64(side)})
	switch {
	case err != nil:
		j.skip = pipeline.Drop(ReasonUnreadable, fmt.Sprintf("view %d: %v", j.view.Number, err))
	case im.W != side || im.H != side:
		j.skip = pipeline.Drop(ReasonSize, fmt.Sprintf("view %d has %d×%d pixels, want %d×%d", j.view.Number, im.W, im.H, side, side))
	default:
		j.pixels = im.Pix
	}
}
