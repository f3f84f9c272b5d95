package vqkd

import (
	"context"
	"fmt"

	"github.com/imglish/imglish/tensor"
	"github.com/imglish/imglish/vqkd/vit"
)

// Encode computes the codes of n pictures. It goes batch by batch, so memory does not grow with n, and stops between
// batches when ctx ends.
//
//	pixels: [n, S, S, 3] uint8, row-major, RGB
//	result: [n, G²] uint16, row-major over the grid
func (t *Tokenizer) Encode(ctx context.Context, pixels []uint8, n int) ([]uint16, error) {
	per := t.side * t.side * 3
	if n < 0 || len(pixels) != n*per {
		return nil, fmt.Errorf("encode %d pictures: %d bytes, want %d×%d×%d×3", n, len(pixels), n, t.side, t.side)
	}
	cells := t.gridNow * t.gridNow
	codes := make([]uint16, n*cells)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.model == nil {
		return nil, fmt.Errorf("encode: the tokenizer is closed")
	}
	for from := 0; from < n; from += t.batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		to := min(n, from+t.batch)
		if err := t.encodeBatch(codes[from*cells:to*cells], pixels[from*per:to*per], to-from, nil); err != nil {
			return nil, fmt.Errorf("encode pictures %d to %d: %w", from, to-1, err)
		}
	}
	return codes, nil
}

// encodeBatch computes one batch. watch, for tests, is told of inner tensors.
func (t *Tokenizer) encodeBatch(codes []uint16, pixels []uint8, n int, watch vit.Watch) error {
	b, rows := t.b, n*t.gridNow*t.gridNow
	mark := b.Mark()
	defer b.Release(mark)
	px := b.Temp(tensor.U8, n, t.side, t.side, 3)
	b.UploadU8(px, pixels)
	patches := b.Temp(tensor.Float, rows, 3*t.patch*t.patch)
	b.Patches(patches, px, t.patch, PixelScale, PixelShift)
	out := t.encodePatches(patches, n, watch)
	b.DownloadU16(codes, out)
	return b.Sync()
}

// PixelScale and PixelShift bring 0…255 to [−1, 1], as VQ-KD takes its pictures.
var (
	PixelScale = [3]float64{1 / 127.5, 1 / 127.5, 1 / 127.5}
	PixelShift = [3]float64{-1, -1, -1}
)

// encodePatches goes from patch rows to codes, [n·G²] U16 in the arena.
func (t *Tokenizer) encodePatches(patches tensor.Tensor, n int, watch vit.Watch) tensor.Tensor {
	b, rows := t.b, patches.Dim(0)
	if watch == nil {
		watch = func(string, tensor.Tensor) {}
	}
	h := patches // where there is room: the model has read them when it writes
	if patches.Cols() != t.width {
		h = b.Temp(tensor.Float, rows, t.width)
	}
	t.model.Forward(h, patches, n, watch)
	watch("fc_norm", h)
	f := b.Temp(tensor.Float, rows, t.dim)
	mark := b.Mark()
	hidden := b.Temp(tensor.Float, rows, t.width)
	b.Product(hidden, h, t.head0W, t.head0B, tensor.Tanh, false)
	b.Product(f, hidden, t.head2W, t.head2B, tensor.Identity, false)
	b.Release(mark)
	watch("to_quantizer", f)
	z, norm := b.Temp(tensor.Float, rows, t.dim), b.Temp(tensor.Float, rows)
	b.L2Normalize(z, norm, f, 1e-12)
	watch("z", z)
	codes := b.Temp(tensor.U16, rows)
	b.NearestCode(codes, tensor.Tensor{}, z, t.book)
	return codes
}
