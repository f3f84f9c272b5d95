package tensor

// Act is the function applied behind a Linear.
type Act uint8

const (
	Identity Act = iota
	GELU         // x·Φ(x), with erf
	Tanh
)

// Attend says how rows attend to each other.
type Attend struct {
	Heads  int     // the width is split head-major into Heads equal parts
	Scale  float64 // factor on q·k, usually (width/Heads)^-1/2
	Causal bool    // text rows see the sample's vision rows and text rows up to themselves; vision rows see vision rows
}

// AdamW holds the settings of one optimizer step on one tensor (decoupled weight decay).
type AdamW struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	Step                               int // counts from 1; for the bias correction
}

// Backend owns memory and computes on it.
//
// Ops enqueue work and return nothing that waits; errors (out of memory, a lost device) come out of Sync. A wrong shape
// or dtype is a broken invariant and panics with the values. Shapes below use the legend of docs/ARCHITECTURE.md.
//
// Conventions: destinations come first. A backward op overwrites the gradients of activations (dx) and adds to the
// gradients of parameters (dw, db, dgamma, dbeta, dtable, dtoken). Optional tensors may be the zero Tensor.
//
// A tensor may have zero rows: the op then writes nothing, and adds nothing to parameter gradients. Ids and targets are
// checked against their tables by the reference (it panics); other backends may panic or clamp, never leave the memory.
//
// What can be composed of ops without losing speed has no op of its own: positions are GatherAdd behind Gather; the first
// row of a sample (a class token, a pooler's input) is Gather, its gradient Scatter into zeroes; beams change places in a
// cache by Gather over its slots; straight-through is LookupCodes forward and the same gradient tensor backward; AdamW by
// groups is AdamWStep on views; [Contrastive] is a function on any backend.
//
// Two rules hold for every backend and are tested in package optest: an element of a row's result has one fixed order
// of additions, so it never depends on which rows share its call, on the batch size or on the thread count; and sums
// over rows (parameter gradients, norms, losses) never depend on the thread count.
type Backend interface {
	Name() string // for logs: "go-float32", "cpu avx512 ×2"

	// Memory. Alloc gives zeroed memory that lives until Free. Mark and Release form an arena: Release frees all
	// that Temp gave since Mark. Temp's memory is not zeroed.
	Alloc(dt DType, shape ...int) Tensor
	Free(t Tensor)
	Mark() int
	Temp(dt DType, shape ...int) Tensor
	Release(mark int)

	// Transfer. The slice has t.Len() elements. Download waits for all that was enqueued before it. BF16 and F16 come and
	// go as their bits, by UploadU16 and DownloadU16.
	Upload(t Tensor, src []float32)
	UploadF64(t Tensor, src []float64)
	UploadU8(t Tensor, src []uint8)
	UploadU16(t Tensor, src []uint16)
	UploadI32(t Tensor, src []int32)
	Download(dst []float32, t Tensor)
	DownloadF64(dst []float64, t Tensor)
	DownloadI32(dst []int32, t Tensor)
	DownloadU16(dst []uint16, t Tensor)
	Sync() error
	Close() error

	// Elementwise. y may be x.
	Zero(t Tensor)
	Copy(y, x Tensor)                 // same length, same dtype
	Cast(y, x Tensor)                 // between Float and BF16 or F16: nearest, ties to even; NaN stays one
	Scale(y, x Tensor, a float64)     // y = a·x
	Add(y, a, b Tensor)               // y = a + b; y may be a or b
	AddRows(y, x, rowFactor Tensor)   // y += rowFactor[i]·x[i]; rowFactor [n] optional (1): residual with drop path
	ScaleRows(y, x, rowFactor Tensor) // y[i] = rowFactor[i]·x[i]: backward of AddRows for x

	// ScaleExp: y = exp(s[0])·x: a temperature that is learned. Backward: dx = exp(s[0])·dy, ds[0] += Σ dy·y. dx may be dy.
	ScaleExp(y, x, s Tensor)
	ScaleExpBackward(dx, ds, dy, y, s Tensor)

	// Gather: y[i] = table[ids[i]], a zero row where ids[i] < 0. GatherAdd adds instead.
	// ScatterAdd: dtable[ids[i]] += dy[i], in order of i; ids[i] < 0 is left out.
	// Scatter: y[ids[i]] = x[i]; ids are distinct, negative ones are left out.
	// y, dy: [n, D]   table: [R, D]   ids: [n] I32
	Gather(y, table, ids Tensor)
	GatherAdd(y, table, ids Tensor)
	ScatterAdd(dtable, dy, ids Tensor)
	Scatter(y, x, ids Tensor)

	// Patches cuts images into rows of patches, normalised per channel: v·scale[c] + shift[c] with v in 0..255.
	//	y: [n·G², 3·P²] channel-major, then row, column   pixels: [n, S, S, 3] U8, RGB   S = G·P
	Patches(y, pixels Tensor, patch int, scale, shift [3]float64)
	// SelectRows: y[i] = mask[i] != 0 ? token : x[i]. Backward: dx[i] = mask[i] != 0 ? 0 : dy[i]; dtoken += rest.
	// y may be x, dx may be dy.
	//	x, y: [n, D]   token: [D]   mask: [n] U8
	SelectRows(y, x, token, mask Tensor)
	SelectRowsBackward(dx, dtoken, dy, mask Tensor)

	// Linear: y = act(x·wᵀ + b). pre, if given, keeps x·wᵀ + b for the backward pass (needed unless act is Identity).
	//	y, pre: [n, out]   x: [n, in]   w: [out, in]   b: [out] optional
	// LinearBackward overwrites dx (optional) and adds to dw, db (both optional). dy is overwritten when act is not
	// Identity.
	Linear(y, pre, x, w, b Tensor, act Act)
	LinearBackward(dx, dw, db, dy, pre, x, w Tensor, act Act)

	// Prepare gives a matrix w [out, in] the form that products are fastest with: a copy in the backend's own memory, until
	// FreePrepared. Product: y = act(x·wᵀ + b), or y += x·wᵀ + b with add, whose act is Identity; b is optional. It has no
	// backward pass: for weights that stay.
	//	y: [n, out]   x: [n, in]   b: [out]
	Prepare(w Tensor, p Precision) Prepared
	FreePrepared(w Prepared)
	Product(y, x Tensor, w Prepared, b Tensor, act Act, add bool)

	// LayerNorm: y = (x − mean)/√(var + eps)·gamma + beta over the last axis. stats: [n, 2] mean and 1/√(var + eps).
	// x and y: [n, D]; y may not be x.
	LayerNorm(y, stats, x, gamma, beta Tensor, eps float64)
	LayerNormBackward(dx, dgamma, dbeta, dy, x, stats, gamma Tensor)

	// Attention mixes rows within a sample. Segment s is the vision rows [v, v+nv) and the text rows [t, t+nt) of
	// the packed sequence; either may be empty; a row is in one segment at most; rows in no segment give zero rows.
	//	out: [n, D]   lse: [n, Heads] log of the sum of exponentials, or none   qkv: [n, 3·D], q then k then v
	//	seg: [S, 4] I32: v, nv, t, nt
	Attention(out, lse, qkv, seg Tensor, a Attend)
	AttentionBackward(dqkv, dout, out, lse, qkv, seg Tensor, a Attend)

	// AttentionCached decodes: it attends to keys and values of earlier calls, forward only. Segment s is the new rows
	// [row, row+n) of qkv, which come behind the first have rows in its slot of the cache. Their keys and values are
	// written to the cache at [have, have+n). New rows see the have cached rows and, with a.Causal, the new ones up to
	// themselves, else all new ones. Entries behind a smaller have are forgotten: so the mask that a generated token was
	// read at is dropped. A slot is in one segment at most; rows in no segment give zero rows.
	//	out: [n, D]   qkv: [n, 3·D]   cache: [slots, capacity, 2·D], k then v   seg: [S, 4] I32: row, n, slot, have
	AttentionCached(out, qkv, cache, seg Tensor, a Attend)

	// MeanRows: y[s] = mean of the rows [row, row+n) of x, a zero row where n is 0. Backward: dx[i] = dy[s]/n for the
	// rows of segment s, zero rows elsewhere; there a row is in one segment at most.
	//	y: [S, D]   x: [n, D]   seg: [S, 2] I32: row, n
	MeanRows(y, x, seg Tensor)
	MeanRowsBackward(dx, dy, seg Tensor)

	// Losses give one number a row, times weights[i] (optional, 1), and its gradient dlogits (optional, may be logits
	// itself).
	//	logits, dlogits: [n, V]   loss, weights: [n]
	//
	// CrossEntropy: loss[i] = −Σ_j q[j]·log softmax(logits[i])[j], where q is 1−smooth at targets[i] and smooth/(V−1)
	// elsewhere; 0 where targets[i] < 0. (The divergence from q is less by q's entropy; the form that gives the target
	// 1−s+s/V is smooth = s·(V−1)/V.)   targets: [n] I32
	// SoftCrossEntropy: loss[i] = −Σ_j targets[i][j]·log softmax(logits[i])[j].   targets: [n, V]
	// BCE: loss[i] = −Σ_j (t·log σ(x) + (1−t)·log(1−σ(x))), x and t the j-th logit and target.   targets: [n, V]
	CrossEntropy(loss, dlogits, logits, targets, weights Tensor, smooth float64)
	SoftCrossEntropy(loss, dlogits, logits, targets, weights Tensor)
	BCE(loss, dlogits, logits, targets, weights Tensor)
	// Smallest: keep[i] = 1 for the k smallest x[i], 0 for the rest; of equal ones the first are kept, a NaN counts as
	// larger than any number. Rows whose loss is among the largest are so left out of a mean.   keep, x: [n]
	Smallest(keep, x Tensor, k int)
	// ArgMax: ids[i] = the first index of the largest x[i][j].   x: [n, V]   ids: [n] I32
	ArgMax(ids, x Tensor)

	// L2Normalize: y[i] = x[i]/max(|x[i]|, eps); norm [n] keeps max(|x[i]|, eps).
	L2Normalize(y, norm, x Tensor, eps float64)
	L2NormalizeBackward(dx, dy, y, norm Tensor)
	// NearestCode: codes[i] = the first k with the largest z[i]·book[k] (rows of book have unit length); best
	// (optional, [n]) is that product.   z: [n, D]   book: [K, D]   codes: [n] U16
	NearestCode(codes, best, z, book Tensor)
	// LookupCodes: y[i] = book[codes[i]].
	LookupCodes(y, book, codes Tensor)
	// SumByCode: sums[k] += Σ z[i] with codes[i] = k, counts[k] += their number, in order of i.
	SumByCode(sums, counts, z, codes Tensor)
	// CodebookEMA moves unit rows towards the mean direction of their members (the EMA of VQ-KD):
	// m = normalise(sums[k]/max(counts[k], 1)), or book[k] where counts[k] = 0; book[k] = normalise(decay·book[k] +
	// (1−decay)·m); usage[k] = decay·usage[k] + (1−decay)·counts[k].
	CodebookEMA(book, usage, sums, counts Tensor, decay float64)
	// CosineLoss: loss[i] = weights[i]·(1 − cos(pred[i], target[i])), dpred (optional) its gradient. Lengths below
	// CosineEps count as that; weights [n] optional (1).
	CosineLoss(loss, dpred, pred, target, weights Tensor)
	// SquaredError: loss[i] = Σ_j (a[i][j] − b[i][j])²·factor; da (optional) its gradient.
	SquaredError(loss, da, a, b Tensor, factor float64)

	// Sum: out[0] = Σ x. SumSquares: out[0] += Σ x². Both in a fixed order.
	Sum(out, x Tensor)
	SumSquares(out, x Tensor)
	// ClipFactor: factor[0] = min(1, maxNorm/(√sumSquares[0] + 1e-6)), or 0 if sumSquares is not finite. A maxNorm of 0
	// clips nothing (factor 1 if finite).
	ClipFactor(factor, sumSquares Tensor, maxNorm float64)
	// AdamWStep updates p, m, v from gradient g·factor[0]; a factor of 0 leaves all three as they are.
	AdamWStep(p, m, v, g, factor Tensor, h AdamW)
}
