package broker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
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

// TestPowerLoss takes from every file what has not been synced, in part or wholly and with other bytes in its place, at
// random moments under load: what was acknowledged must be there, and nothing else but what was sent.
func TestPowerLoss(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 6 {
		dir, d := t.TempDir(), newDisk()
		b := start(t, dir, d.sync)
		setup := dial(t, b.Address())
		setup.create("x", 2, map[string]string{"segment.bytes": "3000"})
		var mu sync.Mutex
		acknowledged := [2]map[int64][]byte{{}, {}}
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for w := range 4 {
			c := dial(t, b.Address())
			wg.Go(func() {
				r := rand.New(rand.NewPCG(uint64(round), uint64(w)))
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					var values [][]byte
					for range 1 + r.IntN(4) {
						values = append(values, fmt.Appendf(nil, "%d/%d %s", w, n, strings.Repeat("x", r.IntN(800))))
					}
					base, err := c.produce("x", int32(w%2), batchOf(values...))
					if err != nil {
						return
					}
					mu.Lock()
					acknowledged[w%2][base] = batchOf(values...)
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(20+r.IntN(60)) * time.Millisecond)
		// The copy is what a machine that loses power now has on its disk. What is acknowledged up to here must be in it.
		mu.Lock()
		want := [2]map[int64][]byte{{}, {}}
		for i := range want {
			for base, batch := range acknowledged[i] {
				want[i][base] = batch
			}
		}
		mu.Unlock()
		lost := copyAfterPowerLoss(t, dir, d, r)
		close(stop)
		wg.Wait()
		b.closeOnce()

		c := dial(t, start(t, lost, newDisk().sync).Address())
		for i := range want {
			_, end := c.ends("x", int32(i))
			got := map[int64][]byte{}
			for offset := int64(0); offset < end; {
				f := c.fetch("x", int32(i), offset, 1<<20, 0)
				if f.err != nil || len(f.bytes) == 0 {
					t.Fatalf("round %d: read at %d of %d: %d bytes, %v", round, offset, end, len(f.bytes), f.err)
				}
				for _, batch := range split(f.bytes) {
					base := int64(binary.BigEndian.Uint64(batch))
					got[base] = batch
					offset = base + records(batch)
				}
			}
			for base, batch := range want[i] {
				if !bytes.Equal(got[base][min(len(got[base]), 16):], batch[16:]) {
					t.Fatalf("round %d: the batch at %d/%d was acknowledged, and is not there", round, i, base)
				}
			}
			mu.Lock()
			for base, batch := range got { // later acknowledgements say what the others were
				if sent, ok := acknowledged[i][base]; ok && !bytes.Equal(sent[16:], batch[16:]) {
					t.Errorf("round %d: the batch at %d/%d is another than was sent", round, i, base)
				}
			}
			mu.Unlock()
			if base, err := c.produce("x", int32(i), batchOf([]byte("on"))); err != nil || base != end {
				t.Errorf("round %d: goes on at %d (%v), want %d", round, base, err, end)
			}
		}
	}
}

// copyAfterPowerLoss copies a folder of a broker that runs. Of segments it takes what has been synced, and of the rest a
// part, some of it damaged.
func copyAfterPowerLoss(t *testing.T, dir string, d *disk, r *rand.Rand) string {
	t.Helper()
	to := t.TempDir()
	d.mu.Lock()
	synced := map[string]int64{}
	for name, n := range d.synced {
		synced[name] = n
	}
	d.mu.Unlock()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		if e.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if filepath.Ext(path) == suffix && strings.HasPrefix(rel, recordsFolder) {
			safe := min(int(synced[path]), len(data))
			data = data[:safe+r.IntN(len(data)-safe+1)]
			for n := r.IntN(3); n > 0 && len(data) > safe; n-- {
				data[safe+r.IntN(len(data)-safe)] ^= byte(1 + r.IntN(255))
			}
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}
