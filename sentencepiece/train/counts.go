package train

import (
	"context"
	"sync"
	"sync/atomic"
)

// parts is how many tables the counts are spread over, each behind its own lock.
const nTables = 64

// counts are the words of a corpus with their counts. Words that do not fit in memory are written to files, sorted, and
// added up when the counts are read.
type counts struct {
	limit   int64 // bytes in memory
	scratch string

	spilling sync.RWMutex // held for reading by those who add
	tables   [nTables]struct {
		sync.Mutex
		table
		held int64 // bytes as of the last flush
	}
	held atomic.Int64
	runs []*run // protected by spilling
}

// tableOf says which table counts a word.
func tableOf(hash uint64) int { return int(hash >> 58) }

// add adds the counts of a batch. order is scratch.
func (c *counts) add(ctx context.Context, batch *table, order *[nTables][]uint32) error {
	for i := range order {
		order[i] = order[i][:0]
	}
	for i := range batch.entries {
		k := tableOf(batch.entries[i].hash)
		order[k] = append(order[k], uint32(i))
	}
	c.spilling.RLock()
	full := false
	for k := range order {
		if len(order[k]) == 0 {
			continue
		}
		t := &c.tables[k]
		t.Lock()
		for _, i := range order[k] {
			e := &batch.entries[i]
			t.add(batch.word(e), e.hash, e.count)
		}
		now := t.bytes()
		c.held.Add(now - t.held)
		t.held = now
		full = full || t.full()
		t.Unlock()
	}
	c.spilling.RUnlock()
	if full || c.held.Load() > c.limit {
		return c.spill(ctx, false)
	}
	return nil
}

// spill writes what is in memory to a file, unless another has just done so.
func (c *counts) spill(ctx context.Context, always bool) error {
	c.spilling.Lock()
	defer c.spilling.Unlock()
	full := always || c.held.Load() > c.limit
	for k := range c.tables {
		full = full || c.tables[k].full()
	}
	if !full {
		return nil
	}
	r, err := newRun(c.scratch)
	if err != nil {
		return err
	}
	c.runs = append(c.runs, r)
	for k := range c.tables {
		if err := ctx.Err(); err != nil {
			return err
		}
		t := &c.tables[k]
		t.sort()
		if err := r.write(k, &t.table); err != nil {
			return err
		}
		t.table, t.held = table{}, 0
	}
	c.held.Store(0)
	return r.finish()
}

// each calls f with each word and its count, table by table, the words of each in order. The counts are gone then.
func (c *counts) each(ctx context.Context, f func(word []byte, count int64) error) error {
	if len(c.runs) > 0 && c.held.Load() > 0 {
		if err := c.spill(ctx, true); err != nil {
			return err
		}
	}
	for k := range c.tables {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(c.runs) > 0 {
			if err := merge(c.runs, k, f); err != nil {
				return err
			}
			continue
		}
		t := &c.tables[k]
		t.sort()
		for i := range t.entries {
			e := &t.entries[i]
			if err := f(t.word(e), e.count); err != nil {
				return err
			}
		}
		t.table = table{}
	}
	return nil
}

// close removes the files.
func (c *counts) close() {
	for _, r := range c.runs {
		r.close()
	}
}
