package train

import (
	"context"
	"fmt"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd"
)

// micro is a micro-batch: views of a batch that go through the model at once. Its tensors live in the arena.
type micro struct {
	views    int
	from, to int           // its patches among the batch's
	patches  tensor.Tensor // [views·N, 3·P²]
	targets  tensor.Tensor // [views·N, target]
}

// micros calls f for one micro-batch after the other, and takes back what f leaves in the arena. The error is f's, or
// ctx's.
func (r *run) micros(ctx context.Context, in batch, f func(micro) error) error {
	b, cells, bytes, target := r.b, r.m.grid*r.m.grid, r.Side*r.Side*3, r.m.target
	size := r.MicroBatch
	if size == 0 {
		size = r.Batch
	}
	one := func(i, end int) error {
		mark := b.Mark()
		defer b.Release(mark)
		m := micro{views: end - i, from: i * cells, to: end * cells}
		px := b.Temp(tensor.U8, m.views, r.Side, r.Side, 3)
		b.UploadU8(px, in.pixels[i*bytes:end*bytes])
		m.patches = b.Temp(tensor.Float, m.to-m.from, 3*r.Patch*r.Patch)
		b.Patches(m.patches, px, r.Patch, vqkd.PixelScale, vqkd.PixelShift)
		m.targets = b.Temp(tensor.Float, m.to-m.from, target)
		b.Upload(m.targets, in.targets[m.from*target:m.to*target])
		return f(m)
	}
	for i := 0; i < r.Batch; i += size {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := one(i, min(i+size, r.Batch)); err != nil {
			return err
		}
	}
	return nil
}

// step learns from one batch and says how many codes it placed anew. Nothing in the model ties views of a batch together
// but the codebook, so gradients and losses add up over micro-batches; the codebook stands still meanwhile, and k-means,
// moving average and restarts see the vectors of the whole batch.
//
// A step that ctx ends leaves no trace in a state: k-means, which may have run, writes the same when it runs again.
func (r *run) step(ctx context.Context, in batch) (moved int, err error) {
	b, m := r.b, r.m
	mark := b.Mark()
	defer b.Release(mark)
	rows := r.Batch * m.grid * m.grid
	z, entered := b.Temp(tensor.Float, rows, m.dim), b.Temp(tensor.Float, rows, m.dim) // of all micro-batches
	if in.step == r.freeSteps() {
		err := r.micros(ctx, in, func(part micro) error {
			b.Copy(z.Rows(part.from, part.to), m.encode(part.patches, part.views).z)
			return nil
		})
		if err != nil {
			return 0, err
		}
		m.startCodebook(generator(r.Seed, "k-means", 0, 0), z)
		r.o.Logf("step %d: the quantiser starts, %d codes are placed by k-means", in.step, r.Codes)
	}
	free, loss, commit := in.step < r.freeSteps(), 0.0, 0.0
	m.clearCounts()
	err = r.micros(ctx, in, func(part micro) error {
		p := m.encode(part.patches, part.views)
		m.decode(p, part.targets, rows, r.Commitment, free)
		losses := make([]float64, 2)
		b.DownloadF64(losses, p.losses)
		if err := b.Sync(); err != nil {
			return err
		}
		if losses[0] != losses[0] || losses[1] != losses[1] {
			return fmt.Errorf("the loss is not a number; try a lower rate than %v", r.LR)
		}
		loss, commit = loss+losses[0], commit+losses[1]
		m.backward(p)
		if !free {
			m.count(p)
			b.Copy(z.Rows(part.from, part.to), p.z)
			b.Copy(entered.Rows(part.from, part.to), p.entered)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	r.opt.step(in.step)
	if !free {
		m.moveCodebook(r.Decay)
		m.countRecent()
		if r.RestartEvery > 0 && (in.step+1)%r.RestartEvery == 0 && float64(in.step) < r.RestartUntil*float64(r.Steps) {
			moved = m.restartDead(generator(r.Seed, "restart", in.step, 0), z, entered, r.RestartBelow)
			r.moved += moved
		}
	}
	r.loss.add(loss)
	r.commit.add(commit)
	return moved, b.Sync()
}
