package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/imglish/imglish/tensor"
)

// recentDecay makes recent look back over some ten steps: the published usage statistic looks back over a hundred, too
// slow to find a dead code in a short training.
const recentDecay = 0.9

// countRecent follows how many rows of a batch took each code.
func (m *model) countRecent() {
	counts := make([]float32, m.codes)
	m.b.Download(counts, m.counts)
	for k, n := range counts {
		m.recent[k] = recentDecay*m.recent[k] + (1-recentDecay)*n
	}
}

// restartDead gives codes that hardly anything takes a new place: vectors of this batch, drawn with a chance that grows
// with their distance from their code. It returns how many codes moved.
//
//	z, entered: [rows, dim] the batch's vectors, and those of their codes
func (m *model) restartDead(rng *rand.Rand, z, entered tensor.Tensor, below float64) int {
	b, rows := m.b, z.Dim(0)
	mean := float64(rows) / float64(m.codes)
	var dead []int
	for k, n := range m.recent {
		if float64(n) < below*mean {
			dead = append(dead, k)
		}
	}
	if len(dead) == 0 {
		return 0
	}
	vectors, given := make([]float32, rows*m.dim), make([]float32, rows*m.dim)
	b.Download(vectors, z)
	b.Download(given, entered)
	far := make([]float64, rows) // running sum of the distances
	sum := 0.0
	for i := range far {
		square := 0.0
		for j := i * m.dim; j < (i+1)*m.dim; j++ {
			d := float64(vectors[j] - given[j])
			square += d * d
		}
		sum += math.Sqrt(square)
		far[i] = sum
	}
	book := make([]float32, m.codes*m.dim)
	b.Download(book, m.book)
	for _, k := range dead {
		i := min(sort.SearchFloat64s(far, rng.Float64()*sum), rows-1)
		copy(book[k*m.dim:(k+1)*m.dim], vectors[i*m.dim:(i+1)*m.dim])
		m.recent[k] = float32(mean) // time to be taken: some twenty steps, with the default line
	}
	b.Upload(m.book, book)
	return len(dead)
}

// startCodebook places the codes by k-means over a batch's vectors, [rows, dim].
func (m *model) startCodebook(rng *rand.Rand, z tensor.Tensor) {
	start := pickRows(rng, z.Dim(0), m.codes)
	slices.Sort(start)
	kmeans(m.b, m.book, m.usage, z, start, kmeansRounds)
	m.b.Download(m.recent, m.usage)
}

// codesOf encodes views with the weights as they are.
func (m *model) codesOf(pix []uint8, n, side int, scale, shift [3]float64) []uint16 {
	b := m.b
	mark := b.Mark()
	defer b.Release(mark)
	px := b.Temp(tensor.U8, n, side, side, 3)
	b.UploadU8(px, pix)
	rows := n * m.grid * m.grid
	patches := b.Temp(tensor.Float, rows, 3*m.patch*m.patch)
	b.Patches(patches, px, m.patch, scale, shift)
	p := m.encode(patches, n)
	codes := b.Temp(tensor.U16, rows)
	b.NearestCode(codes, tensor.Tensor{}, p.z, m.book)
	out := make([]uint16, rows)
	b.DownloadU16(out, codes)
	return out
}
