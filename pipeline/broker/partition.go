package broker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// partition is the log of one partition. Appending puts a batch into the page cache; settle waits until it is on the disk,
// and only then do readers see it. So nobody can act on a record that a loss of power would take back.
//
// One sync runs at a time; those who come meanwhile wait for the next, which serves them all.
type partition struct {
	dir  string
	sync func(*os.File) error // nil: records count as soon as they are written

	mu       sync.Mutex
	segments []*segment // never empty; the last one is written
	end      int64      // offset behind the last record written
	durable  int64      // and behind the last one that is on the disk
	dirty    []*segment // written behind the last sync
	syncing  bool
	synced   sync.Cond // a sync has ended
	failed   error     // a sync that went wrong, or errClosed: nothing is taken any more
	waiting  map[chan struct{}]struct{}
}

var (
	errClosed = errors.New("closed")
	// errRange is an offset in front of the log or behind its end.
	errRange = errors.New("offset out of range")
)

// openPartition reads what is there.
func openPartition(dir string, sync func(*os.File) error) (*partition, error) {
	p := &partition{dir: dir, sync: sync, waiting: map[chan struct{}]struct{}{}}
	p.synced.L = &p.mu
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if p.segments, err = segmentsIn(dir); err != nil {
		return nil, err
	}
	for _, s := range p.segments {
		if err := s.recover(); err != nil {
			return nil, fmt.Errorf("read %s: %w", s.path, err)
		}
	}
	// A batch that is whole stays, also behind one that was not: readers then find a gap. Nothing is behind an empty one.
	for n := len(p.segments); n > 1 && p.segments[n-1].size == 0; n-- {
		if err := os.Remove(p.segments[n-1].path); err != nil {
			return nil, err
		}
		p.segments = p.segments[:n-1]
	}
	if len(p.segments) == 0 {
		return p, p.roll(0)
	}
	last := p.segments[len(p.segments)-1]
	p.end = last.next
	if last.file, err = os.OpenFile(last.path, os.O_WRONLY, 0); err != nil {
		return nil, err
	}
	if sync == nil {
		p.durable = p.end
		return p, nil
	}
	// The process before may have been killed between writing and syncing.
	for _, s := range p.segments {
		if s.file == nil {
			if s.file, err = os.OpenFile(s.path, os.O_WRONLY, 0); err != nil {
				return nil, err
			}
		}
		s.made = true
	}
	p.dirty = slices.Clone(p.segments)
	return p, p.settle(p.end)
}

// roll begins a segment. p.mu is held, or p is not known yet.
func (p *partition) roll(base int64) error {
	s := &segment{path: segmentPath(p.dir, base), base: base, next: base, made: true}
	var err error
	if s.file, err = os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644); err != nil {
		return err
	}
	p.segments = append(p.segments, s)
	p.tidy()
	return nil
}

// tidy closes the files that are not written any more. p.mu is held.
func (p *partition) tidy() {
	for i, s := range p.segments {
		if !p.syncing && (p.failed != nil || i < len(p.segments)-1 && !slices.Contains(p.dirty, s)) {
			s.close()
		}
	}
}

// append writes one batch, whose offset it fills in, and returns the offset. Segments hold up to so many bytes, or one batch.
func (p *partition) append(b []byte, segmentBytes int64) (base int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		return 0, p.failed
	}
	s := p.segments[len(p.segments)-1]
	if s.size > 0 && s.size+int64(len(b)) > segmentBytes {
		if err := p.roll(p.end); err != nil {
			return 0, err
		}
		s = p.segments[len(p.segments)-1]
	}
	base = p.end
	binary.BigEndian.PutUint64(b[atBase:], uint64(base))
	binary.BigEndian.PutUint32(b[atEpoch:], 0)
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		// What was written of it is overwritten by the next, or cut off by recover.
		return 0, errors.Join(err, os.Truncate(s.path, s.size))
	}
	s.note(int64(len(b)), records(b))
	p.end = s.next
	switch {
	case p.sync == nil:
		p.advance(p.end)
	case !slices.Contains(p.dirty, s):
		p.dirty = append(p.dirty, s)
	}
	return base, nil
}

// settle waits until all in front of an offset is on the disk.
func (p *partition) settle(offset int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.durable < offset && p.failed == nil {
		if p.syncing {
			p.synced.Wait()
			continue
		}
		dirty, end := p.dirty, p.end
		p.syncing, p.dirty = true, nil
		p.mu.Unlock()
		err := p.syncAll(dirty)
		p.mu.Lock()
		p.syncing = false
		if err != nil {
			p.fail(err)
		} else {
			p.advance(end)
		}
		p.tidy()
		p.synced.Broadcast()
	}
	if p.durable >= offset {
		return nil
	}
	return p.failed
}

// syncAll syncs segments, and the folder if it has names in it that are new.
func (p *partition) syncAll(dirty []*segment) error {
	made := false
	for _, s := range dirty {
		if err := p.sync(s.file); err != nil {
			return fmt.Errorf("sync %s: %w", s.path, err)
		}
		made, s.made = made || s.made, false
	}
	if !made {
		return nil
	}
	return syncDirs(p.sync, p.dir, filepath.Dir(p.dir), filepath.Dir(filepath.Dir(p.dir)))
}

func syncDirs(sync func(*os.File) error, dirs ...string) error {
	for _, dir := range dirs {
		d, err := os.Open(dir)
		if err != nil {
			return err
		}
		err = sync(d)
		d.Close()
		if err != nil {
			return fmt.Errorf("sync %s: %w", dir, err)
		}
	}
	return nil
}

// advance lets readers see up to an offset. p.mu is held.
func (p *partition) advance(end int64) {
	p.durable = max(p.durable, end)
	for w := range p.waiting {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

// fail ends the partition's life. Behind a sync that went wrong the kernel takes what it could not write for written, so
// trying again would prove nothing. What nobody has seen is cut off, so that a restart does not find it in the page cache;
// should that fail as well, a restart may serve records that are not on the disk, none of which was acknowledged.
func (p *partition) fail(err error) {
	p.failed = err
	for len(p.segments) > 1 && p.segments[len(p.segments)-1].base >= p.durable {
		s := p.segments[len(p.segments)-1]
		_ = os.Remove(s.path)
		s.close()
		p.segments = p.segments[:len(p.segments)-1]
	}
	_ = p.segments[len(p.segments)-1].cut(p.durable)
	p.end, p.dirty = p.durable, nil
	p.advance(p.durable)
}

// expire removes whole segments from the head as long as so many bytes stay.
func (p *partition) expire(keep int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	size := int64(0)
	for _, s := range p.segments {
		size += s.size
	}
	for len(p.segments) > 1 && p.segments[0].next <= p.durable && size-p.segments[0].size >= keep {
		s := p.segments[0]
		if os.Remove(s.path) != nil {
			return // the next look tries again
		}
		size -= s.size
		s.close()
		p.segments = p.segments[1:]
	}
}

func (p *partition) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed == nil {
		p.failed = errClosed
	}
	for p.syncing {
		p.synced.Wait()
	}
	p.tidy()
	p.synced.Broadcast()
}
