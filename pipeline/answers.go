package pipeline

import (
	"sync"
	"sync/atomic"
)

// answers keeps the memory of answers that nothing points into any more for the next ones. Answers are megabytes: made
// anew each time, a third of what a lane of large records costs is the kernel's clearing of fresh pages.
type answers struct {
	mu   sync.Mutex
	free []*answer
}

// answer is the memory of one. The values of its records point into it, so it is used again only when each of them is
// settled; where one is not, whatever the reason, it is left to the garbage collector.
type answer struct {
	buf  []byte
	left atomic.Int64 // records that are not settled yet
	home *answers
}

const (
	// minAnswer is the size below which memory is not kept: it costs little to make.
	minAnswer = 256 << 10
	// maxFree bounds how many are kept, each of at most maxResponse.
	maxFree = 4
)

// get returns memory of n bytes with any content.
func (p *answers) get(n int) *answer {
	if n < minAnswer {
		return &answer{buf: make([]byte, n)}
	}
	p.mu.Lock()
	for i, a := range p.free {
		if cap(a.buf) >= n {
			last := len(p.free) - 1
			p.free[i] = p.free[last]
			p.free[last] = nil
			p.free = p.free[:last]
			p.mu.Unlock()
			a.buf = a.buf[:n]
			return a
		}
	}
	p.mu.Unlock()
	// The next answers have about this size: room for them, in steps.
	room := (n + minAnswer - 1) / minAnswer * minAnswer
	return &answer{buf: make([]byte, n, room), home: p}
}

// settle counts a record off. Behind the last one the memory belongs to another answer.
func (a *answer) settle() {
	if a == nil || a.left.Add(-1) != 0 || a.home == nil {
		return
	}
	if poisonAnswers {
		for i := range a.buf {
			a.buf[i] = 0xdb
		}
	}
	p := a.home
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < maxFree {
		p.free = append(p.free, a)
		return
	}
	// The smallest goes, so that what stays serves every size.
	for i, o := range p.free {
		if cap(o.buf) < cap(a.buf) {
			p.free[i], a = a, o
		}
	}
}
