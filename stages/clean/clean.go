package clean

import (
	"context"
	"errors"
	"fmt"
	"unicode"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/sandbox"
	"github.com/imglish/imglish/store"
)

// version changes when the same sample gives another result.
const version = "1"

// Stage checks and signs samples.
type Stage struct {
	cfg    Config
	st     store.Store
	pool   *sandbox.Pool
	hasher *minHasher
}

// New makes the stage. st holds the blobs.
func New(cfg Config, st store.Store) (*Stage, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("clean: %w", err)
	}
	pool, err := sandbox.New(cfg.Sandbox)
	if err != nil {
		return nil, fmt.Errorf("clean: %w", err)
	}
	return &Stage{cfg: cfg, st: st, pool: pool, hasher: newMinHasher(cfg.Shingle, cfg.Bands*cfg.Rows)}, nil
}

// Version goes into a sample's history.
func (c *Stage) Version() string { return version }

// Close ends the decoding processes.
func (c *Stage) Close() error { return c.pool.Close() }

// Process implements pipeline.Stage. Pictures of a batch decode one after the other: the runner calls in parallel.
func (c *Stage) Process(ctx context.Context, in []*pipeline.Sample) ([]pipeline.Result, error) {
	out := make([]pipeline.Result, len(in))
	for i, s := range in {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := c.one(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("clean %s %s: %w", s.GetSource().GetDataset(), s.GetSource().GetKey(), err)
		}
		out[i] = r
	}
	return out, nil
}

func (c *Stage) one(ctx context.Context, s *pipeline.Sample) (pipeline.Result, error) {
	sig := &pipeline.Signatures{}
	if s.Kind == pipeline.Kind_TEXT || s.Kind == pipeline.Kind_PAIR {
		chars := 0
		for _, p := range s.Parts {
			chars += countChars(p.Text)
		}
		switch {
		case chars == 0:
			return pipeline.Drop("empty-text", "no letter and no digit"), nil
		case chars < c.cfg.MinChars:
			return pipeline.Drop("short-text", fmt.Sprintf("%d letters and digits, at least %d", chars, c.cfg.MinChars)), nil
		}
		sig.Minhash = c.hasher.sign(s.Parts)
	}
	if s.Kind == pipeline.Kind_IMAGE || s.Kind == pipeline.Kind_PAIR {
		skip, err := c.image(ctx, s, sig)
		if err != nil || skip != nil {
			return pipeline.Result{Skip: skip}, err
		}
	}
	s.Signatures = sig
	return pipeline.Keep(s), nil
}

// image checks a sample's image and fills in what it learns.
func (c *Stage) image(ctx context.Context, s *pipeline.Sample, sig *pipeline.Signatures) (*pipeline.Skip, error) {
	drop := func(reason, format string, args ...any) (*pipeline.Skip, error) {
		return pipeline.Drop(reason, fmt.Sprintf(format, args...)).Skip, nil
	}
	if s.Image.GetBlob() == "" {
		return drop("blob-missing", "the sample names no blob")
	}
	data, err := store.GetBlob(ctx, c.st, s.Image.Blob)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return pipeline.DropRetryable("blob-missing", "the store does not have "+s.Image.Blob).Skip, nil
	case errors.Is(err, store.ErrDamaged):
		return pipeline.DropRetryable("blob-damaged", "the store has other bytes for "+s.Image.Blob).Skip, nil
	case err != nil:
		return nil, err
	}
	lim := pixels.Limits{MaxPixels: c.cfg.MaxPixels}
	info, err := pixels.Probe(data)
	if err == nil {
		err = lim.Check(info.W, info.H)
	}
	if err == nil {
		short, long := min(info.W, info.H), max(info.W, info.H)
		if short < c.cfg.MinSide {
			return drop("too-small", "%d×%d pixels, at least %d a side", info.W, info.H, c.cfg.MinSide)
		}
		if float64(long) > c.cfg.MaxAspect*float64(short) {
			return drop("aspect-ratio", "%d×%d pixels, at most 1:%g", info.W, info.H, c.cfg.MaxAspect)
		}
		var small []*pixels.Image
		small, info, err = c.pool.Cuts(ctx, data, lim, 0, []sandbox.Cut{sandbox.Whole(info, hashSide, hashSide, pixels.Bilinear)})
		if err == nil {
			sig.Phash = perceptualHash(small[0])
		}
	}
	if err != nil {
		return skipFor(err)
	}
	s.Image.Width, s.Image.Height, s.Image.Format = int32(info.W), int32(info.H), info.Format
	return nil, nil
}

// skipFor makes a skip of what is the picture's fault. Other errors are the machine's and fail the batch.
func skipFor(err error) (*pipeline.Skip, error) {
	reason, mayPass := sandbox.Reason(err)
	switch {
	case reason == "":
		return nil, err
	case mayPass:
		return pipeline.DropRetryable(reason, err.Error()).Skip, nil
	}
	return pipeline.Drop(reason, err.Error()).Skip, nil
}

func countChars(text string) (n int) {
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
