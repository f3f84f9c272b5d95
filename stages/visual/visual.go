package visual

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

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
	codes  []byte
	skip   pipeline.Result
}

// MaxPixels is how many bytes of pixels a call of Process decodes at once, or one view if that has more: 445 views of 224
// pixels. Samples have up to a thousand views, so their number bounds no memory.
const MaxPixels = 64 << 20

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
	for some := range slices.Chunk(jobs, max(1, MaxPixels/s.bytes())) {
		if err := s.encode(ctx, some); err != nil {
			return nil, err
		}
	}
	for _, j := range jobs { // the first broken view decides
		if j.skip.Skip != nil && out[j.sample].Skip == nil {
			out[j.sample] = j.skip
		}
	}
	for _, j := range jobs {
		if out[j.sample].Skip == nil {
			j.view.Grid, j.view.Codes = int32(s.t.Grid()), j.codes
		}
	}
	return out, nil
}

// bytes of a view's pixels.
func (s *Stage) bytes() int { return 3 * s.t.Side() * s.t.Side() }

// encode finds the codes of some views, or why there are none.
func (s *Stage) encode(ctx context.Context, jobs []job) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	iter.ForEach(jobs, s.decode)
	var good []*job
	pix := make([]uint8, 0, len(jobs)*s.bytes())
	for i := range jobs {
		if j := &jobs[i]; j.skip.Skip == nil {
			good, pix = append(good, j), append(pix, j.pixels...)
			j.pixels = nil
		}
	}
	codes, err := s.t.Encode(ctx, pix, len(good))
	if err != nil {
		return err
	}
	cells := s.t.Grid() * s.t.Grid()
	for i, j := range good {
		j.codes = make([]byte, 0, 2*cells)
		for _, c := range codes[i*cells : (i+1)*cells] {
			j.codes = binary.LittleEndian.AppendUint16(j.codes, c)
		}
	}
	return nil
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
