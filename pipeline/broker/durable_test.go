package broker

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// disk stands between a broker and its files: it knows how much of each has been synced, holds syncs of segments up, and
// lets them fail.
type disk struct {
	mu     sync.Mutex
	synced map[string]int64 // bytes of a file at its last sync
	syncs  int              // of segments
	fails  error
	begun  chan struct{} // gets a value at each sync of a segment, if not nil
	goOn   chan struct{} // which then waits for one
}

func newDisk() *disk { return &disk{synced: map[string]int64{}} }

func (d *disk) sync(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return err
	}
	d.mu.Lock()
	begun, goOn, fails := d.begun, d.goOn, d.fails
	d.syncs++
	d.mu.Unlock()
	if begun != nil {
		begun <- struct{}{}
		<-goOn
	}
	if fails != nil {
		return fails
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.synced[f.Name()] = info.Size() // as it was when the sync began
	return nil
}

func (d *disk) hold() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.begun, d.goOn = make(chan struct{}), make(chan struct{})
}

// TestNothingCountsBeforeItIsSynced holds a sync up: neither the producer nor a reader may see the record.
func TestNothingCountsBeforeItIsSynced(t *testing.T) {
	d := newDisk()
	b := start(t, t.TempDir(), d.sync)
	c := dial(t, b.Address())
	c.create("x", 1, map[string]string{"segment.bytes": "200"}) // two batches
	if _, err := c.produce("x", 0, batchOf([]byte("one"))); err != nil {
		t.Fatal(err)
	}
	d.hold()
	type answer struct {
		base int64
		err  error
	}
	answers := make(chan answer, 5)
	send := func() {
		c := dial(t, b.Address())
		go func() {
			base, err := c.produce("x", 0, batchOf([]byte("two")))
			answers <- answer{base, err}
		}()
	}
	send()
	<-d.begun
	for range 4 { // that come while a sync runs, and need another
		send()
	}
	topic := b.topic("x")
	p, err := b.partition(topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	for { // until all five are written
		p.mu.Lock()
		end := p.end
		p.mu.Unlock()
		if end == 6 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if got := c.fetch("x", 0, 1, 1<<20, 20*time.Millisecond); got.err != nil || got.end != 1 || len(got.bytes) > 0 {
		t.Errorf("a reader sees %d bytes up to %d (%v), nothing of which is synced", len(got.bytes), got.end, got.err)
	}
	if _, end := c.ends("x", 0); end != 1 {
		t.Errorf("the log ends at %d, want 1 before the sync", end)
	}
	select {
	case a := <-answers:
		t.Fatalf("acknowledged at %d before the sync (%v)", a.base, a.err)
	default:
	}
	d.mu.Lock()
	before := d.syncs
	d.mu.Unlock()
	d.goOn <- struct{}{}
	<-d.begun
	first := <-answers
	select {
	case a := <-answers:
		t.Fatalf("acknowledged at %d by a sync that began before it was written", a.base)
	default:
	}
	d.mu.Lock()
	d.begun = nil // the sync that has begun has another segment behind it
	d.mu.Unlock()
	d.goOn <- struct{}{}
	seen := map[int64]bool{first.base: true}
	for range 4 {
		a := <-answers
		if a.err != nil {
			t.Error(a.err)
		}
		seen[a.base] = true
	}
	if len(seen) != 5 || first.base != 1 {
		t.Errorf("offsets %v, the first one %d: want 1 to 5", seen, first.base)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range p.segments {
		if d.synced[s.path] != s.size {
			t.Errorf("%d bytes of %s are synced, want %d", d.synced[s.path], s.path, s.size)
		}
	}
	if n := d.syncs - before; len(p.segments) != 3 || n != 2 {
		t.Errorf("%d syncs of %d segments for the four that came while one ran, want 2 of 3", n, len(p.segments))
	}
}

// TestSyncThatFails: the producer gets an error, nobody sees the record, and nothing is taken any more; a restart has what
// was acknowledged, and no more.
func TestSyncThatFails(t *testing.T) {
	d, dir := newDisk(), t.TempDir()
	b := start(t, dir, d.sync)
	c := dial(t, b.Address())
	c.create("x", 2, map[string]string{"segment.bytes": "1000"})
	value := bytes.Repeat([]byte("v"), 600)
	for range 3 {
		if _, err := c.produce("x", 0, batchOf(value)); err != nil {
			t.Fatal(err)
		}
	}
	d.mu.Lock()
	d.fails = errors.New("input/output error")
	d.mu.Unlock()
	for range 2 {
		if base, err := c.produce("x", 0, batchOf(value)); !errors.Is(err, kerr.KafkaStorageError) {
			t.Fatalf("written at %d (%v) although it cannot be synced", base, err)
		}
	}
	d.mu.Lock()
	d.fails = nil // the kernel says a failure once
	d.mu.Unlock()
	if base, err := c.produce("x", 0, batchOf(value)); !errors.Is(err, kerr.KafkaStorageError) {
		t.Fatalf("written at %d (%v) behind a sync that has failed", base, err)
	}
	if _, err := c.produce("x", 1, batchOf(value)); err != nil {
		t.Errorf("another partition: %v", err)
	}
	check := func(c *client) {
		t.Helper()
		if start, end := c.ends("x", 0); start != 0 || end != 3 {
			t.Errorf("the log has %d to %d, want 0 to 3", start, end)
		}
		if got := c.fetch("x", 0, 0, 1<<20, 0); got.err != nil || len(split(got.bytes)) != 3 {
			t.Errorf("a reader gets %d batches (%v), want 3", len(split(got.bytes)), got.err)
		}
	}
	check(c)
	b.closeOnce()
	c = dial(t, start(t, dir, d.sync).Address())
	check(c)
	if base, err := c.produce("x", 0, batchOf(value)); err != nil || base != 3 {
		t.Errorf("behind a restart: written at %d (%v), want 3", base, err)
	}
}

// split takes batches apart.
func split(data []byte) (out [][]byte) {
	for n := batchSize(data); n > 0; n = batchSize(data) {
		out = append(out, data[:n])
		data = data[n:]
	}
	return out
}
