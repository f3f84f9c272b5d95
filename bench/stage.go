package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/pipeline"
	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/stages/visual"
	"github.com/imglish/imglish/vqkd"
)

// stageBatch is what the line gives the stage at once; stageSamples go through it in a sample of time.
const stageBatch, stageSamples = 16, 64

// stage measures the visual stage from stored views to codes beside what bounds it: the time of decoding alone, on all
// cores, plus the time of encoding alone.
func stage(ctx context.Context, h *host) error {
	d, err := prepareVision(ctx, filepath.Join(h.cache, "vision"))
	if err != nil {
		return err
	}
	samples, raw, err := stageInput(d)
	if err != nil {
		return err
	}
	b, err := cpu.New(0)
	if err != nil {
		return err
	}
	defer b.Close()
	tok, err := vqkd.Load(b, d.weights, vqkd.Options{Batch: stageBatch})
	if err != nil {
		return err
	}
	defer tok.Close()
	st := visual.New(tok)
	cores := float64(runtime.NumCPU())
	times := map[string][]float64{}
	calls := []int{1, 2}
	for round := -1; round < h.rounds; round++ {
		got := map[string]float64{}
		if got["decode"], err = timed(func() error { return decodeViews(samples) }); err != nil {
			return err
		}
		got["encode"], err = timed(func() error {
			_, err := tok.Encode(ctx, raw, stageSamples)
			return err
		})
		if err != nil {
			return err
		}
		bound := got["decode"]/cores + got["encode"]
		for _, n := range calls {
			took, err := timed(func() error { return processAll(ctx, st, samples, n) })
			if err != nil {
				return err
			}
			got[strconv.Itoa(n)], got["share of "+strconv.Itoa(n)] = took, bound/took
		}
		for name, v := range got {
			if round >= 0 {
				times[name] = append(times[name], v)
			}
		}
		fmt.Fprintf(os.Stderr, "bench: stage: round %d of %d\n", round+1, h.rounds)
	}
	fmt.Printf("stored views (JPEG of 224 pixels) to codes, batches of %d, %d rounds: decoding %.2f ms of one core an image, encoding %.1f ms of all\n\n",
		stageBatch, h.rounds, 1000*median(times["decode"])/stageSamples, 1000*median(times["encode"])/stageSamples)
	w := newTable()
	fmt.Fprintln(w, "calls at once\timages/s\tof the bound, %\tspread\t")
	for _, n := range calls {
		share := times["share of "+strconv.Itoa(n)]
		fmt.Fprintf(w, "%d\t%.2f\t%.1f\t%.1f-%.1f\t\n", n, stageSamples/median(times[strconv.Itoa(n)]), 100*median(share), 100*slices.Min(share), 100*slices.Max(share))
	}
	w.Flush()
	fmt.Println()
	return nil
}

func timed(f func() error) (float64, error) {
	start := time.Now()
	err := f()
	return time.Since(start).Seconds(), err
}

// stageInput makes samples with one view each, and their pixels as they come out of the JPEG.
func stageInput(d visionData) (samples []*pipeline.Sample, raw []uint8, err error) {
	data, err := os.ReadFile(d.pictures)
	if err != nil {
		return nil, nil, err
	}
	const size = 224 * 224 * 3
	for i := range stageSamples {
		at := i % visionPictures * size
		jpeg, err := pixels.EncodeJPEG(&pixels.Image{W: 224, H: 224, Pix: data[at : at+size]}, 95, true)
		if err != nil {
			return nil, nil, err
		}
		im, _, err := pixels.Decode(jpeg, pixels.DefaultLimits())
		if err != nil {
			return nil, nil, err
		}
		raw = append(raw, im.Pix...)
		samples = append(samples, &pipeline.Sample{Kind: pipeline.Kind_IMAGE, Views: []*pipeline.View{{Side: 224, Encoded: jpeg}}})
	}
	return samples, raw, nil
}

// decodeViews decodes all views, one after the other.
func decodeViews(samples []*pipeline.Sample) error {
	for _, s := range samples {
		if _, _, err := pixels.Decode(s.Views[0].Encoded, pixels.DefaultLimits()); err != nil {
			return err
		}
	}
	return nil
}

// processAll gives the stage batch after batch, so many calls at once.
func processAll(ctx context.Context, st *visual.Stage, samples []*pipeline.Sample, calls int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(calls)
	for batch := range slices.Chunk(samples, stageBatch) {
		g.Go(func() error {
			var in []*pipeline.Sample
			for _, s := range batch {
				in = append(in, proto.CloneOf(s))
			}
			out, err := st.Process(ctx, in)
			for _, r := range out {
				if r.Skip != nil {
					return fmt.Errorf("a view was skipped: %s: %s", r.Skip.Reason, r.Skip.Detail)
				}
			}
			return err
		})
	}
	return g.Wait()
}
