package pipeline

import (
	"context"
	"sync"
	"time"
)

// job is the work on one partition.
type job struct {
	name  string
	run   func(context.Context) error
	leave func() // after the last run
	lanes []workLane
}

// workers runs the jobs of this process. A job that stays goes on through a new sharing of the lanes.
type workers struct {
	mu      sync.Mutex
	running map[topicLane]*worker
	leaving map[topicLane]*worker // told to stop, perhaps not stopped yet
	closed  bool
	all     sync.WaitGroup
}

type worker struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// owned says which partitions are worked on.
func (p *workers) owned() map[string][]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string][]int{}
	for tl := range p.running {
		out[tl.topic] = append(out[tl.topic], tl.lane)
	}
	return out
}

// take makes the running jobs those of shares.
func (p *workers) take(ctx context.Context, shares map[string][]int, start func(topic string, partition int) job, run func(context.Context, job)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if p.running == nil {
		p.running, p.leaving = map[topicLane]*worker{}, map[topicLane]*worker{}
	}
	wanted := map[topicLane]bool{}
	for topic, partitions := range shares {
		for _, n := range partitions {
			wanted[topicLane{topic, n}] = true
		}
	}
	for tl, w := range p.running {
		if !wanted[tl] {
			w.cancel()
			p.leaving[tl] = w
			delete(p.running, tl)
		}
	}
	for tl := range wanted {
		if p.running[tl] != nil {
			continue
		}
		before := p.leaving[tl]
		j := start(tl.topic, tl.lane)
		w := &worker{done: make(chan struct{})}
		ctx, cancel := context.WithCancel(ctx)
		w.cancel = cancel
		p.running[tl] = w
		p.all.Go(func() {
			defer close(w.done)
			if before != nil {
				<-before.done // the same lane may have gone and come back
			}
			run(ctx, j)
			if j.leave != nil {
				j.leave()
			}
		})
	}
}

// stop stops all jobs and waits for them, but no longer than limit.
func (p *workers) stop(limit time.Duration) (stopped bool) {
	p.mu.Lock()
	p.closed = true
	for _, w := range p.running {
		w.cancel()
	}
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.all.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(limit):
		return false
	}
}
