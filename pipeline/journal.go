package pipeline

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/imglish/imglish/durable"
)

// journal finds samples that take the process down. Each call of Process writes its range of seq into a slot of a
// small file and clears it behind: two writes into the page cache, which survive a crash of the process. A process
// that starts reads the files of dead ones.
//
// A crash that the Go runtime could report (a fault in C code, memory that cannot be had) leaves a text in a second
// file; a kill from outside leaves none. What was in work at a reported crash is suspect and runs with nothing beside
// it; if the process crashes again, it is guilty and becomes a skip. A kill from outside proves little, so it takes
// more of them: killing a line at random must not cost it samples.
type journal struct {
	dir  string
	name string
	life string // of the line: what an earlier one is blamed for does not count
	file *os.File
	note *os.File // gets the runtime's report of a crash

	gate sync.RWMutex // held alone by a suspect

	mu    sync.Mutex
	free  []int
	slots int
	blame map[string]blame
}

// blame counts the crashes at which a seq was in work.
type blame struct {
	Crashes  int `json:"crashes"`            // all
	Reported int `json:"reported,omitempty"` // of these, with a report
	Alone    int `json:"alone,omitempty"`    // with nothing else in work
	Proven   int `json:"proven,omitempty"`   // both
}

type verdict int

const (
	innocent verdict = iota
	suspect
	guilty
)

func (b blame) verdict() verdict {
	switch {
	case b.Proven >= 1 || b.Alone >= unreported:
		return guilty
	case b.Reported >= 1 || b.Crashes >= unreported:
		return suspect
	}
	return innocent
}

const (
	// unreported is how many kills without a report count like a crash with one. A batch that takes seconds is easily
	// in work at several of somebody's kills in a row; a sample that makes the system kill the process for its memory
	// is in work at all of them.
	unreported = 5

	slotSize  = 40 // bytes: hash of segment, lane, alone, first seq, last seq + 1
	maxSlots  = 1 << 20
	maxInWork = 1 << 16 // samples of one slot that are believed
)

func openJournal(dir, life string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("work journal: %w", err)
	}
	j := &journal{dir: dir, name: uuid.NewString(), life: life}
	var err error
	if j.file, err = os.OpenFile(j.path(j.name, ".journal"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644); err != nil {
		return nil, fmt.Errorf("work journal: %w", err)
	}
	if _, err := tryLock(j.file); err != nil {
		return nil, err
	}
	if j.note, err = os.Create(j.path(j.name, ".crash")); err != nil {
		return nil, fmt.Errorf("work journal: %w", err)
	}
	if err := debug.SetCrashOutput(j.note, debug.CrashOptions{}); err != nil {
		return nil, fmt.Errorf("work journal: %w", err)
	}
	return j, j.absorb()
}

func (j *journal) path(name, ext string) string { return filepath.Join(j.dir, name+ext) }

func workKey(segment uint64, lane uint32, seq uint64) string {
	return fmt.Sprintf("%016x/%d/%d", segment, lane, seq)
}

func (j *journal) hash(segment string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(segment + j.life))
	return h.Sum64() | 1 // never 0, which marks a free slot
}

// begin notes that a range of seq is in work; the function that it returns notes the end.
func (j *journal) begin(segment string, lane int, first, last uint64, alone bool) (end func()) {
	if j == nil {
		return func() {}
	}
	if alone {
		j.gate.Lock()
	} else {
		j.gate.RLock()
	}
	j.mu.Lock()
	slot := j.slots
	if n := len(j.free); n > 0 {
		slot, j.free = j.free[n-1], j.free[:n-1]
	} else {
		j.slots++
	}
	j.mu.Unlock()
	var b [slotSize]byte
	binary.LittleEndian.PutUint64(b[0:], j.hash(segment))
	binary.LittleEndian.PutUint32(b[8:], uint32(lane))
	if alone {
		b[12] = 1
	}
	binary.LittleEndian.PutUint64(b[16:], first)
	binary.LittleEndian.PutUint64(b[24:], last+1)
	// A journal that cannot be written (a full disk) blames nobody; the work itself goes on.
	_, _ = j.file.WriteAt(b[:], int64(slot)*slotSize)
	return func() {
		_, _ = j.file.WriteAt(make([]byte, slotSize), int64(slot)*slotSize)
		j.mu.Lock()
		j.free = append(j.free, slot)
		j.mu.Unlock()
		if alone {
			j.gate.Unlock()
		} else {
			j.gate.RUnlock()
		}
	}
}

