package train

import (
	"context"
	"fmt"
	"math/rand/v2"

	"golang.org/x/sync/errgroup"

	"github.com/imglish/imglish/pixels"
)

// Teacher says what the patches of a view look like, in vectors that are compared by cosine. Targets may be called from
// several goroutines at once, and its result depends on the view alone.
type Teacher interface {
	Dim() int // length of a vector
	// Targets computes the vectors of a view of the tokenizer's side.
	//
	//	dst: [N, Dim], row-major over the grid
	Targets(dst []float32, view *pixels.Image) error
	// Record tells what the teacher is, as JSON can hold it. It goes into the tokenizer's file, and a stopped run goes on
	// only under the same.
	Record() any
}

// Lessons are views and what their patches should tell: [Taught] pictures, or [Recorded] views. Draw may be called from
// several goroutines at once.
type Lessons interface {
	Dim() int // length of a patch's vector
	// Draw takes a view from the side for training, or from the one for measuring, and fills in its vectors.
	Draw(dst []float32, rng *rand.Rand, held bool) (*pixels.Image, error)
	Sources() []string // where the views come from, a line each
	Teacher() any      // what the vectors come from: a Teacher's Record
	// Unread says how many pictures were passed over so far, since they cannot be read, and why the first of them.
	Unread() (n int, first error)
}

// lesson is a view with its vectors, [N, Dim].
type lesson struct {
	view    *pixels.Image
	targets []float32
}

// taught cuts views out of pictures and asks a teacher about them.
type taught struct {
	*pool
	Config
	teacher Teacher
}

// Taught are random crops of pictures, flipped in half of the cases, and what a teacher says of them.
func Taught(c Config, sources []Source, t Teacher) (Lessons, error) {
	p, err := newPool(sources, c.Seed, c.HeldOut)
	if err != nil {
		return nil, err
	}
	return &taught{pool: p, Config: c, teacher: t}, nil
}

func (t *taught) Dim() int     { return t.teacher.Dim() }
func (t *taught) Teacher() any { return t.teacher.Record() }

func (t *taught) Sources() []string {
	var out []string
	for _, s := range t.sources {
		out = append(out, fmt.Sprintf("%s (%d pictures, weight %g)", s.Name(), s.Len(), s.Weight))
	}
	return out
}

func (t *taught) Draw(dst []float32, rng *rand.Rand, held bool) (*pixels.Image, error) {
	im, err := t.draw(rng, held)
	if err != nil {
		return nil, err
	}
	v := view(rng, im, t.Side, t.CropMin)
	return v, t.teacher.Targets(dst, v)
}

// batch is what one step learns from.
type batch struct {
	step    int
	pixels  []uint8   // [n, S, S, 3] as the encoder sees them
	targets []float32 // [n·N, Dim] of the clean views
	err     error
}

// prepare makes the batch of a step on so many threads, which change nothing in it.
func (c Config) prepare(ctx context.Context, l Lessons, step, threads int) batch {
	per, values := c.Side*c.Side*3, c.Grid()*c.Grid()*l.Dim()
	out := batch{step: step, pixels: make([]uint8, c.Batch*per), targets: make([]float32, c.Batch*values)}
	out.err = each(ctx, threads, c.Batch, func(i int) error {
		rng := generator(c.Seed, "view", step, i)
		v, err := l.Draw(out.targets[i*values:(i+1)*values], rng, false)
		if err != nil {
			return err
		}
		if rng.Float64() < c.Roughen {
			if v, err = roughen(rng, v); err != nil {
				return err
			}
		}
		copy(out.pixels[i*per:], v.Pix)
		return nil
	})
	return out
}

// heldOut makes the lessons that a run is measured on: always the same for a seed.
func (c Config) heldOut(ctx context.Context, l Lessons, threads int) ([]lesson, error) {
	out := make([]lesson, c.Views)
	err := each(ctx, threads, c.Views, func(i int) (err error) {
		out[i].targets = make([]float32, c.Grid()*c.Grid()*l.Dim())
		out[i].view, err = l.Draw(out[i].targets, generator(c.Seed, "held-out view", i, 0), true)
		return err
	})
	return out, err
}

// each calls f for 0 to n−1 on so many threads, until one fails or ctx ends.
func each(ctx context.Context, threads, n int, f func(i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(threads)
	for i := range n {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(i)
		})
	}
	return g.Wait()
}
