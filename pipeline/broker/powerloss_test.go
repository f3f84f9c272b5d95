package broker

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

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