// judge says what is known of a seq.
func (j *journal) judge(segment string, lane int, seq uint64) verdict {
	if j == nil {
		return innocent
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.blame) == 0 {
		return innocent
	}
	return j.blame[workKey(j.hash(segment), uint32(lane), seq)].verdict()
}

// settled forgets a seq that is written.
func (j *journal) settled(segment string, lane int, items []*item) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.blame) == 0 {
		return nil
	}
	var gone []string
	for _, it := range items {
		k := workKey(j.hash(segment), uint32(lane), it.seq)
		if _, ok := j.blame[k]; ok {
			gone = append(gone, k)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return j.update(func(m map[string]blame) {
		for _, k := range gone {
			delete(m, k)
		}
	})
}

// absorb reads the journals of processes that are gone.
func (j *journal) absorb() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return fmt.Errorf("work journal: %w", err)
	}
	return j.update(func(m map[string]blame) {
		for _, e := range entries {
			name, isJournal := strings.CutSuffix(e.Name(), ".journal")
			if !isJournal || name == j.name {
				continue
			}
			j.absorbOne(name, m)
		}
	})
}

func (j *journal) absorbOne(name string, m map[string]blame) {
	f, err := os.Open(j.path(name, ".journal"))
	if err != nil {
		return
	}
	defer f.Close()
	if free, err := tryLock(f); err != nil || !free {
		return // its process lives
	}
	data, err := readBounded(f, maxSlots*slotSize)
	if err != nil {
		return
	}
	note, _ := os.Stat(j.path(name, ".crash"))
	reported := note != nil && note.Size() > 0
	for ; len(data) >= slotSize; data = data[slotSize:] {
		segment := binary.LittleEndian.Uint64(data[0:])
		if segment == 0 {
			continue
		}
		lane, alone := binary.LittleEndian.Uint32(data[8:]), data[12] == 1
		first, end := binary.LittleEndian.Uint64(data[16:]), binary.LittleEndian.Uint64(data[24:])
		for seq := first; seq < min(end, first+maxInWork); seq++ {
			k := workKey(segment, lane, seq)
			b := m[k]
			b.Crashes++
			if reported {
				b.Reported++
			}
			if alone {
				b.Alone++
			}
			if alone && reported {
				b.Proven++
			}
			m[k] = b
		}
	}
	if reported {
		// Kept for people: what took the process down.
		_ = os.Rename(j.path(name, ".crash"), j.path("last", ".crash-report"))
	}
	_ = os.Remove(j.path(name, ".crash"))
	_ = os.Remove(j.path(name, ".journal"))
}

// update changes the blame that all processes share. j.mu is held.
func (j *journal) update(change func(map[string]blame)) error {
	lock, err := os.OpenFile(j.path("blame", ".lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("work journal: %w", err)
	}
	defer lock.Close()
	if err := waitLock(lock); err != nil {
		return err
	}
	m := map[string]blame{}
	path := j.path("blame", ".json")
	if data, err := os.ReadFile(path); err == nil {
		// A damaged file forgets the blame, no more: the crashes come again.
		_ = json.Unmarshal(data, &m)
	}
	before := len(m)
	change(m)
	j.blame = m
	if before == 0 && len(m) == 0 {
		return nil
	}
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("work journal: %w", err)
	}
	return durable.WriteFile(path, data)
}

// close ends the journal of a process that ends in order.
func (j *journal) close() {
	if j == nil {
		return
	}
	_ = debug.SetCrashOutput(nil, debug.CrashOptions{})
	os.Remove(j.path(j.name, ".crash"))
	os.Remove(j.path(j.name, ".journal"))
	j.note.Close()
	j.file.Close()
}
