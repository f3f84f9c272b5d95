package pipeline

import (
	"context"
	"sync"
)

// memory bounds the bytes of records that all lanes of a process have in work, whatever their number. A lane that holds
// nothing may always take one batch: else lanes that wait for the next stage could keep what that stage needs to go on,
// if it runs in the same process.
type memory struct {
	limit int64

	mu    sync.Mutex
	held  int64
	freed chan struct{} // closed when something has been given back
}

func newMemory(limit int64) *memory { return &memory{limit: limit, freed: make(chan struct{})} }

// share is a lane's part of the memory, with a bound of its own.
type share struct {
	of    *memory
	limit int64
	held  int64 // under of.mu
}

// take waits until there is room for n bytes.
func (s *share) take(ctx context.Context, n int64) error {
	m := s.of
	for {
		m.mu.Lock()
		if s.held == 0 || s.held+n <= s.limit && m.held+n <= m.limit {
			s.held += n
			m.held += n
			m.mu.Unlock()
			return nil
		}
		freed := m.freed
		m.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// grow counts n more bytes that are there already: work has made more of a record. The next take waits the longer.
func (s *share) grow(n int64) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.held += n
	s.of.held += n
}

// give gives n bytes back.
func (s *share) give(n int64) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.held -= n
	s.of.held -= n
	close(s.of.freed)
	s.of.freed = make(chan struct{})
}

// giveAll gives back what a lane that has ended still holds.
func (s *share) giveAll() {
	s.of.mu.Lock()
	n := s.held
	s.of.mu.Unlock()
	s.give(n)
}
