package train

import (
	"context"
	"sync"
	"sync/atomic"
)

// tasks is work that makes more work.
type tasks struct {
	mu    sync.Mutex
	more  *sync.Cond
	ready []func(*task)
	open  int // not done yet
}

// task is the memory of one goroutine.
type task struct {
	found []candidate
}

func newTasks() *tasks {
	t := &tasks{}
	t.more = sync.NewCond(&t.mu)
	return t
}

func (t *tasks) add(f func(*task)) {
	t.mu.Lock()
	t.ready = append(t.ready, f)
	t.open++
	t.mu.Unlock()
	t.more.Signal()
}

// run does all work and calls done for each goroutine at its end. After the context's end, what is left is dropped.
func (t *tasks) run(ctx context.Context, threads int, done func(*task)) error {
	var wait sync.WaitGroup
	for range threads {
		wait.Go(func() {
			own := &task{}
			defer done(own)
			for {
				t.mu.Lock()
				for len(t.ready) == 0 && t.open > 0 {
					t.more.Wait()
				}
				if t.open == 0 {
					t.mu.Unlock()
					return
				}
				f := t.ready[len(t.ready)-1]
				t.ready = t.ready[:len(t.ready)-1]
				t.mu.Unlock()
				if ctx.Err() == nil {
					f(own)
				}
				t.mu.Lock()
				t.open--
				if t.open == 0 {
					t.more.Broadcast()
				}
				t.mu.Unlock()
			}
		})
	}
	wait.Wait()
	return ctx.Err()
}

// inBlocks calls f for the blocks of n things, several at a time: i counts goroutines, block blocks. Blocks do not depend
// on the number of threads.
func inBlocks(ctx context.Context, n, threads int, f func(i, block, from, to int)) error {
	blocks := (n + blockSize - 1) / blockSize
	var next atomic.Int64
	var wait sync.WaitGroup
	for i := range min(threads, max(blocks, 1)) {
		wait.Go(func() {
			for ctx.Err() == nil {
				b := int(next.Add(1)) - 1
				if b >= blocks {
					return
				}
				f(i, b, b*blockSize, min((b+1)*blockSize, n))
			}
		})
	}
	wait.Wait()
	return ctx.Err()
}

const blockSize = 2048
