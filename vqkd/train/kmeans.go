package train

import (
	"math/rand/v2"

	"github.com/imglish/imglish/tensor"
)

// kmeansRounds is the published code's number.
const kmeansRounds = 10

// kmeans finds unit vectors that stand for the rows of z, by cosine. start are the rows that the means begin at; a mean
// that no row is nearest to stays where it was.
//
//	book: [K, D], written   counts: [K], members in the last round   z: [n, D] unit rows   start: K rows of z
func kmeans(b tensor.Backend, book, counts, z tensor.Tensor, start []int32, rounds int) {
	mark := b.Mark()
	defer b.Release(mark)
	ids := b.Temp(tensor.I32, len(start))
	b.UploadI32(ids, start)
	b.Gather(book, z, ids)
	codes := b.Temp(tensor.U16, z.Dim(0))
	sums := b.Temp(tensor.Float, book.Shape...)
	members := b.Temp(tensor.Float, book.Dim(0))
	for range rounds {
		b.Zero(sums)
		b.Zero(members)
		b.NearestCode(codes, tensor.Tensor{}, z, book)
		b.SumByCode(sums, members, z, codes)
		b.CodebookEMA(book, counts, sums, members, 0) // without decay: the mean itself
	}
}

// pickRows draws k of n rows, without repetition where there are enough.
func pickRows(rng *rand.Rand, n, k int) []int32 {
	out := make([]int32, k)
	order := rng.Perm(n)
	for i := range out {
		if i < n {
			out[i] = int32(order[i])
		} else {
			out[i] = int32(rng.IntN(n))
		}
	}
	return out
}
