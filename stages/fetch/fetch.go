package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/sourcegraph/conc/iter"

	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/store"
)

// Fetcher is the stage. It is a pipeline.Stage with a Close method.
type Fetcher struct {
	cfg    Config
	st     store.Store
	client *client
}

// New makes the stage. Bytes go to st.
func New(cfg Config, st store.Store) (pipeline.Stage, error) { return newFetcher(cfg, st, nil) }

func newFetcher(cfg Config, st store.Store, resolver *net.Resolver) (*Fetcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	c, err := newClient(cfg, resolver)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	return &Fetcher{cfg: cfg, st: st, client: c}, nil
}

// Process fetches the images of a batch side by side.
func (f *Fetcher) Process(ctx context.Context, in []*pipeline.Sample) ([]pipeline.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	each := iter.Mapper[*pipeline.Sample, pipeline.Result]{MaxGoroutines: f.cfg.Transfers}
	out, err := each.MapErr(in, func(s **pipeline.Sample) (pipeline.Result, error) { return f.one(ctx, *s) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Close gives idle connections back.
func (f *Fetcher) Close() error {
	f.client.close()
	return nil
}

func (f *Fetcher) one(ctx context.Context, s *pipeline.Sample) (pipeline.Result, error) {
	if (s.Kind != pipeline.Kind_IMAGE && s.Kind != pipeline.Kind_PAIR) || s.Image.GetBlob() != "" {
		return pipeline.Keep(s), nil
	}
	blob, sum, err := f.bytes(ctx, s)
	var why *failure
	switch {
	case errors.As(err, &why) && why.retryable:
		return pipeline.DropRetryable(why.reason, why.detail), nil
	case errors.As(err, &why):
		return pipeline.Drop(why.reason, why.detail), nil
	case err != nil:
		return pipeline.Result{}, fmt.Errorf("fetch %s/%s: %w", s.Source.GetDataset(), s.Source.GetKey(), err)
	}
	if s.Image == nil {
		s.Image = &pipeline.Image{}
	}
	s.Image.Blob, s.Image.Sha256 = blob, sum
	return pipeline.Keep(s), nil
}

// bytes brings a sample's image into the store.
func (f *Fetcher) bytes(ctx context.Context, s *pipeline.Sample) (blob string, sum []byte, err error) {
	if m := s.Image.GetMember(); m != nil {
		data, err := readMember(m, f.cfg.MaxBytes)
		if err != nil {
			return "", nil, err
		}
		key, sum, err := store.PutBlob(ctx, f.st, data)
		return key, sum[:], err
	}
	url := s.Source.GetUrl()
	r, err := lookup(ctx, f.st, url)
	if err != nil {
		return "", nil, err
	}
	if r == nil {
		got, err := f.client.get(ctx, url)
		if err != nil {
			return "", nil, err
		}
		if r, err = remember(ctx, f.st, url, got); err != nil {
			return "", nil, err
		}
	}
	if len(r.OptOut) > 0 && f.cfg.OptOut == "skip" { // fetched once under other settings
		return "", nil, fail("opt-out", "%s", strings.Join(r.OptOut, ", "))
	}
	sum, err = r.sum()
	return r.Blob, sum, err
}
