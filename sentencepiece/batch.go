package sentencepiece

import (
	"runtime"
	"sync/atomic"

	"github.com/sourcegraph/conc"
)

// batchBytes is about how much text a thread takes at once: enough that handing out does not show, little enough that
// threads end together.
const batchBytes = 64 << 10

// BatchIDs gives for each text what AppendIDs does, on several threads; threads < 1 means one a processor. A single
// text is never divided: its scores carry on from its start to its end.
func (m *Model) BatchIDs(texts []string, threads int) [][]int32 {
	return m.batch(texts, threads, &m.layout)
}

// BatchRaw is BatchIDs for raw ids.
func (m *Model) BatchRaw(texts []string, threads int) [][]int32 {
	return m.batch(texts, threads, nil)
}

func (m *Model) batch(texts []string, threads int, l *layout) [][]int32 {
	out := make([][]int32, len(texts))
	starts := blocks(texts)
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	var taken atomic.Int64
	work := func() {
		var ends []int
		read, gave := batchBytes, batchBytes/4
		for {
			i := int(taken.Add(1)) - 1
			if i >= len(starts)-1 {
				return
			}
			block := texts[starts[i]:starts[i+1]]
			size := 0
			for _, text := range block {
				size += len(text)
			}
			// The ids of a block share their memory: as much as the blocks before needed, and a little more.
			ids := make([]int32, 0, size*gave/read*9/8+64)
			ends = ends[:0]
			for _, text := range block {
				ids = m.appendIDs(ids, text, l)
				ends = append(ends, len(ids))
			}
			read, gave = read+size, gave+len(ids)
			from := 0
			for k, to := range ends {
				out[starts[i]+k] = ids[from:to:to]
				from = to
			}
		}
	}
	var group conc.WaitGroup
	for range min(threads, len(starts)-1) {
		group.Go(work)
	}
	group.Wait()
	return out
}

// blocks divides texts into runs of about batchBytes: run i is [starts[i], starts[i+1]).
func blocks(texts []string) (starts []int) {
	size := batchBytes
	for i, text := range texts {
		if size >= batchBytes {
			starts = append(starts, i)
			size = 0
		}
		size += len(text)
	}
	return append(starts, len(texts))
}
