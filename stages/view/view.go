package view

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/sandbox"
	"github.com/imglish/imglish/store"
)

// version changes when the same sample gives another result.
const version = "1"

// Stage draws views.
type Stage struct {
	cfg    Config
	st     store.Store
	pool   *sandbox.Pool
	encode Encoder
}

// New makes the stage. st holds the blobs. webp encodes lossless WebP (pixels/vips.EncodeWebP does); it may be nil if
// the encoding is another.
func New(cfg Config, st store.Store, webp Encoder) (*Stage, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	encode, err := ParseEncoding(cfg.Encoding, webp)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	pool, err := sandbox.New(cfg.Sandbox)
	if err != nil {
		return nil, fmt.Errorf("view: %w", err)
	}
	return &Stage{cfg: cfg, st: st, pool: pool, encode: encode}, nil
}

// Version goes into a sample's history.
func (v *Stage) Version() string { return version }

// Close ends the decoding processes.
func (v *Stage) Close() error { return v.pool.Close() }

// Process implements pipeline.Stage.
func (v *Stage) Process(ctx context.Context, in []*pipeline.Sample) ([]pipeline.Result, error) {
	out := make([]pipeline.Result, len(in))
	for i, s := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = pipeline.Keep(s)
		if s.Kind != pipeline.Kind_IMAGE && s.Kind != pipeline.Kind_PAIR {
			continue
		}
		skip, err := v.draw(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("view %s %s: %w", s.GetSource().GetDataset(), s.GetSource().GetKey(), err)
		}
		if skip != nil {
			out[i] = pipeline.Result{Skip: skip}
		}
	}
	return out, nil
}

// draw fills in a sample's views.
func (v *Stage) draw(ctx context.Context, s *pipeline.Sample) (*pipeline.Skip, error) {
	if s.Image.GetBlob() == "" {
		return pipeline.Drop("blob-missing", "the sample names no blob").Skip, nil
	}
	data, err := store.GetBlob(ctx, v.st, s.Image.Blob)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return pipeline.DropRetryable("blob-missing", "the store does not have "+s.Image.Blob).Skip, nil
	case errors.Is(err, store.ErrDamaged):
		return pipeline.DropRetryable("blob-damaged", "the store has other bytes for "+s.Image.Blob).Skip, nil
	case err != nil:
		return nil, err
	}
	views, err := v.views(ctx, s, data)
	if err != nil {
		reason, mayPass := sandbox.Reason(err)
		switch {
		case reason == "":
			return nil, err
		case mayPass:
			return pipeline.DropRetryable(reason, err.Error()).Skip, nil
		}
		return pipeline.Drop(reason, err.Error()).Skip, nil
	}
	s.Views = views
	return nil, nil
}

// views decodes the picture once and makes all its views.
func (v *Stage) views(ctx context.Context, s *pipeline.Sample, data []byte) ([]*pipeline.View, error) {
	lim := pixels.Limits{MaxPixels: v.cfg.MaxPixels}
	info, err := pixels.Probe(data)
	if err != nil {
		return nil, err
	}
	if err := lim.Check(info.W, info.H); err != nil {
		return nil, err
	}
	turn, w, h := 1, info.W, info.H
	if v.cfg.Orient {
		if turn = info.Orientation; turn >= 5 {
			w, h = h, w
		}
	}
	d := v.cfg.draw(s)
	drawn := make([]drawn, d.Views)
	cuts := make([]sandbox.Cut, d.Views)
	for i := range drawn {
		if d.Mode == Reference {
			cuts[i] = sandbox.Cut{ToW: v.cfg.Side, ToH: v.cfg.Side, Reference: true}
			continue
		}
		drawn[i] = d.draw(generator(v.cfg.Seed, s.Id, i), w, h)
		o := drawn[i]
		cuts[i] = sandbox.Cut{X: o.x, Y: o.y, W: o.w, H: o.h, ToW: v.cfg.Side, ToH: v.cfg.Side, Filter: pixels.Bicubic}
	}
	pictures, _, err := v.pool.Cuts(ctx, data, lim, turn, cuts)
	if err != nil {
		return nil, err
	}
	views := make([]*pipeline.View, d.Views)
	for i, im := range pictures {
		o := drawn[i]
		out := &pipeline.View{
			Number: int32(i), Encoding: v.cfg.Encoding, Side: int32(v.cfg.Side), Grid: int32(v.cfg.Grid),
			Left: float32(o.x), Top: float32(o.y), Width: float32(o.w), Height: float32(o.h), Flip: o.flip,
		}
		if d.Mode == Reference {
			out.Left, out.Top, out.Width, out.Height = referenceBox(w, h, v.cfg.Side)
		}
		if o.flip {
			im = im.FlipH()
		}
		if j := o.jitter; j != nil {
			im = im.Jitter(*j)
			out.Jitter = []float32{j.Brightness, j.Contrast, j.Saturation,
				float32(j.Order[0]), float32(j.Order[1]), float32(j.Order[2])}
		}
		if out.Encoded, err = v.encode(im); err != nil {
			return nil, fmt.Errorf("encode view %d: %w", i, err)
		}
		views[i] = out
	}
	return views, nil
}

// referenceBox is the part of a picture of w×h pixels that pixels.ReferenceView shows, in its pixels.
func referenceBox(w, h, side int) (left, top, width, height float32) {
	// The shorter side shrinks to 256/224 of the view, and the centre of that is kept.
	scale := float64(min(w, h)) / math.Floor(float64(side)*256/224)
	size := float64(side) * scale
	return float32((float64(w) - size) / 2), float32((float64(h) - size) / 2), float32(size), float32(size)
}
