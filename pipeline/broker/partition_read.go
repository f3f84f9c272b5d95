package broker

// What readers see of a partition: all that is on the disk, and nothing behind it.

// ends returns the offset of the first record and the one behind the last that is on the disk.
func (p *partition) ends() (start, end int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.segments[0].base, p.durable
}

// span is a part of a segment's file.
type span struct {
	path   string
	pos, n int64
}

// find returns where the batches from an offset on lie, up to so many bytes; if first, one batch at least.
func (p *partition) find(offset, limit int64, first bool) (spans []span, bytes int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if offset < p.segments[0].base || offset > p.durable {
		return nil, 0, errRange
	}
	for _, s := range p.segments {
		if offset >= s.next || len(s.at) == 0 {
			continue
		}
		i := max(0, s.find(offset))
		from := s.at[i].pos
		to := from
		for ; i < len(s.at) && s.at[i].base < p.durable; i++ {
			if n := s.end(i) - from; bytes+n > limit && !(first && bytes+to-from == 0) {
				break
			}
			to = s.end(i)
		}
		if to > from {
			spans, bytes = append(spans, span{s.path, from, to - from}), bytes+to-from
		}
		if to < s.size {
			break
		}
	}
	return spans, bytes, nil
}

// watch has w woken when readers can see more.
func (p *partition) watch(w chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[w] = struct{}{}
}

func (p *partition) unwatch(w chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, w)
}
